/*
 * The control thread: the list of its parts, what signals mean, the end.
 *
 * The happy path
 *  - Start: descriptor limit, then the parts in the order of list_parts(). The first
 *    configuration is published, and one line says what runs.
 *  - HUP: the configuration is read again, the access log opened again.
 *  - USR2: another process of the program's file takes over (upgrade.h), and this one drains.
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
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include "router/control/activation.h"
#include "router/control/caps.h"
#include "router/control/cpus.h"
#include "router/control/drain.h"
#include "router/control/errands.h"
#include "router/control/exit_code.h"
#include "router/control/leftovers.h"
#include "router/control/log_part.h"
#include "router/control/loop_start.h"
#include "router/control/notify.h"
#include "router/control/part.h"
#include "router/control/publisher.h"
#include "router/control/relisten.h"
#include "router/control/reload.h"
#include "router/control/reload_log.h"
#include "router/control/resolve.h"
#include "router/control/signals.h"
#include "router/control/successor.h"
#include "router/control/upgrade.h"
#include "router/control/watch.h"
#include "router/control/workers.h"
#include "router/log/log.h"

/* Ctrl-C at a terminal does not wait for `timeouts.drain`. */
#define INTERRUPT_DRAIN_MS 1000u

/* malloc()'s own default, before it adapts itself. */
#define LARGE_BLOCK_BYTES (128 * 1024)

/* How many parts there are; init_parts() lists them. */
#define PARTS 13

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
    struct notify notify;
    struct drain drain;
    struct upgrade upgrade;
    struct successor successor;

    struct activation activation; /* until the first configuration is in use */
    bool told_to_end;             /* by a signal */
    bool replaced;                /* another process accepts from our sockets */
    bool reloading;               /* the service manager was told so */
    bool upgrade_waits;           /* until the reload that is under way is done */

    struct stats stats;
    struct publisher publisher; /* no part: it acts when reload asks it to */
};

/* --- what the service manager sees --- */

static uint32_t active_connections(const struct control *control)
{
    return atomic_load_explicit(&control->workers.shared.active, memory_order_relaxed);
}

static const char *doing(const struct control *control)
{
    if (control->replaced)
        return "replaced by another process, ";
    if (control->parts.stopping)
        return "ending, ";
    if (drain_is_delaying(&control->drain))
        return "about to end, ";
    return upgrade_is_running(&control->upgrade) ? "starting another process, " : "";
}

static void print_status(void *context, char text[NOTIFY_STATUS_SIZE])
{
    const struct control *control = context;
    const struct config *config = publisher_config(&control->publisher);
    uint32_t active = active_connections(control);
    uint32_t listeners = config == NULL ? 0 : config->listener_count;
    uint32_t routes = config == NULL ? 0 : config->route_count;

    snprintf(text, NOTIFY_STATUS_SIZE, "%s%u listener%s, %u route%s, %u connection%s",
             doing(control), listeners, listeners == 1 ? "" : "s", routes, routes == 1 ? "" : "s",
             active, active == 1 ? "" : "s");
}

static bool workers_are_turning(void *context)
{
    struct control *control = context;

    return control->workers.part.state == PART_STOPPED || workers_turn(&control->workers);
}

/* --- the end --- */

static void say_ending(struct control *control, uint64_t drain_ms)
{
    uint32_t active = active_connections(control);
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
    const struct config *config = publisher_config(&control->publisher);
    struct worker_sums now = stats_read_workers(&control->stats);
    struct drain_terms terms = {.ms = drain_ms, .replaced = control->replaced};

    if (control->parts.stopping) {
        log_line(LOG_LEVEL_INFO, "ending at once");
        workers_end_at_once(&control->workers);
        return;
    }
    if (config != NULL)
        terms.idle_ms = config->timeouts.drain_idle_ms;
    if (control->publisher.published)
        say_ending(control, drain_ms);
    if (control->replaced)
        endpoints_give_up_paths(&control->publisher.endpoints);
    publisher_retire(&control->publisher);
    drain_begin(&control->drain, &now, terms);
    workers_allow_drain(&control->workers, terms);
    parts_stop(&control->parts);
    if (!control->told_to_end)
        notify_stopping(&control->notify);
}

static uint64_t configured_drain_ms(const struct control *control)
{
    const struct config *config = publisher_config(&control->publisher);

    return config == NULL ? 0 : config->timeouts.drain_ms;
}

