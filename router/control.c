/*
 * The control thread.
 *
 * The happy path
 *  - Start: descriptor limit, workers, names of servers to addresses, listening points, one order
 * to each worker, one line that says what runs.
 *  - HUP: read, validate, resolve, open what is new, publish a new snapshot to every worker.
 *  - TERM, QUIT: every worker drains; when the last has ended, everything is freed: exit 0.
 *
 * The failures
 *  - A bad or unreadable file at reload, a listener that cannot be opened, no memory: said with
 *    position or address; nothing has changed.
 *  - A reload while one is still resolving names: it is done once more afterwards.
 *  - A second TERM, QUIT or INT: the workers end at once.
 */
#include "router/control.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "router/log.h"
#include "router/log_writer.h"
#include "router/points.h"
#include "router/resolve.h"
#include "router/worker.h"

/* Descriptors kept for everything that is neither a connection nor a pipe. */
#define RESERVED_FDS        64u
#define RESERVED_PER_WORKER 8u
/* Pipes for splicing: a part of the descriptors, between these bounds in all. */
#define PIPES_SHARE 32u
#define PIPES_MIN   16u
#define PIPES_MAX   2048u
/* Ctrl-C at a terminal does not wait for `timeouts.drain`. */
#define INTERRUPT_DRAIN_MS 1000u
/* A configuration with so many routes leaves enough freed memory behind to give it back. */
#define TRIM_ROUTES 10000u

static const int watched_signals[] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
#define SIGNAL_COUNT (sizeof watched_signals / sizeof watched_signals[0])

struct control {
    uv_loop_t loop;
    uv_async_t wake; /* workers: a snapshot was let go of, or one has ended */
    uv_signal_t signals[SIGNAL_COUNT];
    const struct control_source *source;

    struct host host;
    struct log_writer writer;
    struct worker *workers;
    uint32_t worker_count; /* of workers started */
    struct points points;

    struct snapshot *snapshots; /* not freed yet, the newest first */
    struct snapshot *pending;   /* its names are being resolved */
    struct resolve resolve;
    uint32_t generation; /* of the newest snapshot that was published */
    bool reload_again;
    bool ending;
    int exit_code;
};

/* --- limits --- */

static rlim_t raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    /* "Unlimited" is cut to what two descriptors per connection and 32-bit counts can use. */
    return limit.rlim_cur > 1u << 30 ? 1u << 30 : limit.rlim_cur;
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Splits the descriptors between pipes and connections. False: there are too few to run. */
static bool compute_caps(struct control *control, const struct config *config, uint32_t workers)
{
    uint32_t fds = (uint32_t)raise_descriptor_limit();
    uint32_t pipes = clamp(fds / PIPES_SHARE, PIPES_MIN, PIPES_MAX);
    uint64_t other = RESERVED_FDS +
                     (uint64_t)workers * (RESERVED_PER_WORKER + config->listener_count) +
                     2u * (uint64_t)pipes;

    if (other + 2 > fds) {
        log_line(LOG_LEVEL_ERROR,
                 "the descriptor limit of %u is too low for %u workers: raise it (ulimit -n)", fds,
                 workers);
        return false;
    }
    control->host.pipes_per_worker = pipes / workers > 0 ? pipes / workers : 1;
    control->host.connection_cap = (fds - (uint32_t)other) / 2;
    if (config->max_connections > control->host.connection_cap)
        log_line(LOG_LEVEL_WARNING,
                 "limits.connections is %u, but %u descriptors are enough for %u connections",
                 config->max_connections, fds, control->host.connection_cap);
    return true;
}

/* --- snapshots --- */

static void sweep_snapshots(struct control *control)
{
    struct snapshot **link = &control->snapshots;

    while (*link != NULL) {
        struct snapshot *snapshot = *link;
        if (snapshot->generation == control->generation && !control->ending) {
            link = &snapshot->next; /* the current one, even before the workers have it */
        } else if (atomic_load_explicit(&snapshot->refs, memory_order_acquire) == 0) {
            *link = snapshot->next;
            snapshot_free(snapshot);
        } else {
            link = &snapshot->next;
        }
    }
}

/* --- publishing --- */

static void free_order(struct order *order)
{
    if (order == NULL)
        return;
    if (order->view != NULL)
        balance_free(order->view->balance);
    free(order->view);
    free(order->seats);
    free(order);
}

