/*
 * A worker's thread: orders, listeners, the run queue, giving back what is not needed, the end.
 *
 * The happy path
 *  - worker_init() prepares everything that can fail; worker_start() runs the loop.
 *  - ORDER_ADOPT brings a snapshot and sockets: listeners that are gone close, new ones open.
 *    ORDER_REFRESH brings new addresses of servers alone.
 *  - ORDER_DRAIN closes the listeners; when the last connection has gone the worker closes its
 *    handles and the loop ends; `ended` is set and control is woken.
 *
 * The failures
 *  - The drain takes too long, or ORDER_STOP comes: what is left is closed as drain_timeout.
 *  - A listener cannot be opened for want of memory: said in the error log, the others go on.
 */
#include "router/worker/worker.h"

#include <assert.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sni/hello.h"

/* Most bytes of one copying read; also how much is "full". */
#define COPY_BYTES (64u * 1024u)
/*
 * Received bytes mostly begin at a page of the kernel's. Copied to an address a few bytes further
 * into a page, as malloc() gives for large blocks, they cost some processors ten times as much.
 */
#define SCRATCH_ALIGN ((size_t)4096)
/* How long the run queue may be served before the sockets are looked at again. */
#define TURNS_MS 5
/* How often unused pipes are closed and freed memory is given back. */
#define SWEEP_MS 1000
/* Memory is given back when connections have fallen to a quarter of a peak of at least so many. */
#define TRIM_MIN_CONNS 512u

void worker_assert_own(const struct worker *worker)
{
    uv_thread_t self = uv_thread_self();

    assert(uv_thread_equal(&self, &worker->self));
}

/* --- logging --- */

void worker_log(struct worker *worker, enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    size_t len = log_format(line, level, format, args);
    va_end(args);
    if (!log_ring_put(&worker->host->writer->feeds[worker->index].error, line, len))
        tally_add(&worker->tally.log_dropped, 1);
    log_writer_wake(worker->host->writer);
}

void worker_log_access(struct worker *worker, const char *line, size_t len)
{
    if (!log_ring_put(&worker->host->writer->feeds[worker->index].access, line, len))
        tally_add(&worker->tally.log_dropped, 1);
    log_writer_wake(worker->host->writer);
}

/* --- views --- */

static void view_let_go(struct worker *worker, struct view *view)
{
    if (view == NULL || view->conns > 0 || view == worker->view)
        return;
    if (snapshot_unref(view->snapshot))
        uv_async_send(worker->host->control_wake);
    free(view);
}

/* --- giving back --- */

static void report_dropped(struct worker *worker)
{
    uint64_t dropped = tally_read(&worker->tally.log_dropped);

    if (dropped == worker->dropped_reported)
        return;
    worker_log(worker, LOG_LEVEL_WARNING,
               "worker %u: the log is written too slowly: %llu lines lost", worker->index,
               (unsigned long long)(dropped - worker->dropped_reported));
    worker->dropped_reported = dropped;
}

static void on_sweep(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    pipe_pool_sweep(&worker->pipes);
    report_dropped(worker);
    if (worker->conn_peak >= TRIM_MIN_CONNS && worker->conn_count <= worker->conn_peak / 4) {
        worker->conn_peak = worker->conn_count;
        malloc_trim(0);
    }
}

/* --- the run queue --- */

/*
 * Those that queue up again in their turn are served after the next look at the sockets; so are
 * those that a long queue leaves no time for.
 */
static void on_turns(uv_idle_t *idle)
{
    struct worker *worker = idle->data;
    const struct conn *last = TAILQ_LAST(&worker->queue, conn_list);
    uint64_t began_ms = uv_now(&worker->loop);
    struct conn *conn;

    while ((conn = TAILQ_FIRST(&worker->queue)) != NULL) {
        TAILQ_REMOVE(&worker->queue, conn, in_queue);
        conn_on_turn(conn);
        uv_update_time(&worker->loop);
        if (conn == last || uv_now(&worker->loop) - began_ms >= TURNS_MS)
            break;
    }
    if (TAILQ_EMPTY(&worker->queue))
        uv_idle_stop(idle);
}

