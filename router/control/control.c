/*
 * The control thread.
 *
 * The happy path
 *  - Start: descriptor limit, log writer, workers, the first configuration (control_reload.c),
 *    one line that says what runs.
 *  - HUP: the configuration is read again.
 *  - TERM, QUIT: every worker drains; when the last has ended, everything is freed: exit 0.
 *
 * The failures
 *  - Too few descriptors, a log that cannot be opened, no threads: said, and the exit code.
 *  - A second TERM, QUIT or INT: the workers end at once.
 *  - Names of servers are still being looked up at the end: that is not waited for.
 */
#include "router/control/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "router/control/caps.h"
#include "router/control/control_parts.h"

/* Ctrl-C at a terminal does not wait for `timeouts.drain`. */
#define INTERRUPT_DRAIN_MS 1000u

static const int watched_signals[CONTROL_SIGNALS] = {SIGTERM, SIGQUIT, SIGINT,
                                                     SIGHUP,  SIGUSR1, SIGUSR2};

int control_exit_code(int error)
{
    return error == EACCES || error == EPERM ? EX_NOPERM : EX_OSERR;
}

/* --- the end --- */

static void order_all(struct control *control, enum order_kind kind, uint64_t drain_ms)
{
    for (uint32_t i = 0; i < control->worker_count; i++) {
        struct order *order = calloc(1, sizeof *order);
        if (order == NULL) {
            log_line(LOG_LEVEL_ERROR, "no memory to tell worker %u to end: aborting", i);
            abort();
        }
        order->kind = kind;
        order->drain_ms = drain_ms;
        worker_post(&control->workers[i], order);
    }
}

static void close_if_ended(struct control *control)
{
    if (!control->ending || uv_is_closing((uv_handle_t *)&control->wake))
        return;
    for (uint32_t i = 0; i < control->worker_count; i++) {
        if (!atomic_load_explicit(&control->workers[i].ended, memory_order_acquire))
            return;
    }
    uv_close((uv_handle_t *)&control->wake, NULL);
    uv_close((uv_handle_t *)&control->patience, NULL);
    for (size_t i = 0; i < CONTROL_SIGNALS; i++)
        uv_close((uv_handle_t *)&control->signals[i], NULL);
    if (resolve_is_busy(&control->resolve))
        uv_stop(&control->loop); /* lookups alone would keep it running */
}

void control_end(struct control *control, uint64_t drain_ms)
{
    if (control->ending) {
        log_line(LOG_LEVEL_INFO, "ending at once");
        order_all(control, ORDER_STOP, 0);
        return;
    }
    control->ending = true;
    if (control->generation != 0)
        log_line(LOG_LEVEL_INFO, "ending: %u connections have %llu ms to finish",
                 atomic_load_explicit(&control->host.active, memory_order_relaxed),
                 (unsigned long long)drain_ms);
    points_remove_paths(&control->points); /* before a successor looks for them */
    order_all(control, ORDER_DRAIN, drain_ms);
    close_if_ended(control);
}

static uint64_t drain_ms(const struct control *control)
{
    return control->snapshots == NULL ? 0 : control->snapshots->config->timeouts.drain_ms;
}

/* --- events --- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct control *control = handle->data;

    switch (number) {
    case SIGTERM:
    case SIGQUIT:
        control_end(control, drain_ms(control));
        break;
    case SIGINT:
        control_end(control, drain_ms(control) < INTERRUPT_DRAIN_MS ? drain_ms(control)
                                                                    : INTERRUPT_DRAIN_MS);
        break;
    case SIGHUP:
        control_reload(control);
        break;
    case SIGUSR1:
        log_line(LOG_LEVEL_INFO, "opening the access log again");
        log_writer_reopen(&control->writer);
        break;
    default:
        log_line(LOG_LEVEL_WARNING, "signal %d: this version cannot replace its own binary",
                 number);
        break;
    }
}

static void on_wake(uv_async_t *async)
{
    struct control *control = async->data;

    control_sweep(control);
    close_if_ended(control);
}

/* --- putting it together --- */

static int start_workers(struct control *control, uint32_t count)
{
    control->workers = aligned_alloc(_Alignof(struct worker), count * sizeof *control->workers);
    if (control->workers == NULL)
        return UV_ENOMEM;
    while (control->worker_count < count) {
        struct worker *worker = &control->workers[control->worker_count];
        int error = worker_init(worker, &control->host, control->worker_count);
        if (error != 0)
            return error;
        error = worker_start(worker);
        if (error != 0) {
            worker_abandon(worker);
            return error;
        }
        control->worker_count++;
    }
    return 0;
}

