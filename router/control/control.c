/*
 * The control thread: the list of its parts, what signals mean, the end.
 *
 * The happy path
 *  - Start: descriptor limit, then the parts in the order of list_parts(). The first
 *    configuration is published, and one line says what runs.
 *  - HUP: the configuration is read again, the access log opened again.
 *  - TERM, QUIT: the parts stop in reverse, and the workers drain meanwhile; then everything is
 *    freed: exit 0.
 *
 * The failures
 *  - Too few descriptors, a log that cannot be opened, no threads: said, and the exit code.
 *  - A second TERM, QUIT or INT: the workers end at once.
 *  - Names of servers are still being looked up at the end, or a configuration is still read: that
 *    is not waited for.
 */
#include "router/control/control.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include "router/control/caps.h"
#include "router/control/cpus.h"
#include "router/control/errands.h"
#include "router/control/exit_code.h"
#include "router/control/leftovers.h"
#include "router/control/log_part.h"
#include "router/control/loop_start.h"
#include "router/control/part.h"
#include "router/control/publisher.h"
#include "router/control/relisten.h"
#include "router/control/reload.h"
#include "router/control/reload_log.h"
#include "router/control/resolve.h"
#include "router/control/signals.h"
#include "router/control/watch.h"
#include "router/control/workers.h"
#include "router/log/log.h"

/* Ctrl-C at a terminal does not wait for `timeouts.drain`. */
#define INTERRUPT_DRAIN_MS 1000u

/* How many parts there are; init_parts() lists them. */
#define PARTS 9

struct control {
    uv_loop_t loop;
    int exit_code;

    struct parts parts;
    struct part *list[PARTS];
    struct log_part log;
    struct errands errands;
    struct leftovers leftovers;
    struct signals signals;
    struct workers workers;
    struct relisten relisten;
    struct resolve resolve;
    struct reload reload;
    struct watch watch;

    struct stats stats;
    struct publisher publisher; /* no part: it acts when reload asks it to */
};

/* --- the end --- */

static void say_ending(struct control *control, uint64_t drain_ms)
{
    uint32_t active = atomic_load_explicit(&control->workers.shared.active, memory_order_relaxed);
    char time[LOG_DURATION_MAX];

    log_duration(drain_ms, time);
    if (active == 0)
        log_line(LOG_LEVEL_INFO, "ending: no connection is open");
    else
        log_line(LOG_LEVEL_INFO, "ending: %u connection%s %s", active,
                 active == 1 ? " has" : "s have", time);
}

/* Begins to end: every worker drains. Called again: at once. */
static void end(struct control *control, uint64_t drain_ms)
{
    if (control->parts.stopping) {
        log_line(LOG_LEVEL_INFO, "ending at once");
        workers_end_at_once(&control->workers);
        return;
    }
    if (control->publisher.published)
        say_ending(control, drain_ms);
    publisher_retire(&control->publisher);
    workers_allow_drain(&control->workers, drain_ms);
    parts_stop(&control->parts);
}

/* Nothing is left on the loop, which ends by itself. */
static void on_parts_stopped(void *context)
{
    const struct control *control = context;

    assert(control->parts.running == 0);
}

/* --- events --- */

static uint64_t configured_drain_ms(const struct control *control)
{
    const struct config *config = publisher_config(&control->publisher);

    return config == NULL ? 0 : config->timeouts.drain_ms;
}

static void on_signal(void *context, int number)
{
    struct control *control = context;
    uint64_t drain_ms = configured_drain_ms(control);

    switch (number) {
    case SIGTERM:
    case SIGQUIT:
        end(control, drain_ms);
        break;
    case SIGINT:
        end(control, drain_ms < INTERRUPT_DRAIN_MS ? drain_ms : INTERRUPT_DRAIN_MS);
        break;
    case SIGHUP:
        reload_ask(&control->reload);
        log_writer_reopen(&control->log.writer); /* many rotate logs with HUP */
        break;
    case SIGUSR1:
        log_line(LOG_LEVEL_INFO, "opening the access log again");
        log_writer_reopen(&control->log.writer);
        break;
    default:
        log_line(LOG_LEVEL_WARNING,
                 "%s: this version cannot replace its own binary (end it with TERM, and run the "
                 "new one)",
                 signals_name(number));
        break;
    }
}

static void on_workers_wake(void *context)
{
    struct control *control = context;

    publisher_sweep(&control->publisher);
}

static void on_broken(void *context, const struct broken_listener *broken)
{
    struct control *control = context;

    relisten_note(&control->relisten, broken);
}

/* Without a configuration there is nothing to run. */
static void on_outcome(void *context, const struct reload_outcome *outcome)
{
    struct control *control = context;

    /* First: who reads "reloaded" finds every path there. */
    if (outcome->result == RELOAD_STARTED || outcome->result == RELOAD_CHANGED)
        relisten_published(&control->relisten);
    reload_log(outcome, &control->publisher);
    if (!outcome->ends) {
        watch_tell(&control->watch, outcome);
        return;
    }
    assert(outcome->code != 0);
    control->exit_code = outcome->code;
    end(control, 0);
}

/* --- putting it together --- */