void worker_queue(struct worker *worker, struct conn *conn)
{
    if (conn->queued)
        return;
    conn->queued = true;
    TAILQ_INSERT_TAIL(&worker->queue, conn, in_queue);
    uv_idle_start(&worker->turns, on_turns);
}

/* --- the end --- */

static void on_ready_event(void *source, uint32_t events)
{
    conn_on_event(source, events);
}

static void close_handles(struct worker *worker)
{
    ready_stop(&worker->ready);
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_close((uv_handle_t *)&worker->turns, NULL);
    uv_close((uv_handle_t *)&worker->sweep, NULL);
    uv_close((uv_handle_t *)&worker->resume, NULL);
    uv_close((uv_handle_t *)&worker->drain, NULL);
}

/* The worker is done when it was told to end and its last connection has gone. */
static void end_if_done(struct worker *worker)
{
    if (worker->draining && worker->conn_count == 0 && !uv_is_closing((uv_handle_t *)&worker->wake))
        close_handles(worker);
}

static void close_all(struct worker *worker)
{
    struct conn *conn, *next;

    for (conn = TAILQ_FIRST(&worker->conns); conn != NULL; conn = next) {
        next = TAILQ_NEXT(conn, in_worker);
        conn_close(conn, REASON_DRAIN_TIMEOUT);
    }
}

static void on_drain_over(uv_timer_t *timer)
{
    close_all(timer->data);
}

void worker_forget(struct worker *worker, struct conn *conn)
{
    TAILQ_REMOVE(&worker->conns, conn, in_worker);
    worker->conn_count--;
    atomic_fetch_sub_explicit(&worker->host->active, 1, memory_order_relaxed);
    assert(conn->view->conns > 0);
    conn->view->conns--;
    view_let_go(worker, conn->view);
    end_if_done(worker);
}

static void close_listeners(struct worker *worker)
{
    struct listener *listener, *next;

    for (listener = LIST_FIRST(&worker->listeners); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, next);
        listener_close(listener);
    }
}

static void begin_drain(struct worker *worker, uint64_t drain_ms)
{
    close_listeners(worker);
    uv_timer_stop(&worker->resume);
    worker->draining = true;
    uv_timer_start(&worker->drain, on_drain_over, drain_ms, 0);
    end_if_done(worker);
}

/* --- orders --- */

static bool is_handed(const struct order *order, uint64_t endpoint)
{
    for (uint32_t i = 0; i < order->handed_count; i++) {
        if (order->handed[i].endpoint == endpoint)
            return true;
    }
    return false;
}

/* Those that are gone are emptied under the old configuration, which knows them. */
static void close_listeners_gone(struct worker *worker, const struct order *order)
{
    struct listener *listener, *next;

    for (listener = LIST_FIRST(&worker->listeners); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, next);
        if (!is_handed(order, listener->endpoint))
            listener_close(listener);
    }
}

static void take_handed(struct worker *worker, const struct handed_listener *handed)
{
    struct listener *listener = listener_find(worker, handed->endpoint);

    if (listener != NULL)
        listener->index = handed->index;
    else if (!listener_open(worker, handed))
        worker_log(worker, LOG_LEVEL_ERROR, "worker %u: no memory to open a listener",
                   worker->index);
}

static void adopt(struct worker *worker, struct order *order)
{
    struct view *old = worker->view;

    assert(!worker->draining); /* control reloads no more once it has told us to end */
    if (old != NULL)
        close_listeners_gone(worker, order);
    worker->view = order->view;
    for (uint32_t i = 0; i < order->handed_count; i++)
        take_handed(worker, &order->handed[i]);
    view_let_go(worker, old);
}

static void refresh(struct worker *worker, struct order *order)
{
    struct view *old = worker->view;

    assert(!worker->draining && order->handed == NULL);
    assert(old != NULL && old->snapshot->use == order->view->snapshot->use);
    worker->view = order->view;
    view_let_go(worker, old);
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
    case ORDER_DRAIN:
        begin_drain(worker, order->drain_ms);
        break;
    case ORDER_STOP:
        if (!worker->draining)
            begin_drain(worker, 0);
        close_all(worker);
        break;
    }
    free(order->handed);
    free(order);
}

/* Takes the mailbox and turns it round: it is a stack, orders are followed as they were given. */
static struct order *take_orders(struct worker *worker)
{
    struct order *stack = atomic_exchange_explicit(&worker->mailbox, NULL, memory_order_acquire);
    struct order *first = NULL;