static void on_delay_over(void *context)
{
    struct control *control = context;

    end(control, configured_drain_ms(control));
}

static void say_delay(uint64_t delay_ms)
{
    char time[LOG_DURATION_MAX];

    log_duration(delay_ms, time);
    log_line(LOG_LEVEL_INFO, "about to end: clients are accepted for another %s", time);
}

/*
 * A signal to end. The first has a new process ended as well that is not ready yet; when it is
 * ready, this one ends anyway.
 */
static void end_by_signal(struct control *control, uint64_t drain_ms, uint64_t delay_ms)
{
    bool first = !control->told_to_end;

    upgrade_cancel(&control->upgrade);
    control->told_to_end = true;
    if (first && control->replaced)
        return; /* it is ending, and has its time */
    if (first)
        notify_stopping(&control->notify);
    if (drain_is_delaying(&control->drain)) {
        log_line(LOG_LEVEL_INFO, "ending at once");
        end(control, 0);
    } else if (delay_ms != 0 && !control->parts.stopping) {
        say_delay(delay_ms);
        drain_delay(&control->drain, delay_ms);
        notify_status(&control->notify);
    } else {
        end(control, drain_ms);
    }
}

/* Nothing is left on the loop, which ends by itself. */
static void on_parts_stopped(void *context)
{
    const struct control *control = context;

    assert(control->parts.running == 0);
}

/* --- upgrades --- */

static void begin_upgrade(struct control *control)
{
    control->upgrade_waits = false;
    if (drain_is_delaying(&control->drain) || successor_is_waiting(&control->successor)) {
        log_line(LOG_LEVEL_WARNING, "USR2: no upgrade: this process is %s",
                 drain_is_delaying(&control->drain) ? "ending" : "about to replace another one");
        return;
    }
    if (reload_is_loading(&control->reload) || reload_state(&control->reload) == RELOAD_RESOLVING) {
        log_line(LOG_LEVEL_INFO, "USR2: the upgrade waits for the configuration");
        control->upgrade_waits = true;
        return;
    }
    if (!upgrade_is_running(&control->upgrade))
        reload_hold(&control->reload);
    upgrade_begin(&control->upgrade);
    if (!upgrade_is_running(&control->upgrade))
        (void)reload_release(&control->reload);
    notify_status(&control->notify);
}

static void on_replaced(void *context, pid_t by)
{
    struct control *control = context;

    log_line(LOG_LEVEL_INFO, "upgrade: process %d has taken over", (int)by);
    notify_main_is(&control->notify, by);
    control->replaced = true;
    if (reload_release(&control->reload))
        (void)kill(by, SIGHUP); /* its configuration may be older than what was asked for */
    end(control, configured_drain_ms(control));
}

static void on_upgrade_failed(void *context)
{
    struct control *control = context;

    notify_status(&control->notify);
    if (reload_release(&control->reload))
        reload_ask(&control->reload);
}

/* The workers accept, and no other process does. */
static void on_alone(void *context, bool replaced, bool gone)
{
    struct control *control = context;

    if (!replaced) {
        notify_ready(&control->notify);
        return;
    }
    log_line(LOG_LEVEL_INFO, "this process has taken over%s",
             gone ? " from one that has gone" : "");
    if (!gone)
        (void)setpgid(0, getpgid(getppid())); /* a terminal's signals come to us again */
    endpoints_take_over(&control->publisher.endpoints);
    relisten_complete(&control->relisten);
    notify_ready_as_main(&control->notify);
}

/* --- events --- */

static void ask_reload(struct control *control)
{
    if (control->parts.stopping)
        return;
    control->reloading = true;
    notify_reloading(&control->notify);
    if (upgrade_is_running(&control->upgrade))
        log_line(LOG_LEVEL_INFO, "reload: waits for the upgrade");
    reload_ask(&control->reload);
}

