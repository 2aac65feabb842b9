/*
 * Requests on kept connections.
 *
 * Open loop: request i is due at begin + i/rate, however late the answers are. It is sent on the
 * connection that has been idle longest. When none is idle it waits, and its latency counts from
 * when it was due. Closed loop (--max): a connection sends its next request when it has its answer.
 */

#include <errno.h>

#include "bench/client.h"
#include "bench/clock.h"

#define SEND_BATCH 64
/* The pause before a lost or refused connection is opened again. */
#define HOLD_AFTER_ERROR_NS (10 * NS_PER_MS)

static void push_idle(struct client *client)
{
    struct load_thread *thread = client->thread;

    client->idle = true;
    client->idle_next = NULL;
    if (thread->idle_last == NULL)
        thread->idle_first = client;
    else
        thread->idle_last->idle_next = client;
    thread->idle_last = client;
    if (thread->blocked)
        thread->unblocked_ns = clock_now_ns();
    thread->blocked = false;
}

static struct client *pop_idle(struct load_thread *thread)
{
    struct client *client = thread->idle_first;

    if (client == NULL)
        return NULL;
    thread->idle_first = client->idle_next;
    if (thread->idle_first == NULL)
        thread->idle_last = NULL;
    client->idle = false;
    return client;
}

/* Takes a lost connection out of the idle queue. This is rare, so the queue is searched. */
static void drop_idle(struct client *client)
{
    struct load_thread *thread = client->thread;
    struct client *before = NULL;
    struct client **link = &thread->idle_first;

    while (*link != client) {
        before = *link;
        link = &before->idle_next;
    }
    *link = client->idle_next;
    if (thread->idle_last == client)
        thread->idle_last = before;
    client->idle = false;
}

/* Sends what is left of the request. False when the connection is gone. */
static bool send_request(struct client *client)
{
    struct load_thread *thread = client->thread;
    uint64_t wanted = thread->load->request.up_bytes;

    while (client->sent < wanted) {
        uint64_t left = wanted - client->sent;
        size_t len = left < LOAD_SCRATCH_BYTES ? (size_t)left : LOAD_SCRATCH_BYTES;
        ssize_t sent = stream_send(&client->stream, thread->payload, len);
        if (sent == -EAGAIN)
            return true;
        if (sent < 0) {
            client_fail(client, load_error_of(sent));
            return false;
        }
        client->sent += (uint64_t)sent;
        thread->counts.bytes_out += (uint64_t)sent;
    }
    return true;
}

static bool begin_request(struct client *client, uint64_t scheduled_ns, uint64_t now_ns)
{
    struct load_thread *thread = client->thread;

    client->busy = true;
    client->scheduled_ns = scheduled_ns;
    client->begun_ns = now_ns;
    client->deadline_ns = now_ns + thread->load->options->load.timeout_ns;
    client->sent = 0;
    client->received = 0;
    thread->outstanding++;
    return send_request(client);
}

/* Ends a request whose answer is whole. False: the connection is gone. */
static bool finish_request(struct client *client)
{
    struct load_thread *thread = client->thread;
    uint64_t now_ns = clock_now_ns();

    thread->outstanding--;
    thread->counts.requests++;
    client->busy = false;
    client->deadline_ns = CLOCK_NEVER;
    load_record_done(thread, client->scheduled_ns, client->begun_ns, now_ns);
    if (!thread->load->open_loop && load_may_begin(thread, now_ns))
        return begin_request(client, load_begin_operation(thread, now_ns), now_ns);
    push_idle(client);
    return true;
}

static bool take(struct client *client, size_t len)
{
    uint64_t wanted = client->thread->load->request.down_bytes;

    client->received += len;
    if (!client->busy || client->received > wanted) {
        client_fail(client, LOAD_ERROR_BAD_REPLY);
        return false;
    }
    return client->received < wanted || finish_request(client);
}

static void on_events(struct client *client)
{
    struct load_thread *thread = client->thread;

    if (client->busy && client->sent < thread->load->request.up_bytes && !send_request(client))
        return;
    for (size_t moved = 0; moved < POLLER_TURN_BYTES;) {
        ssize_t got = stream_discard(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            client_fail(client, got == 0 ? LOAD_ERROR_CLOSED : load_error_of(got));
            return;
        }
        moved += (size_t)got;
        thread->counts.bytes_in += (uint64_t)got;
        if (!take(client, (size_t)got))
            return;
        /* A short read has emptied the socket; only a FIN may be left. */
        if ((size_t)got < LOAD_SCRATCH_BYTES && !client->hangup && client->stream.ssl == NULL)
            return;
    }
    poller_again(&thread->poller, &client->pollable);
}

static void on_ready(struct client *client, const uint8_t *rest, size_t len)
{
    (void)rest;
    if (len > 0) {
        client_fail(client, LOAD_ERROR_BAD_REPLY);
        return;
    }
    push_idle(client);
}

static void on_lost(struct client *client)
{
    struct load_thread *thread = client->thread;

    if (client->idle)
        drop_idle(client);
    if (client->busy)
        thread->outstanding--;
    client->busy = false;
    thread->hold_ns = clock_now_ns() + HOLD_AFTER_ERROR_NS;
}

/* Sends the requests that are due; returns when the next one is due. */
static uint64_t send_due(struct load_thread *thread, uint64_t now_ns)
{
    bool open_loop = thread->load->open_loop;

    for (int batch = 0; batch < SEND_BATCH; batch++) {
        if (!load_may_begin(thread, now_ns))
            return CLOCK_NEVER;
        uint64_t due_ns = open_loop ? load_due_ns(thread, thread->issued) : now_ns;
        if (due_ns > now_ns)
            return due_ns;
        struct client *client = pop_idle(thread);
        if (client == NULL) {
            thread->blocked = true;
            return CLOCK_NEVER;
        }
        now_ns = clock_now_ns();
        begin_request(client, load_begin_operation(thread, now_ns), now_ns);
    }
    return now_ns;
}

/* Opens the connections, and again those that were lost. */
static uint64_t open_missing(struct load_thread *thread, uint64_t now_ns)
{
    if (thread->active == thread->client_count || now_ns >= thread->end_ns - 1)
        return CLOCK_NEVER;
    if (thread->begin_ns == 0 && thread->opened_count >= thread->client_count)
        return CLOCK_NEVER;
    if (now_ns < thread->hold_ns)
        return thread->hold_ns;
    return load_open_ramped(thread, now_ns);
}

static uint64_t tick(struct load_thread *thread, uint64_t now_ns)
{
    uint64_t open_ns = open_missing(thread, now_ns);
    uint64_t send_ns = CLOCK_NEVER;

    if (thread->begin_ns != 0)
        send_ns = now_ns < thread->begin_ns ? thread->begin_ns : send_due(thread, now_ns);
    return open_ns < send_ns ? open_ns : send_ns;
}

static bool is_done(const struct load_thread *thread, uint64_t now_ns)
{
    return !load_may_begin(thread, now_ns) && thread->outstanding == 0;
}

const struct traffic traffic_latency = {.opens_first = true,
                                        .sends_more = true,
                                        .tick = tick,
                                        .on_ready = on_ready,
                                        .on_events = on_events,
                                        .on_lost = on_lost,
                                        .is_done = is_done};
