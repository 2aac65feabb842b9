/*
 * Throughput: every connection moves bytes as fast as it can, down, up or both ways. They begin
 * when all are open, because the first ones would starve the others. Received bytes are discarded
 * in the kernel unless --pattern asks to check them.
 *
 * With --pattern the backend checks the bytes that go up. At the end of the run every stream ends
 * its sending side, and the backend's trailer says how many bytes came and whether they were right.
 */

#include <errno.h>
#include <string.h>

#include "bench/client.h"
#include "bench/clock.h"

/* TLS takes one record at a time, so a longer piece of the pattern would be computed in vain. */
#define RECORD_BYTES 16384u

static bool carries_pattern(const struct client *client)
{
    return (client->thread->load->request.flags & WIRE_PATTERN) != 0;
}

/* Whether the backend confirms at the end the bytes that went up. */
static bool is_confirmed(const struct load_thread *thread)
{
    return (thread->load->request.flags & WIRE_TRAILER) != 0;
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

/*
 * Takes bytes of a stream that ends with a trailer: the last bytes may be the trailer, all before
 * are the pattern. False: the connection is gone.
 */
static bool take_with_tail(struct client *client, const uint8_t *bytes, size_t len)
{
    uint8_t joined[2 * WIRE_TRAILER_BYTES];

    if (len >= WIRE_TRAILER_BYTES) {
        size_t more = len - WIRE_TRAILER_BYTES;
        if (!check(client, client->tail, client->tail_len) || !check(client, bytes, more))
            return false;
        memcpy(client->tail, bytes + more, WIRE_TRAILER_BYTES);
        client->tail_len = WIRE_TRAILER_BYTES;
        return true;
    }
    size_t have = client->tail_len + len;
    size_t out = have > WIRE_TRAILER_BYTES ? have - WIRE_TRAILER_BYTES : 0;
    memcpy(joined, client->tail, client->tail_len);
    memcpy(joined + client->tail_len, bytes, len);
    if (!check(client, joined, out))
        return false;
    memcpy(client->tail, joined + out, have - out);
    client->tail_len = (uint8_t)(have - out);
    return true;
}

static bool take(struct client *client, const uint8_t *bytes, size_t len)
{
    return is_confirmed(client->thread) ? take_with_tail(client, bytes, len)
                                        : check(client, bytes, len);
}

/* Reads the trailer after the backend has ended the stream: did all bytes arrive, and right? */
static void take_trailer(struct client *client)
{
    struct wire_trailer trailer;

    if (client->tail_len < WIRE_TRAILER_BYTES || !wire_read_trailer(client->tail, &trailer))
        client_fail(client, LOAD_ERROR_CLOSED);
    else if (trailer.corrupt || trailer.received != client->sent)
        client_fail(client, LOAD_ERROR_CORRUPT);
    else
        client_close(client);
}

/* False when the connection is gone. */
static bool pump_down(struct client *client)
{
    struct load_thread *thread = client->thread;
    bool looks = carries_pattern(client);

    for (size_t moved = 0; moved < POLLER_TURN_BYTES;) {
        ssize_t got = looks ? stream_recv(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES)
                            : stream_discard(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return true;
        if (got == 0 && client->confirming) {
            take_trailer(client);
            return false;
        }
        if (got <= 0) {
            client_fail(client, got == 0 ? LOAD_ERROR_CLOSED : load_error_of(got));
            return false;
        }
        moved += (size_t)got;
        thread->counts.bytes_in += (uint64_t)got;
        if (!take(client, thread->scratch, (size_t)got))
            return false;
        /* A short read emptied the socket. */
        if ((size_t)got < LOAD_SCRATCH_BYTES && !client->hangup && client->stream.ssl == NULL)
            return true;
    }
    poller_again(&thread->poller, &client->pollable);
    return true;
}

/* The next piece to send, of `len` bytes. */
static const uint8_t *next_piece(struct client *client, size_t *len)
{
    struct load_thread *thread = client->thread;

    *len = LOAD_SCRATCH_BYTES;
    if (!carries_pattern(client))
        return thread->payload;
    if (client->stream.ssl != NULL)
        *len = RECORD_BYTES;
    wire_pattern_fill(client->seed, client->sent, thread->scratch, *len);
    return thread->scratch;
}

static void pump_up(struct client *client)
{
    struct load_thread *thread = client->thread;

    for (size_t moved = 0; moved < POLLER_TURN_BYTES;) {
        size_t len;
        const uint8_t *bytes = next_piece(client, &len);
        ssize_t sent = stream_send(&client->stream, bytes, len);
        if (sent == -EAGAIN)
            return;
        if (sent < 0) {
            client_fail(client, load_error_of(sent));
            return;
        }
        moved += (size_t)sent;
        client->sent += (uint64_t)sent;
        thread->counts.bytes_out += (uint64_t)sent;
        /* At this point no TLS record is half sent. */
        if (thread->closing) {
            client->confirming = true;
            stream_end(&client->stream);
            poller_again(&thread->poller, &client->pollable); /* the answer may be there already */
            return;
        }
        if ((size_t)sent < len && client->stream.ssl == NULL)
            return;
    }
    poller_again(&thread->poller, &client->pollable);
}

static void on_events(struct client *client)
{
    enum wire_mode mode = client->thread->load->request.mode;

    if (!client->thread->streaming && !client->hangup)
        return;
    /* A stream that only goes up is read to learn of its end. */
    if ((mode != WIRE_SINK || client->hangup || client->confirming) && !pump_down(client))
        return;
    if (mode != WIRE_SOURCE && !client->confirming)
        pump_up(client);
}

static void on_ready(struct client *client, const uint8_t *rest, size_t len)
{
    if (len > 0 && !take(client, rest, len))
        return;
    on_events(client);
}

/* A broken stream is not replaced: it counts as an error, and the others go on. */
static void on_lost(struct client *client)
{
    (void)client;
}

/* Gives every stream a turn. */
static void stir(struct load_thread *thread)
{
    for (uint32_t i = 0; i < thread->client_count; i++) {
        if (thread->clients[i].phase == CLIENT_READY)
            poller_again(&thread->poller, &thread->clients[i].pollable);
    }
}

/* Streams whose end was not confirmed in time have failed. */
static void give_up(struct load_thread *thread)
{
    for (uint32_t i = 0; i < thread->client_count; i++) {
        if (thread->clients[i].phase == CLIENT_READY)
            client_fail(&thread->clients[i], LOAD_ERROR_TIMEOUT);
    }
}

static uint64_t tick(struct load_thread *thread, uint64_t now_ns)
{
    if (thread->opened_count < thread->client_count)
        return load_open_ramped(thread, now_ns);
    if (thread->begin_ns == 0)
        return CLOCK_NEVER;
    if (!thread->streaming) {
        thread->streaming = true;
        stir(thread);
        return now_ns;
    }
    if (now_ns < thread->end_ns || !is_confirmed(thread))
        return thread->end_ns;
    uint64_t last_ns = thread->end_ns + thread->load->options->load.timeout_ns;
    if (!thread->closing) {
        thread->closing = true;
        stir(thread);
        return now_ns;
    }
    if (now_ns >= last_ns)
        give_up(thread);
    return last_ns;
}

static bool is_done(const struct load_thread *thread, uint64_t now_ns)
{
    return thread->ready == 0 || (now_ns >= thread->end_ns && !is_confirmed(thread));
}

const struct traffic traffic_bulk = {.opens_first = true,
                                     .sends_more = true,
                                     .tick = tick,
                                     .on_ready = on_ready,
                                     .on_events = on_events,
                                     .on_lost = on_lost,
                                     .is_done = is_done};
