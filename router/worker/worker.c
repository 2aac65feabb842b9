/*
 * A worker's thread: orders, giving back what is not needed, the end.
 *
 * The happy path
 *  - worker_init() prepares everything that can fail; worker_start() runs the loop.
 *  - ORDER_ADOPT brings a view and sockets: listeners that are gone close, new ones open.
 *  - ORDER_REFRESH brings a view with new addresses of servers alone.
 *  - ORDER_ASK has its function look at the connections and goes back to control.
 *  - ORDER_LEND has its sockets duplicated, for a process that is to replace this one.
 *  - ORDER_LISTEN brings a socket in the place of one that was broken or cannot be reached.
 *  - ORDER_DRAIN has the listeners leave; when the last connection has gone the worker closes its
 *    handles and the loop ends; `ended` is set and control is woken.
 *
 * The failures
 *  - The drain takes too long, or ORDER_STOP comes: what is left is closed as drain_timeout.
 *  - A listening socket is broken: control is told, the others go on.
 */
#include "router/worker/worker.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "router/conn/conn.h"
#include "router/worker/listener_leave.h"

/* How often unused pipes are closed and freed memory is given back. */
#define SWEEP_MS 1000

/* --- what callbacks are given --- */

static struct worker *worker_of(void *data)
{
    struct worker *worker = data;

    assert(worker->magic == WORKER_MAGIC);
    return worker;
}

static struct worker *worker_of_listeners(struct listeners *listeners)
{
    return worker_of((char *)listeners - offsetof(struct worker, listeners));
}

static struct worker *worker_of_conns(struct conns *conns)
{
    return worker_of((char *)conns - offsetof(struct worker, conns));
}

/* --- giving back --- */

static void report_dropped(struct worker *worker)
{
    uint64_t dropped = stats_figure_read(&worker->conns.stats->log_dropped);
    uint64_t lost = dropped - worker->dropped_reported;

    if (lost == 0)
        return;
    conns_log(&worker->conns, LOG_LEVEL_WARNING,
              "worker %u: the log is written too slowly: %llu line%s lost", worker->index,
              (unsigned long long)lost, lost == 1 ? "" : "s");
    worker->dropped_reported = dropped;
}

static void on_sweep(uv_timer_t *timer)
{
    struct worker *worker = worker_of(timer->data);

    report_dropped(worker);
    conns_sweep(&worker->conns);
}

/* --- to control --- */

static void answer(struct worker *worker, struct order *order)
{
    order_post(worker->answers, order);
    uv_async_send(worker->shared->control_wake);
}

/* --- the end --- */

static void close_handles(struct worker *worker)
{
    conns_stop(&worker->conns);
    listeners_stop(&worker->listeners);
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_close((uv_handle_t *)&worker->sweep, NULL);
    uv_close((uv_handle_t *)&worker->drain, NULL);
}

/* The worker is done when it was told to end and the last connection and listener have gone. */
static void end_if_done(struct worker *worker)
{
    if (worker->draining && worker->conns.count == 0 && LIST_EMPTY(&worker->listeners.list) &&
        !uv_is_closing((uv_handle_t *)&worker->wake))
        close_handles(worker);
}

static void on_listener_gone(struct listeners *listeners)
{
    end_if_done(worker_of_listeners(listeners));
}

static void on_listener_broken(struct listeners *listeners, struct order *report,
                               const struct broken_listener *broken)
{
    struct worker *worker = worker_of_listeners(listeners);

    report->kind = ORDER_BROKEN;
    report->broken = *broken;
    answer(worker, report);
}

static void on_conn_gone(struct conns *conns)
{
    end_if_done(worker_of_conns(conns));
}

static void end_now(struct worker *worker)
{
    worker->draining = true;
    conn_end_all(&worker->conns, REASON_DRAIN_TIMEOUT);
    listeners_close(&worker->listeners);
    end_if_done(worker);
}

static void on_drain_over(uv_timer_t *timer);