static struct order *adopt_order(struct control *control, struct snapshot *snapshot,
                                 uint32_t worker)
{
    struct order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return NULL;
    order->kind = ORDER_ADOPT;
    order->view = calloc(1, sizeof *order->view);
    order->seats = points_seats(&control->points, snapshot->config, worker);
    order->seat_count = snapshot->config->listener_count;
    if (order->view != NULL) {
        order->view->snapshot = snapshot;
        order->view->balance = balance_new(snapshot->config, worker);
    }
    if (order->view == NULL || order->view->balance == NULL || order->seats == NULL) {
        free_order(order);
        return NULL;
    }
    return order;
}

/* One order for each worker, or none: false, nothing has changed. */
static bool post_to_all(struct control *control, struct snapshot *snapshot)
{
    struct order **orders = calloc(control->worker_count, sizeof *orders);
    uint32_t made = 0;

    while (orders != NULL && made < control->worker_count &&
           (orders[made] = adopt_order(control, snapshot, made)) != NULL)
        made++;
    bool complete = orders != NULL && made == control->worker_count;
    for (uint32_t i = 0; i < made; i++) {
        if (complete) {
            snapshot_ref(snapshot);
            worker_post(&control->workers[i], orders[i]);
        } else {
            free_order(orders[i]);
        }
    }
    free(orders);
    return complete;
}

static int exit_code_of(int error)
{
    return error == EACCES || error == EPERM ? EX_NOPERM : EX_OSERR;
}

/* Opens and publishes. 0, or the exit code with the reason logged and nothing changed. */
static int publish(struct control *control, struct snapshot *snapshot)
{
    struct points_error why;

    if (!points_open(&control->points, snapshot->config, &why)) {
        log_line(LOG_LEVEL_ERROR, "cannot listen on %s (%s): %s: %s", why.listener->address.text,
                 why.listener->name, why.step, strerror(why.error));
        return exit_code_of(why.error);
    }
    if (!post_to_all(control, snapshot)) {
        log_line(LOG_LEVEL_ERROR, "no memory for a new configuration");
        return EX_OSERR;
    }
    points_handed_over(&control->points);
    points_forget_unclaimed(&control->points);
    snapshot->next = control->snapshots;
    control->snapshots = snapshot;
    control->generation = snapshot->generation;
    if (snapshot->config->route_count >= TRIM_ROUTES)
        malloc_trim(0);
    return 0;
}

/* --- start and reload --- */

static size_t print_listeners(const struct control *control, const struct config *config,
                              char *text, size_t size)
{
    size_t len = 0;

    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct point *point = points_of(&control->points, i);
        const char *name = config->listeners[i].name;
        bool named = strcmp(name, config->listeners[i].address.text) != 0;
        int n = snprintf(text + len, size - len, named ? "%s%s (%s)" : "%s%s", i > 0 ? " " : "",
                         point->bound, name);
        if (n < 0 || (size_t)n >= size - len) {
            text[len] = '\0';
            return len;
        }
        len += (size_t)n;
    }
    return len;
}

static void say_started(const struct control *control, const struct config *config)
{
    char listeners[LOG_LINE_MAX / 2];
    uint32_t cap = control->host.connection_cap;

    if (config->max_connections != 0 && config->max_connections < cap)
        cap = config->max_connections;
    print_listeners(control, config, listeners, sizeof listeners);
    log_line(LOG_LEVEL_INFO,
             "sni-router %s: %u worker%s, listening on %s, %u route%s, at most %u connections, "
             "splice %s",
             SNI_ROUTER_VERSION, control->worker_count, control->worker_count == 1 ? "" : "s",
             listeners, config->route_count, config->route_count == 1 ? "" : "s", cap,
             control->host.relay_mode == RELAY_COPY ? "off" : "on");
}

static void say_reloaded(const struct control *control, const struct config *config)
{
    char listeners[LOG_LINE_MAX / 2];

    print_listeners(control, config, listeners, sizeof listeners);
    log_line(LOG_LEVEL_INFO, "configuration reloaded: %u route%s, listening on %s",
             config->route_count, config->route_count == 1 ? "" : "s", listeners);
    if (config->workers != 0 && config->workers != control->worker_count)
        log_line(LOG_LEVEL_WARNING, "workers: %u takes effect when the router is started anew",
                 config->workers);
}

static void reload(struct control *control);
static void begin_end(struct control *control, uint64_t drain_ms);

