/*
 * New connections: each one sends its hello and request, takes what the backend sends, and ends.
 *
 * conn: the backend sends --resp bytes and closes; the connection is complete at its FIN, so that
 * the router's closing is part of it. latency --new-conn: the request travels with the hello and
 * the connection is complete with the response's last byte.
 */

#include <errno.h>

#include "bench/client.h"
#include "bench/clock.h"

#define OPEN_BATCH 32
/* The pause of a closed loop after an error, so that it does not flood a router that refuses. */
#define HOLD_AFTER_ERROR_NS (2 * NS_PER_MS)

static bool ends_with_fin(const struct client *client)
{
    return client->thread->load->request.mode != WIRE_REQUEST;
}

static void complete(struct client *client)
{
    struct load_thread *thread = client->thread;
    uint64_t now_ns = clock_now_ns();

    thread->counts.completed++;
    load_record_done(thread, client->scheduled_ns, client->begun_ns, now_ns);
    if (thread->blocked)
        thread->unblocked_ns = now_ns;
    thread->blocked = false;
    client_close(client);
}

/* Counts received bytes. True = the connection is closed, with or without an error. */
static bool take(struct client *client, size_t len)
{
    uint64_t wanted = client->thread->load->request.down_bytes;

    client->received += len;
    if (client->received > wanted) {
        client_fail(client, LOAD_ERROR_BAD_REPLY);
        return true;
    }
    if (client->received == wanted && !ends_with_fin(client)) {
        complete(client);
        return true;
    }
    return false;
}

static void on_events(struct client *client)
{
    struct load_thread *thread = client->thread;

    for (size_t moved = 0; moved < POLLER_TURN_BYTES;) {
        ssize_t got = stream_discard(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return;
        if (got < 0) {
            client_fail(client, load_error_of(got));
            return;
        }
        moved += (size_t)got;
        thread->counts.bytes_in += (uint64_t)got;
        if (got == 0 &&
            (client->received < thread->load->request.down_bytes || !ends_with_fin(client))) {
            client_fail(client, LOAD_ERROR_CLOSED);
            return;
        }
        if (got == 0) {
            complete(client);
            return;
        }
        if (take(client, (size_t)got))
            return;
        if ((size_t)got < LOAD_SCRATCH_BYTES && !client->hangup && client->stream.ssl == NULL)
            return;
    }
    poller_again(&thread->poller, &client->pollable);
}

static void on_ready(struct client *client, const uint8_t *rest, size_t len)
{
    struct load_thread *thread = client->thread;

    (void)rest;
    client->deadline_ns = client->begun_ns + thread->load->options->load.timeout_ns;
    /* conn --resp 0 asks for WIRE_SINK and ends it at once. */
    if (thread->load->request.mode == WIRE_SINK)
        stream_end(&client->stream);
    if (len > 0 && take(client, len))
        return;
    if (client->hangup || client->stream.ssl != NULL)
        on_events(client);
}

static void on_lost(struct client *client)
{
    struct load_thread *thread = client->thread;
    uint64_t now_ns = clock_now_ns();

    if (!thread->load->open_loop)
        thread->hold_ns = now_ns + HOLD_AFTER_ERROR_NS;
    if (thread->blocked)
        thread->unblocked_ns = now_ns;
    thread->blocked = false;
}

/* Begins what is due, a batch at a time. */
static uint64_t tick(struct load_thread *thread, uint64_t now_ns)
{
    bool open_loop = thread->load->open_loop;

    if (thread->begin_ns == 0)
        return CLOCK_NEVER;
    if (now_ns < thread->begin_ns)
        return thread->begin_ns;
    for (int batch = 0; batch < OPEN_BATCH; batch++) {
        if (!load_may_begin(thread, now_ns))
            return CLOCK_NEVER;
        uint64_t due_ns = open_loop ? load_due_ns(thread, thread->issued) : thread->hold_ns;
        if (due_ns > now_ns)
            return due_ns;
        if (thread->free == NULL) {
            thread->blocked = true;
            return CLOCK_NEVER;
        }
        now_ns = clock_now_ns();
        uint64_t scheduled_ns = load_begin_operation(thread, now_ns);
        client_open(thread, scheduled_ns, now_ns);
    }
    return now_ns;
}

static bool is_done(const struct load_thread *thread, uint64_t now_ns)
{
    return !load_may_begin(thread, now_ns) && thread->active == 0;
}

const struct traffic traffic_conn = {.opens_first = false,
                                     .sends_more = false,
                                     .tick = tick,
                                     .on_ready = on_ready,
                                     .on_events = on_events,
                                     .on_lost = on_lost,
                                     .is_done = is_done};