static void start_drain_timer(struct worker *worker, uint64_t drain_ms)
{
    worker->drain_until_ms = uv_now(&worker->loop) + drain_ms;
    uv_timer_start(&worker->drain, on_drain_over, drain_ms, 0);
}

/* As for a connection's deadline: first what the sockets say, and a moment if it comes late. */
static void on_drain_over(uv_timer_t *timer)
{
    struct worker *worker = worker_of(timer->data);

    assert(worker->draining);
    conns_look(&worker->conns);
    if (!worker->drain_excused && conns_was_stopped(&worker->conns, worker->drain_until_ms)) {
        worker->drain_excused = true;
        start_drain_timer(worker, CONNS_AFTER_STOP_MS);
        return;
    }
    end_now(worker);
}

/*
 * What waits to be accepted is accepted, and has its time to finish as well; what waits in sockets
 * that another process has got, is for that.
 */
static void begin_drain(struct worker *worker, const struct drain_terms *terms)
{
    worker->draining = true;
    start_drain_timer(worker, terms->ms);
    conn_bound_silence(&worker->conns, terms->idle_ms);
    if (terms->replaced)
        lend_close(&worker->listeners);
    listeners_leave(&worker->listeners);
    end_if_done(worker);
}

/* --- orders --- */

static bool is_handed(const struct order *order, uint64_t endpoint_id)
{
    for (uint32_t i = 0; i < order->adopt.handed_count; i++) {
        if (order->adopt.handed[i].endpoint_id == endpoint_id)
            return true;
    }
    return false;
}

/* Listeners that are gone are emptied under the old configuration, which knows them. */
static void leave_listeners_gone(struct worker *worker, const struct order *order)
{
    struct listener *listener;

    LIST_FOREACH (listener, &worker->listeners.list, link) {
        if (listener->stage == LISTENER_OPEN && !is_handed(order, listener->endpoint_id))
            listener_leave(listener);
    }
    listeners_look(&worker->listeners);
}

/* An endpoint without a socket has broken meanwhile: control opens another. */
static void take_handed(struct worker *worker, struct handed_listener *handed)
{
    struct listener *listener =
        listener_find(&worker->listeners, handed->endpoint_id, handed->round);

    if (listener != NULL)
        listener_follow(listener, handed);
    else if (handed->fd >= 0)
        listener_open(&worker->listeners, handed);
}

/* Another socket for an endpoint: the one it has had, if it is still there, leaves. */
static void listen_anew(struct worker *worker, struct handed_listener *handed)
{
    struct listener *listener =
        listener_find(&worker->listeners, handed->endpoint_id, handed->round);

    assert(!worker->draining && worker->conns.view != NULL);
    if (listener != NULL)
        listener_leave(listener);
    listeners_look(&worker->listeners);
    listener_open(&worker->listeners, handed);
}

static void adopt(struct worker *worker, struct order *order)
{
    assert(!worker->draining); /* control reloads no more once it has told us to end */
    assert(order->adopt.view != NULL);
    if (worker->conns.view != NULL)
        leave_listeners_gone(worker, order);
    conns_use_view(&worker->conns, order->adopt.view);
    for (uint32_t i = 0; i < order->adopt.handed_count; i++)
        take_handed(worker, &order->adopt.handed[i]);
    listeners_size_buffers(&worker->listeners, &order->adopt.view->snapshot->config->sockets);
}

static void refresh(struct worker *worker, struct order *order)
{
    assert(!worker->draining && order->adopt.handed == NULL && worker->conns.view != NULL);
    assert(worker->conns.view->snapshot->use == order->adopt.view->snapshot->use);
    conns_use_view(&worker->conns, order->adopt.view);
}