static void start_signals(struct control *control)
{
    signal(SIGPIPE, SIG_IGN); /* splice(2) has no MSG_NOSIGNAL */
    for (size_t i = 0; i < CONTROL_SIGNALS; i++) {
        uv_signal_init(&control->loop, &control->signals[i]);
        control->signals[i].data = control;
        int error = uv_signal_start(&control->signals[i], on_signal, watched_signals[i]);
        assert(error == 0);
    }
}

static void say_ended(const struct control *control)
{
    uint64_t accepted = 0, in = 0, out = 0;
    uint64_t lost = tally_read(&control->writer.lost_lines) + log_lines_lost();

    for (uint32_t i = 0; i < control->worker_count; i++) {
        const struct tally *tally = &control->workers[i].tally;
        accepted += tally_read(&tally->accepted);
        in += tally_read(&tally->bytes_in);
        out += tally_read(&tally->bytes_out);
        lost += tally_read(&tally->log_dropped);
    }
    log_line(LOG_LEVEL_INFO,
             "ended: %llu connections, %llu bytes in, %llu bytes out, %llu log lines lost",
             (unsigned long long)accepted, (unsigned long long)in, (unsigned long long)out,
             (unsigned long long)lost);
}

/*
 * Frees what control_run() has made; the loop has run dry, or nothing but lookups are under way.
 * Those belong to threads that exit() would wait for, so the process ends without it.
 */
static void finish(struct control *control)
{
    bool lookups = resolve_is_busy(&control->resolve);

    resolve_abandon(&control->resolve);
    snapshot_free(control->pending);
    for (uint32_t i = 0; i < control->worker_count; i++)
        worker_join(&control->workers[i]);
    control_sweep(control);
    assert(control->snapshots == NULL);
    if (!lookups) { /* they keep the configuration, and it the cells */
        servers_close(&control->servers);
        stats_close(&control->stats);
    }
    points_close(&control->points);
    log_writer_stop(&control->writer);
    if (control->generation != 0)
        say_ended(control);
    free(control->workers);
    if (lookups)
        _exit(control->exit_code);
    int error = uv_loop_close(&control->loop);
    assert(error == 0);
}

/* Runs to the end. */
static void run(struct control *control, struct config *first, uint32_t workers)
{
    int error = start_workers(control, workers);

    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot start %u workers: %s", workers, uv_strerror(error));
        config_free(first);
        control->exit_code = EX_OSERR;
        control_end(control, 0);
    } else {
        control_publish(control, first);
        if (control->pending == NULL && control->generation == 0 && !control->ending) {
            control->exit_code = EX_OSERR;
            control_end(control, 0);
        }
    }
    while (uv_run(&control->loop, UV_RUN_DEFAULT) != 0 && !resolve_is_busy(&control->resolve))
        continue; /* stopped for lookups that have ended meanwhile */
    finish(control);
}

static bool set_caps(struct host *host, const struct config *config, uint32_t workers)
{
    struct caps caps;

    if (!caps_compute(&caps, config, workers)) {
        log_line(LOG_LEVEL_ERROR,
                 "the descriptor limit of %u is too low for %u worker%s: %u are needed at least "
                 "(ulimit -n)",
                 caps.descriptors, workers, workers == 1 ? "" : "s", caps.least);
        return false;
    }
    host->pipes_per_worker = caps.pipes_per_worker;
    host->connection_cap = caps.connections;
    if (config->max_connections > caps.connections)
        log_line(LOG_LEVEL_WARNING,
                 "limits.connections is %u, but %u descriptors are enough for %u connections",
                 config->max_connections, caps.descriptors, caps.connections);
    return true;
}

int control_run(struct config *first, const struct control_source *source, enum relay_mode mode)
{
    struct control control = {.source = source};
    uint32_t workers = first->workers != 0 ? first->workers : uv_available_parallelism();

    log_set_level(first->log.level);
    control.host.relay_mode = mode;
    control.host.writer = &control.writer;
    control.host.control_wake = &control.wake;
    points_init(&control.points, workers);
    servers_init(&control.servers, &control.stats);
    if (!stats_init(&control.stats, workers)) {
        log_line(LOG_LEVEL_ERROR, "no memory for %u workers", workers);
        config_free(first);
        return EX_OSERR;
    }
    if (!set_caps(&control.host, first, workers)) {
        config_free(first);
        return EX_OSERR;
    }
    int error = log_writer_start(&control.writer, workers, first->log.access_path);
    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot open the access log %s: %s",
                 first->log.access_path == NULL ? "" : first->log.access_path, uv_strerror(error));
        config_free(first);
        return control_exit_code(-error);
    }
    error = uv_loop_init(&control.loop);
    assert(error == 0);
    error = uv_async_init(&control.loop, &control.wake, on_wake);
    assert(error == 0);
    control.wake.data = &control;
    error = uv_timer_init(&control.loop, &control.patience);
    assert(error == 0);
    control.patience.data = &control;
    start_signals(&control);
    run(&control, first, workers);
    return control.exit_code;
}