    while (stack != NULL) {
        struct order *next = stack->next;
        stack->next = first;
        first = stack;
        stack = next;
    }
    return first;
}

static void on_wake(uv_async_t *async)
{
    struct worker *worker = async->data;
    struct order *order = take_orders(worker);

    while (order != NULL) {
        struct order *next = order->next;
        follow(worker, order);
        order = next;
    }
}

void worker_post(struct worker *worker, struct order *order)
{
    order->next = atomic_load_explicit(&worker->mailbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&worker->mailbox, &order->next, order,
                                                  memory_order_release, memory_order_relaxed))
        continue;
    uv_async_send(&worker->wake);
}

/* --- the thread --- */

static void run(void *argument)
{
    struct worker *worker = argument;

    worker->self = uv_thread_self();
    int left = uv_run(&worker->loop, UV_RUN_DEFAULT);
    assert(left == 0);
    struct view *last = worker->view;
    worker->view = NULL;
    view_let_go(worker, last);
    pipe_pool_close(&worker->pipes);
    atomic_store_explicit(&worker->ended, true, memory_order_release);
    uv_async_send(worker->host->control_wake);
}

static void init_handles(struct worker *worker)
{
    uv_idle_init(&worker->loop, &worker->turns);
    uv_timer_init(&worker->loop, &worker->sweep);
    uv_timer_init(&worker->loop, &worker->resume);
    uv_timer_init(&worker->loop, &worker->drain);
    worker->turns.data = worker;
    worker->sweep.data = worker;
    worker->resume.data = worker;
    worker->drain.data = worker;
    uv_timer_start(&worker->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static bool init_scratch(struct worker *worker)
{
    size_t hello = hello_wire_limit(HELLO_LIMIT_DEFAULT);

    worker->scratch_bytes = hello > COPY_BYTES ? hello : COPY_BYTES;
    worker->scratch_bytes = (worker->scratch_bytes + SCRATCH_ALIGN - 1) & ~(SCRATCH_ALIGN - 1);
    worker->tools = (struct pump_tools){
        .scratch = aligned_alloc(SCRATCH_ALIGN, worker->scratch_bytes),
        .copy_bytes = COPY_BYTES,
        .pipes = &worker->pipes,
        .mode = worker->host->relay_mode,
    };
    pipe_pool_init(&worker->pipes, worker->host->pipes_per_worker);
    return worker->tools.scratch != NULL;
}

int worker_init(struct worker *worker, struct host *host, uint32_t index)
{
    memset(worker, 0, sizeof *worker);
    worker->host = host;
    worker->index = index;
    TAILQ_INIT(&worker->conns);
    TAILQ_INIT(&worker->queue);
    LIST_INIT(&worker->listeners);
    if (!init_scratch(worker))
        return UV_ENOMEM;
    int error = uv_loop_init(&worker->loop);
    if (error != 0)
        goto free_scratch;
    if ((error = uv_async_init(&worker->loop, &worker->wake, on_wake)) != 0)
        goto close_loop;
    worker->wake.data = worker;
    if ((error = ready_init(&worker->ready, &worker->loop, on_ready_event)) != 0)
        goto close_wake;
    init_handles(worker);
    return 0;

close_wake:
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
close_loop:
    uv_loop_close(&worker->loop);
free_scratch:
    free(worker->tools.scratch);
    return error;
}

int worker_start(struct worker *worker)
{
    return uv_thread_create(&worker->thread, run, worker);
}

void worker_abandon(struct worker *worker)
{
    close_handles(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    int error = uv_loop_close(&worker->loop);
    assert(error == 0);
    free(worker->tools.scratch);
}

void worker_join(struct worker *worker)
{
    int error = uv_thread_join(&worker->thread);
    assert(error == 0);
    error = uv_loop_close(&worker->loop);
    assert(error == 0); /* a handle was forgotten */
    /* A second order to end may have come too late to be read; it carries nothing. */
    for (struct order *order = take_orders(worker), *next; order != NULL; order = next) {
        next = order->next;
        assert(order->view == NULL && order->handed == NULL);
        free(order);
    }
    free(worker->tools.scratch);
}
