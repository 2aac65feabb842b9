/*
 * Connections that are held and do nothing: the result is what one of them costs. Each has received
 * its banner, so the router relays it. A connection that ends while it is held is an error.
 */

#include <errno.h>

#include "bench/client.h"
#include "bench/clock.h"

static void on_events(struct client *client)
{
    struct load_thread *thread = client->thread;
    ssize_t got = stream_recv(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES);

    if (got == -EAGAIN)
        return;
    client_fail(client, got > 0    ? LOAD_ERROR_BAD_REPLY
                        : got == 0 ? LOAD_ERROR_CLOSED
                                   : load_error_of(got));
}

static void on_ready(struct client *client, const uint8_t *rest, size_t len)
{
    (void)rest;
    if (len > 0)
        client_fail(client, LOAD_ERROR_BAD_REPLY);
}

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

const struct traffic traffic_idle = {.opens_first = true,
                                     .sends_more = false,
                                     .tick = tick,
                                     .on_ready = on_ready,
                                     .on_events = on_events,
                                     .on_lost = on_lost,
                                     .is_done = is_done};