static void follow(struct worker *worker, struct order *order)
{
    switch (order->kind) {
    case ORDER_ADOPT:
        adopt(worker, order);
        break;
    case ORDER_REFRESH:
        refresh(worker, order);
        break;
    case ORDER_LISTEN:
        listen_anew(worker, order->listen.handed);
        break;
    case ORDER_DRAIN:
        begin_drain(worker, &order->drain);
        break;
    case ORDER_STOP:
        end_now(worker);
        break;
    case ORDER_BROKEN: /* is told by workers, not to them */
        assert(false);
        break;
    case ORDER_LEND:
        lend_listeners(&worker->listeners, order->lend.lending);
        order->lend.lent = true;
        answer(worker, order);
        return;
    case ORDER_ASK:
        order->ask.look(&worker->conns, order->ask.context);
        order->ask.looked = true;
        answer(worker, order);
        return;
    }
    order_free(order);
}

static void on_wake(uv_async_t *async)
{
    struct worker *worker = worker_of(async->data);
    struct order *order = order_take(&worker->mailbox);

    conns_assert_own(&worker->conns);
    while (order != NULL) {
        struct order *next = order->next;
        follow(worker, order);
        order = next;
    }
}

void worker_post(struct worker *worker, struct order *order)
{
    assert(worker->magic == WORKER_MAGIC);
    order_post(&worker->mailbox, order);
    uv_async_send(&worker->wake);
}

/* --- the thread --- */

static void run(void *argument)
{
    struct worker *worker = worker_of(argument);

    worker->conns.self = uv_thread_self();
    int left = uv_run(&worker->loop, UV_RUN_DEFAULT);
    assert(left == 0);
    conns_use_view(&worker->conns, NULL);
    atomic_store_explicit(&worker->ended, true, memory_order_release);
    uv_async_send(worker->shared->control_wake);
}

static void init_handles(struct worker *worker)
{
    uv_timer_init(&worker->loop, &worker->sweep);
    uv_timer_init(&worker->loop, &worker->drain);
    worker->sweep.data = worker;
    worker->drain.data = worker;
    listeners_init(&worker->listeners, &worker->conns);
    worker->listeners.on_gone = on_listener_gone;
    worker->listeners.on_broken = on_listener_broken;
    uv_timer_start(&worker->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

int worker_init(struct worker *worker, struct shared *shared, uint32_t index,
                order_mailbox *answers)
{
    memset(worker, 0, sizeof *worker);
    worker->magic = WORKER_MAGIC;
    worker->shared = shared;
    worker->answers = answers;
    worker->index = index;
    int error = uv_loop_init(&worker->loop);
    if (error != 0)
        return error;
    if ((error = uv_async_init(&worker->loop, &worker->wake, on_wake)) != 0)
        goto close_loop;
    worker->wake.data = worker;
    if ((error = conns_init(&worker->conns, shared, index, &worker->loop)) != 0)
        goto close_wake;
    worker->conns.on_gone = on_conn_gone;
    init_handles(worker);
    return 0;

close_wake:
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
close_loop:
    uv_loop_close(&worker->loop);
    return error;
}

int worker_start(struct worker *worker)
{
    return uv_thread_create(&worker->thread, run, worker);
}

static void free_rest(struct worker *worker)
{
    int error = uv_loop_close(&worker->loop);

    assert(error == 0); /* else a handle was forgotten */
    conns_free(&worker->conns);
    worker->magic = 0;
}

void worker_abandon(struct worker *worker)
{
    close_handles(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    free_rest(worker);
}

void worker_join(struct worker *worker)
{
    int error = uv_thread_join(&worker->thread);

    assert(error == 0 && worker->magic == WORKER_MAGIC);
    /* A second order to end, or an ask, may have come too late to be read. */
    for (struct order *order = order_take(&worker->mailbox), *next; order != NULL; order = next) {
        next = order->next;
        assert(order->kind != ORDER_ADOPT && order->kind != ORDER_REFRESH);
        if (order->kind == ORDER_ASK || order->kind == ORDER_LEND)
            order_post(worker->answers, order);
        else
            order_free(order);
    }
    free_rest(worker);
}
