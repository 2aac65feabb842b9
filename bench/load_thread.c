/* A load thread: its schedule and its loop. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/client.h"
#include "bench/clock.h"
#include "bench/random.h"

#define SWEEP_NS    (20 * NS_PER_MS)
#define WAIT_MAX_NS (50 * NS_PER_MS)
/* At most this many connections are opened in one turn of the loop, so that answers do not wait. */
#define OPEN_BATCH 32

uint64_t load_due_ns(const struct load_thread *thread, uint64_t n)
{
    const struct load *load = thread->load;
    /* Threads take turns: thread k has operations k, k + threads, k + 2 threads .. of the run. */
    uint64_t index = n * load->thread_count + thread->index;
    double offset = (double)index * 1e9 / load->options->load.rate;

    return thread->begin_ns + (uint64_t)offset;
}

bool load_may_begin(const struct load_thread *thread, uint64_t now_ns)
{
    const struct load *load = thread->load;

    if (thread->begin_ns == 0 || now_ns < thread->begin_ns)
        return false;
    uint64_t index = thread->issued * load->thread_count + thread->index;
    if (load->options->load.count > 0 && index >= load->options->load.count)
        return false;
    /* In an open loop an operation that is due before the end begins, however late. */
    uint64_t when = load->open_loop ? load_due_ns(thread, thread->issued) : now_ns;
    return when < thread->end_ns;
}

uint64_t load_begin_operation(struct load_thread *thread, uint64_t now_ns)
{
    uint64_t scheduled_ns = now_ns;

    if (thread->load->open_loop) {
        scheduled_ns = load_due_ns(thread, thread->issued);
        uint64_t could_ns =
            scheduled_ns > thread->unblocked_ns ? scheduled_ns : thread->unblocked_ns;
        uint64_t slip_ns = now_ns > could_ns ? now_ns - could_ns : 0;
        load_record(thread, LOAD_PHASE_SLIP, scheduled_ns, slip_ns);
        if (slip_ns > thread->recent_slip_ns)
            thread->recent_slip_ns = slip_ns;
    }
    thread->issued++;
    return scheduled_ns;
}

uint64_t load_open_ramped(struct load_thread *thread, uint64_t now_ns)
{
    const struct load *load = thread->load;
    double step_ns = 1e9 * load->thread_count / load->options->load.ramp;

    if (thread->open_base_ns == 0)
        thread->open_base_ns = now_ns;
    /*
     * At first every connection is tried once; a refused one is not tried again in the same turn.
     */
    bool first = thread->opened_count < thread->client_count;
    for (int batch = 0; batch < OPEN_BATCH && thread->active < thread->client_count; batch++) {
        if (first && thread->opened_count == thread->client_count)
            break;
        uint64_t due_ns = thread->open_base_ns + (uint64_t)((double)thread->opened_count * step_ns);
        if (due_ns > now_ns)
            return due_ns;
        thread->opened_count++;
        client_open(thread, due_ns, clock_now_ns());
    }
    return thread->active < thread->client_count ? now_ns : CLOCK_NEVER;
}

void load_record(struct load_thread *thread, enum load_phase phase, uint64_t scheduled_ns,
                 uint64_t value_ns)
{
    if (thread->measure_ns == 0 || scheduled_ns < thread->measure_ns)
        return;
    histogram_record(thread->phases[phase], value_ns);
}

void load_record_done(struct load_thread *thread, uint64_t scheduled_ns, uint64_t begun_ns,
                      uint64_t now_ns)
{
    load_record(thread, LOAD_PHASE_LATENCY, scheduled_ns, now_ns - scheduled_ns);
    load_record(thread, LOAD_PHASE_SERVICE, scheduled_ns, now_ns - begun_ns);
    histogram_record(thread->recent, now_ns - scheduled_ns);
}

void load_record_lost(struct load_thread *thread, enum load_error error, uint64_t scheduled_ns,
                      uint64_t begun_ns, uint64_t now_ns)
{
    bool measured = thread->measure_ns != 0 && scheduled_ns >= thread->measure_ns;

    if (error != LOAD_ERROR_TIMEOUT) {
        thread->counts.left_out += measured;
        return;
    }
    thread->counts.unended += measured;
    thread->counts.unbegun += measured && begun_ns == 0;
    load_record(thread, LOAD_PHASE_LATENCY, scheduled_ns, now_ns - scheduled_ns);
    if (begun_ns != 0)
        load_record(thread, LOAD_PHASE_SERVICE, scheduled_ns, now_ns - begun_ns);
    histogram_record(thread->recent, now_ns - scheduled_ns);
}

/* Sends the next piece of every hello whose pause is over; returns when the next pause ends. */
static uint64_t run_gaps(struct load_thread *thread, uint64_t now_ns)
{
    while (thread->gap_first != NULL && thread->gap_first->gap_due_ns <= now_ns) {
        struct client *client = thread->gap_first;
        thread->gap_first = client->next;
        if (thread->gap_first == NULL)
            thread->gap_last = NULL;
        client->in_gap = false;
        if (client->phase == CLIENT_FREE) {
            client->next = thread->free;
            thread->free = client;
        } else {
            client_resume(client);
        }
    }
    return thread->gap_first == NULL ? CLOCK_NEVER : thread->gap_first->gap_due_ns;
}

