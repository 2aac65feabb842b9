/*
 * Throughput: every connection moves bytes as fast as it can, down, up or both ways. Received bytes
 * are discarded in the kernel, unless --pattern asks to look at them.
 */

#include <errno.h>

#include "bench/client.h"
#include "bench/clock.h"

/* Rounds of LOAD_SCRATCH_BYTES before another connection has its turn. */
#define ROUNDS 8

static bool carries_pattern(const struct client *client)
{
    return (client->thread->load->request.flags & WIRE_PATTERN) != 0;
}

static bool check(struct client *client, const uint8_t *bytes, size_t len)
{
    if (carries_pattern(client) &&
        wire_pattern_check(wire_down_seed(client->seed), client->received, bytes, len) < len) {
        client_fail(client, LOAD_ERROR_CORRUPT);
        return false;
    }
    client->received += len;
    return true;
}

/* False when the connection is gone. */
static bool pump_down(struct client *client)
{
    struct load_thread *thread = client->thread;
    bool looks = carries_pattern(client);
    for (int round = 0; round < ROUNDS; round++) {
        ssize_t got = looks ? stream_recv(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES)
                            : stream_discard(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return true;
        if (got <= 0) {
            client_fail(client, got == 0 ? LOAD_ERROR_CLOSED : load_error_of(got));
            return false;
        }
        thread->tally.bytes_in += (uint64_t)got;
        if (!check(client, thread->scratch, (size_t)got))
            return false;
        /* A short read emptied the socket. */
        if ((size_t)got < LOAD_SCRATCH_BYTES && !client->hangup && client->stream.ssl == NULL)
            return true;
    }
    poller_again(&thread->poller, &client->pollable);
    return true;
}

static void pump_up(struct client *client)
{
    struct load_thread *thread = client->thread;
    for (int round = 0; round < ROUNDS; round++) {
        const uint8_t *bytes = thread->payload;
        if (carries_pattern(client)) {
            wire_pattern_fill(client->seed, client->sent, thread->scratch, LOAD_SCRATCH_BYTES);
            bytes = thread->scratch;
        }
        ssize_t sent = stream_send(&client->stream, bytes, LOAD_SCRATCH_BYTES);
        if (sent == -EAGAIN)
            return;
        if (sent < 0) {
            client_fail(client, load_error_of(sent));
            return;
        }
        client->sent += (uint64_t)sent;
        thread->tally.bytes_out += (uint64_t)sent;
        if ((size_t)sent < LOAD_SCRATCH_BYTES && client->stream.ssl == NULL)
            return;
    }
    poller_again(&thread->poller, &client->pollable);
}

static void on_events(struct client *client)
{
    enum wire_mode mode = client->thread->load->request.mode;
    /* A stream that only goes up is read to learn of its end. */
    if ((mode != WIRE_SINK || client->hangup) && !pump_down(client))
        return;
    if (mode != WIRE_SOURCE)
        pump_up(client);
}

static void on_ready(struct client *client, const uint8_t *rest, size_t len)
{
    if (len > 0 && !check(client, rest, len))
        return;
    on_events(client);
}

/* A stream that breaks is not replaced: the error says so and the others go on. */
static void on_lost(struct client *client)
{
    (void)client;
}

static uint64_t tick(struct load_thread *thread, uint64_t now_ns)
{
    if (thread->opened_count < thread->client_count)
        return load_open_ramped(thread, now_ns);
    return thread->end_ns == 0 ? CLOCK_NEVER : thread->end_ns;
}

static bool is_done(const struct load_thread *thread, uint64_t now_ns)
{
    return thread->ready == 0 || now_ns >= thread->end_ns;
}

const struct traffic traffic_bulk = {.opens_first = true,
                                     .sends_more = true,
                                     .tick = tick,
                                     .on_ready = on_ready,
                                     .on_events = on_events,
                                     .on_lost = on_lost,
                                     .is_done = is_done};