static void say_ended(const struct control *control)
{
    struct worker_sums sums = stats_read_workers(&control->stats);
    uint64_t lost =
        sums.log_dropped + stats_figure_read(&control->log.writer.lost_lines) + log_lines_lost();

    log_line(LOG_LEVEL_INFO,
             "ended: %llu connection%s, %llu bytes in, %llu bytes out, %llu log line%s lost",
             (unsigned long long)sums.accepted, sums.accepted == 1 ? "" : "s",
             (unsigned long long)sums.bytes_in, (unsigned long long)sums.bytes_out,
             (unsigned long long)lost, lost == 1 ? "" : "s");
}

/*
 * Frees what control_run() has made; the loop has run dry. A thread that still looks a name up or
 * reads a file uses some of it, so the process ends here then.
 */
static void finish(struct control *control)
{
    assert(control->parts.running == 0);
    if (control->publisher.published)
        say_ended(control);
    if (resolve_is_stuck(&control->resolve) || errands_are_stuck(&control->errands))
        _exit(control->exit_code);
    publisher_close(&control->publisher);
    workers_free(&control->workers);
    stats_close(&control->stats);
    int error = uv_loop_close(&control->loop);
    assert(error == 0);
}

/* Runs to the end. */
static void run(struct control *control, struct config *first)
{
    control->exit_code = parts_start(&control->parts);
    if (control->exit_code == 0) {
        signals_let_in();
        reload_first(&control->reload, first);
    } else {
        config_free(first);
    }
    int left = uv_run(&control->loop, UV_RUN_DEFAULT);
    assert(left == 0);
    finish(control);
}

static bool set_caps(struct shared *shared, const struct config *config, uint32_t workers)
{
    struct caps caps;
    char text[LOG_LINE_MAX / 2];

    if (!caps_compute(&caps, config, workers)) {
        caps_explain(&caps, config, workers, text, sizeof text);
        log_line(LOG_LEVEL_ERROR, "%s", text);
        return false;
    }
    shared->connection_cap = caps.connections;
    return true;
}

/* The one list of parts, in the order in which they start. */
static void list_parts(struct control *control)
{
    size_t count = 0;

    control->list[count++] = &control->log.part;
    control->list[count++] = &control->errands.part;
    control->list[count++] = &control->leftovers.part;
    control->list[count++] = &control->signals.part;
    control->list[count++] = &control->workers.part;
    control->list[count++] = &control->relisten.part;
    control->list[count++] = &control->resolve.part;
    control->list[count++] = &control->reload.part;
    control->list[count++] = &control->watch.part;
    assert(count == PARTS);
    parts_init(&control->parts, control->list, count, on_parts_stopped, control);
}

static void init(struct control *control, const struct config *first, struct shared *shared,
                 uint32_t workers, const struct control_source *source)
{
    log_part_init(&control->log, workers, first->log.access_path);
    shared->writer = &control->log.writer;
    signals_init(&control->signals, &control->loop, on_signal, control);
    errands_init(&control->errands, &control->loop);
    workers_init(&control->workers, &control->loop, workers, shared, on_workers_wake, control);
    workers_tell_broken(&control->workers, on_broken);
    publisher_init(&control->publisher, &control->workers, &control->stats, &control->log.writer);
    leftovers_init(&control->leftovers, &control->loop, &control->errands, &control->publisher);
    relisten_init(&control->relisten, &control->loop, &control->publisher);
    resolve_init(&control->resolve, &control->loop);
    reload_init(&control->reload, &control->loop, source, &control->errands, &control->resolve,
                &control->publisher, on_outcome, control);
    watch_init(&control->watch, &control->loop, source, &control->errands, &control->reload);
    list_parts(control);
}

/* One for each CPU. */
static uint32_t default_workers(void)
{
    struct cpus cpus = cpus_read();
    uint32_t workers = cpus_usable(cpus);

    if (workers < cpus.affinity)
        log_line(LOG_LEVEL_INFO, "the CPU quota pays for %u of %u CPUs: as many workers", workers,
                 cpus.affinity);
    return workers;
}

/* 0, or the exit code. */
static int start_loop(struct control *control)
{
    const char *step;
    int error = loop_start(&control->loop, &step);

    if (error == 0)
        return 0;
    log_line(LOG_LEVEL_ERROR, "cannot start an event loop: %s: %s", step, strerror(error));
    return exit_code_of(error);
}

int control_run(struct config *first, const struct control_source *source, enum relay_mode mode)
{
    struct control control = {0};
    struct shared shared = {.relay_mode = mode};

    signals_hold();
    log_set_level(first->log.level);
    uint32_t workers = first->workers != 0 ? first->workers : default_workers();
    if (!set_caps(&shared, first, workers)) {
        config_free(first);
        return EX_OSERR;
    }
    if (!stats_init(&control.stats, workers)) {
        log_line(LOG_LEVEL_ERROR, "no memory for %u worker%s", workers, workers == 1 ? "" : "s");
        config_free(first);
        return EX_OSERR;
    }
    control.exit_code = start_loop(&control);
    if (control.exit_code != 0) {
        stats_close(&control.stats);
        config_free(first);
        return control.exit_code;
    }
    shared.stats = &control.stats;
    init(&control, first, &shared, workers, source);
    run(&control, first);
    return control.exit_code;
}