static void on_resolved(void *context)
{
    struct control *control = context;
    struct snapshot *snapshot = control->pending;
    bool first = control->generation == 0;

    control->pending = NULL;
    if (control->ending) {
        snapshot_free(snapshot);
        return;
    }
    int code = publish(control, snapshot);
    if (code != 0) {
        snapshot_free(snapshot);
        if (first) {
            control->exit_code = code;
            begin_end(control, 0);
            return;
        }
        log_line(LOG_LEVEL_ERROR, "reload failed: the old configuration stays");
    } else {
        log_set_level(snapshot->config->log.level);
        if (first) {
            say_started(control, snapshot->config);
        } else {
            log_writer_redirect(&control->writer, snapshot->config->log.access_path);
            say_reloaded(control, snapshot->config);
        }
    }
    sweep_snapshots(control);
    if (control->reload_again)
        reload(control);
}

static void begin_publish(struct control *control, struct config *config)
{
    control->pending = snapshot_new(config, control->generation + 1);
    if (control->pending == NULL) {
        log_line(LOG_LEVEL_ERROR, "no memory for a new configuration");
        return;
    }
    resolve_start(&control->resolve, &control->loop, control->pending, on_resolved, control);
}

static void log_diagnostics(const struct diagnostics *found, const char *file)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct diagnostic *d = &found->list[i];
        bool error = d->severity == DIAGNOSTIC_ERROR;
        log_line(error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%u:%u: %s: %s", file, d->at.line,
                 d->at.column, error ? "error" : "warning", d->message);
    }
}

static void reload(struct control *control)
{
    struct diagnostics found = {0};
    char trouble[CONTROL_TROUBLE_MAX] = "";

    control->reload_again = control->pending != NULL;
    if (control->reload_again || control->ending)
        return;
    if (control->source->file == NULL) {
        log_line(LOG_LEVEL_WARNING, "reload: the configuration is on the command line");
        return;
    }
    struct config *config = control->source->load(control->source->context, &found, trouble);
    log_diagnostics(&found, control->source->file);
    if (trouble[0] != '\0')
        log_line(LOG_LEVEL_ERROR, "%s: %s", control->source->file, trouble);
    diagnostics_free(&found);
    if (config == NULL)
        log_line(LOG_LEVEL_ERROR, "reload failed: the old configuration stays");
    else
        begin_publish(control, config);
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
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&control->signals[i], NULL);
}

static void begin_end(struct control *control, uint64_t drain_ms)
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
        begin_end(control, drain_ms(control));
        break;
    case SIGINT:
        begin_end(control,
                  drain_ms(control) < INTERRUPT_DRAIN_MS ? drain_ms(control) : INTERRUPT_DRAIN_MS);
        break;
    case SIGHUP:
        reload(control);
        break;
    case SIGUSR1:
        log_writer_reopen(&control->writer);
        log_line(LOG_LEVEL_INFO, "access log opened again");
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

    sweep_snapshots(control);
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
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&control->loop, &control->signals[i]);
        control->signals[i].data = control;
        int error = uv_signal_start(&control->signals[i], on_signal, watched_signals[i]);
        assert(error == 0);
    }
}

static void say_ended(const struct control *control)
{
    uint64_t accepted = 0, in = 0, out = 0;
    uint64_t lost = tally_read(&control->writer.lost_lines);

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

/* Frees what control_run() has made; the loop has run dry. */
static void finish(struct control *control)
{
    for (uint32_t i = 0; i < control->worker_count; i++)
        worker_join(&control->workers[i]);
    sweep_snapshots(control);
    assert(control->snapshots == NULL);
    points_close(&control->points);
    log_writer_stop(&control->writer);
    if (control->generation != 0)
        say_ended(control);
    free(control->workers);
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
        begin_end(control, 0);
    } else {
        begin_publish(control, first);
        if (control->pending == NULL && control->generation == 0 && !control->ending) {
            control->exit_code = EX_OSERR;
            begin_end(control, 0);
        }
    }
    uv_run(&control->loop, UV_RUN_DEFAULT);
    finish(control);
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
    if (!compute_caps(&control, first, workers)) {
        config_free(first);
        return EX_OSERR;
    }
    int error = log_writer_start(&control.writer, workers, first->log.access_path);
    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot open the access log %s: %s",
                 first->log.access_path == NULL ? "" : first->log.access_path, uv_strerror(error));
        config_free(first);
        return exit_code_of(-error);
    }
    error = uv_loop_init(&control.loop);
    assert(error == 0);
    error = uv_async_init(&control.loop, &control.wake, on_wake);
    assert(error == 0);
    control.wake.data = &control;
    start_signals(&control);
    run(&control, first, workers);
    return control.exit_code;
}