static void on_signal(void *context, int number)
{
    struct control *control = context;
    const struct config *config = publisher_config(&control->publisher);
    uint64_t drain_ms = configured_drain_ms(control);

    switch (number) {
    case SIGTERM:
    case SIGQUIT:
        end_by_signal(control, drain_ms, config == NULL ? 0 : config->timeouts.drain_delay_ms);
        break;
    case SIGINT:
        end_by_signal(control, drain_ms < INTERRUPT_DRAIN_MS ? drain_ms : INTERRUPT_DRAIN_MS, 0);
        break;
    case SIGHUP:
        ask_reload(control);
        log_writer_reopen(&control->log.writer); /* many rotate logs with HUP */
        break;
    case SIGUSR1:
        log_line(LOG_LEVEL_INFO, "opening the access log again");
        log_writer_reopen(&control->log.writer);
        break;
    default:
        begin_upgrade(control);
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

static void tell_outcome(struct control *control, const struct reload_outcome *outcome)
{
    if (outcome->result == RELOAD_STARTED)
        successor_is_ready(&control->successor);
    else if (control->reloading)
        notify_ready(&control->notify);
    else
        notify_status(&control->notify);
    control->reloading = false;
    if (control->upgrade_waits)
        begin_upgrade(control);
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
        tell_outcome(control, outcome);
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
    if (control->publisher.published) {
        struct worker_sums sums = stats_read_workers(&control->stats);
        drain_say(&control->drain, &sums);
        say_ended(control);
    }
    if (resolve_is_stuck(&control->resolve) || errands_are_stuck(&control->errands))
        _exit(control->exit_code);
    publisher_close(&control->publisher);
    upgrade_free(&control->upgrade);
    notify_free(&control->notify);
    activation_free(&control->activation);
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
    control->list[count++] = &control->notify.part;
    control->list[count++] = &control->errands.part;
    control->list[count++] = &control->leftovers.part;
    control->list[count++] = &control->signals.part;
    control->list[count++] = &control->workers.part;
    control->list[count++] = &control->relisten.part;
    control->list[count++] = &control->resolve.part;
    control->list[count++] = &control->reload.part;
    control->list[count++] = &control->watch.part;
    control->list[count++] = &control->drain.part;
    control->list[count++] = &control->upgrade.part;
    control->list[count++] = &control->successor.part;
    assert(count == PARTS);
    parts_init(&control->parts, control->list, count, on_parts_stopped, control);
}

/* What has to do with processes before and after this one, and with who started it. */
static void init_process(struct control *control)
{
    const struct notify_owner sees = {workers_are_turning, print_status, control};
    const struct upgrade_owner owner = {on_replaced, on_upgrade_failed, control};

    notify_init(&control->notify, &control->loop, sees);
    upgrade_init(&control->upgrade, &control->loop, &control->publisher, &control->notify, owner);
    successor_init(&control->successor, &control->loop, control->activation.predecessor, on_alone,
                   control);
    if (control->activation.list != NULL)
        control->publisher.endpoints.passed = &control->activation;
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
    drain_init(&control->drain, &control->loop, on_delay_over, control);
    init_process(control);
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

/* What the process was started with. False: it cannot be used, and that was said. */
static bool read_activation(struct control *control)
{
    char sentence[ACTIVATION_SENTENCE_MAX];
    bool good = activation_read(&control->activation, sentence);

    if (sentence[0] != '\0')
        log_line(good ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s", sentence);
    return good;
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

/* 0: all is there that init() takes for granted; or the exit code, and it is not. */
static int prepare(struct control *control, struct shared *shared, const struct config *first,
                   uint32_t *workers)
{
    *workers = first->workers != 0 ? first->workers : default_workers();
    if (!set_caps(shared, first, *workers))
        return EX_OSERR;
    if (!stats_init(&control->stats, *workers)) {
        log_line(LOG_LEVEL_ERROR, "no memory for %u worker%s", *workers, *workers == 1 ? "" : "s");
        return EX_OSERR;
    }
    int code = start_loop(control);
    if (code != 0)
        stats_close(&control->stats);
    return code;
}

/*
 * Large blocks are mapped and given back as they are freed, whatever was freed before. By itself
 * malloc() raises both bounds to what a large configuration has freed once, and malloc_trim()
 * leaves as much at the end of the arena of every thread but the first.
 */
static void give_memory_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK_BYTES);
}

int control_run(struct config *first, const struct control_source *source, enum relay_mode mode)
{
    struct control control = {0};
    struct shared shared = {.relay_mode = mode, .stats = &control.stats};
    uint32_t workers = 0;

    signals_hold();
    give_memory_back();
    log_set_level(first->log.level);
    control.exit_code = EX_CONFIG;
    if (read_activation(&control))
        control.exit_code = prepare(&control, &shared, first, &workers);
    if (control.exit_code != 0) {
        activation_free(&control.activation);
        config_free(first);
        return control.exit_code;
    }
    init(&control, first, &shared, workers, source);
    run(&control, first);
    return control.exit_code;
}