/* Fails connections that have passed their deadline. */
static void sweep(struct load_thread *thread, uint64_t now_ns)
{
    if (now_ns < thread->sweep_ns)
        return;
    thread->sweep_ns = now_ns + SWEEP_NS;
    for (uint32_t i = 0; i < thread->client_count; i++) {
        struct client *client = &thread->clients[i];
        if (client->phase != CLIENT_FREE && client->deadline_ns <= now_ns)
            client_fail(client, LOAD_ERROR_TIMEOUT);
    }
}

/* Records operations that were due before the end and never begun. Returns how many. */
static uint64_t lose_unbegun(struct load_thread *thread, uint64_t now_ns)
{
    uint64_t lost = 0;

    for (; thread->load->open_loop && load_may_begin(thread, thread->end_ns); lost++) {
        uint64_t due_ns = load_due_ns(thread, thread->issued++);
        load_record_lost(thread, LOAD_ERROR_TIMEOUT, due_ns, 0, now_ns);
    }
    return lost;
}

/*
 * Called --timeout after the end. Every operation was due before the end, so those that are still
 * under way or not even begun have timed out, however late they were begun.
 */
static void give_up_rest(struct load_thread *thread, uint64_t now_ns)
{
    for (uint32_t i = 0; i < thread->client_count; i++) {
        struct client *client = &thread->clients[i];
        if (client->phase != CLIENT_FREE && client->busy)
            client_fail(client, LOAD_ERROR_TIMEOUT);
    }
    thread->counts.errors[LOAD_ERROR_TIMEOUT] += lose_unbegun(thread, now_ns);
}

/* Wakes control when all connections are open and when everything is over, once each. */
static void report_progress(struct load_thread *thread, uint64_t now_ns)
{
    const struct traffic *traffic = thread->load->traffic;
    bool news = false;
    bool all_tried = thread->opened_count >= thread->client_count;
    bool all_known = all_tried && thread->ready == thread->active;

    if (!thread->opened && (!traffic->opens_first || all_known)) {
        thread->opened = true;
        news = true;
    }
    if (!thread->finished && thread->begin_ns != 0 && now_ns >= thread->begin_ns) {
        /* An open loop lasts until its end, also when its last operation was due earlier. */
        bool early = thread->load->open_loop && thread->load->options->load.count == 0 &&
                     now_ns < thread->end_ns;
        bool over = !early && traffic->is_done(thread, now_ns);
        uint64_t last_ns = thread->end_ns + thread->load->options->load.timeout_ns;
        if (!over && thread->end_ns != CLOCK_NEVER && now_ns > last_ns) {
            give_up_rest(thread, now_ns);
            over = true;
        }
        thread->finished = over;
        news = news || over;
    }
    if (news)
        uv_async_send(thread->load->progress);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One turn under the lock: events, due work, pauses, deadlines. Returns when to come back. */
static uint64_t work(struct load_thread *thread)
{
    poller_dispatch(&thread->poller);
    uint64_t now_ns = clock_now_ns();
    uint64_t next_ns = run_gaps(thread, now_ns);
    next_ns = earliest(next_ns, thread->load->traffic->tick(thread, now_ns));
    sweep(thread, now_ns);
    report_progress(thread, now_ns);
    return next_ns;
}

void load_lock(struct load_thread *thread)
{
    uv_mutex_lock(&thread->door);
    uv_mutex_lock(&thread->lock);
    uv_mutex_unlock(&thread->door);
}

void load_unlock(struct load_thread *thread)
{
    uv_mutex_unlock(&thread->lock);
}

/*
 * Operations still under way were interrupted: no errors, but recorded with the time they have
 * lasted.
 */
static void close_all(struct load_thread *thread)
{
    uint64_t now_ns = clock_now_ns();

    for (uint32_t i = 0; i < thread->client_count; i++) {
        struct client *client = &thread->clients[i];
        if (client->phase == CLIENT_FREE)
            continue;
        if (client->busy)
            load_record_lost(thread, LOAD_ERROR_TIMEOUT, client->scheduled_ns, client->begun_ns,
                             now_ns);
        client_close(client);
    }
    lose_unbegun(thread, now_ns);
}

static void on_load_thread(void *data)
{
    struct load_thread *thread = data;

    process_prepare_thread();
    process_pin_thread(&thread->load->cpus, thread->index);
    uint64_t next_ns = 0;
    bool stop = false;
    while (!stop) {
        uint64_t now_ns = clock_now_ns();
        uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        poller_wait(&thread->poller, earliest(wait_ns, WAIT_MAX_NS));
        load_lock(thread);
        next_ns = work(thread);
        stop = thread->stop;
        load_unlock(thread);
    }
    close_all(thread);
}

bool load_start(struct load *load)
{
    for (uint32_t i = 0; i < load->thread_count; i++) {
        struct load_thread *thread = &load->threads[i];
        if (uv_thread_create(&thread->thread, on_load_thread, thread) != 0) {
            for (uint32_t k = i; k < load->thread_count; k++)
                load->threads[k].client_count = 0;
            load->thread_count = i;
            return false;
        }
    }
    return true;
}

void load_stop(struct load *load)
{
    for (uint32_t i = 0; i < load->thread_count; i++) {
        struct load_thread *thread = &load->threads[i];
        load_lock(thread);
        thread->stop = true;
        load_unlock(thread);
        poller_wake(&thread->poller);
        uv_thread_join(&thread->thread);
    }
}
