/*
 * The control thread: the list of its parts, what signals mean, the end.
 *
 * The happy path
 *  - Start: descriptor limit, then the parts: log writer, signals, workers, reload. The first
 *    configuration is published, and one line says what runs.
 *  - HUP: the configuration is read again.
 *  - TERM, QUIT: the parts stop in reverse, and the workers drain meanwhile; then everything is
 *    freed: exit 0.
 *
 * The failures
 *  - Too few descriptors, a log that cannot be opened, no threads: said, and the exit code.
 *  - A second TERM, QUIT or INT: the workers end at once.
 *  - Names of servers are still being looked up at the end: that is not waited for.
 */
#include "router/control/control.h"

#include <assert.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "router/control/caps.h"
#include "router/control/control_parts.h"
#include "router/log/log.h"

/* Ctrl-C at a terminal does not wait for `timeouts.drain`. */
#define INTERRUPT_DRAIN_MS 1000u

/* --- the end --- */

void control_end(struct control *control, uint64_t drain_ms)
{
    if (control->parts.stopping) {
        log_line(LOG_LEVEL_INFO, "ending at once");
        workers_end_at_once(&control->workers);
        return;
    }
    if (control->generation != 0)
        log_line(LOG_LEVEL_INFO, "ending: %u connections have %llu ms to finish",
                 atomic_load_explicit(&control->workers.shared.active, memory_order_relaxed),
                 (unsigned long long)drain_ms);
    endpoints_remove_paths(&control->endpoints); /* before a successor looks for them */
    workers_allow_drain(&control->workers, drain_ms);
    parts_stop(&control->parts);
}

static void on_parts_stopped(void *context)
{
    struct control *control = context;

    if (resolve_is_busy(&control->resolve))
        uv_stop(&control->loop); /* lookups alone would keep it running */
}

/* --- events --- */

static uint64_t drain_ms(const struct control *control)
{
    return control->snapshots == NULL ? 0 : control->snapshots->config->timeouts.drain_ms;
}

static void on_signal(void *context, int number)
{
    struct control *control = context;
    uint64_t patience_ms = drain_ms(control);

    switch (number) {
    case SIGTERM:
    case SIGQUIT:
        control_end(control, patience_ms);
        break;
    case SIGINT:
        control_end(control, patience_ms < INTERRUPT_DRAIN_MS ? patience_ms : INTERRUPT_DRAIN_MS);
        break;
    case SIGHUP:
        control_reload(control);
        break;
    case SIGUSR1:
        log_line(LOG_LEVEL_INFO, "opening the access log again");
        log_writer_reopen(&control->log.writer);
        break;
    default:
        log_line(LOG_LEVEL_WARNING, "signal %d: this version cannot replace its own binary",
                 number);
        break;
    }
}

static void on_workers_wake(void *context)
{
    control_sweep(context);
}

/* --- putting it together --- */

static void say_ended(const struct control *control)
{
    uint64_t accepted = 0, in = 0, out = 0;
    uint64_t lost = tally_read(&control->log.writer.lost_lines) + log_lines_lost();

    for (uint32_t i = 0; i < control->workers.count; i++) {
        const struct tally *tally = &control->workers.list[i].conns.tally;
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
    control_sweep(control);
    assert(control->snapshots == NULL);
    if (!lookups) { /* they keep the configuration, and it the cells */
        servers_close(&control->servers);
        stats_close(&control->stats);
    }
    endpoints_close(&control->endpoints);
    if (control->generation != 0)
        say_ended(control);
    workers_free(&control->workers);
    if (lookups)
        _exit(control->exit_code);
    int error = uv_loop_close(&control->loop);
    assert(error == 0);
}

/* Runs to the end. */
static void run(struct control *control, struct config *first)
{
    control->exit_code = parts_start(&control->parts);
    if (control->exit_code != 0)
        config_free(first);
    else
        control_publish(control, first);
    while (uv_run(&control->loop, UV_RUN_DEFAULT) != 0 && !resolve_is_busy(&control->resolve))
        continue; /* stopped for lookups that have ended meanwhile */
    finish(control);
}

static bool set_caps(struct shared *shared, const struct config *config, uint32_t workers)
{
    struct caps caps;

    if (!caps_compute(&caps, config, workers)) {
        log_line(LOG_LEVEL_ERROR,
                 "the descriptor limit of %u is too low for %u worker%s: %u are needed at least "
                 "(ulimit -n)",
                 caps.descriptors, workers, workers == 1 ? "" : "s", caps.least);
        return false;
    }
    shared->pipes_per_worker = caps.pipes_per_worker;
    shared->connection_cap = caps.connections;
    if (config->max_connections > caps.connections)
        log_line(LOG_LEVEL_WARNING,
                 "limits.connections is %u, but %u descriptors are enough for %u connections",
                 config->max_connections, caps.descriptors, caps.connections);
    return true;
}

/* The one list of parts, in the order in which they start. */
static void init_parts(struct control *control, const struct config *first, struct shared *shared,
                       uint32_t workers)
{
    size_t count = 0;

    log_part_init(&control->log, workers, first->log.access_path);
    shared->writer = &control->log.writer;
    signals_init(&control->signals, &control->loop, on_signal, control);
    workers_init(&control->workers, &control->loop, workers, shared, on_workers_wake, control);
    control_reload_init(control);

    control->list[count++] = &control->log.part;
    control->list[count++] = &control->signals.part;
    control->list[count++] = &control->workers.part;
    control->list[count++] = &control->reload;
    assert(count == CONTROL_PARTS);
    parts_init(&control->parts, control->list, count, on_parts_stopped, control);
}

int control_run(struct config *first, const struct control_source *source, enum relay_mode mode)
{
    struct control control = {.source = source};
    struct shared shared = {.relay_mode = mode};
    uint32_t workers = first->workers != 0 ? first->workers : uv_available_parallelism();

    log_set_level(first->log.level);
    if (!set_caps(&shared, first, workers)) {
        config_free(first);
        return EX_OSERR;
    }
    if (!stats_init(&control.stats, workers)) {
        log_line(LOG_LEVEL_ERROR, "no memory for %u workers", workers);
        config_free(first);
        return EX_OSERR;
    }
    int error = uv_loop_init(&control.loop);
    assert(error == 0);
    endpoints_init(&control.endpoints, workers);
    servers_init(&control.servers, &control.stats);
    init_parts(&control, first, &shared, workers);
    run(&control, first);
    return control.exit_code;
}
