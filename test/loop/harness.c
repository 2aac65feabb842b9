#include "test/loop/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/control/hazards.h"
#include "test/loop/harness_io.h"
#include "test/support/descriptors.h"

#define CONFIG_TEXT_MAX 8192

const enum relay_mode rig_copy = RELAY_COPY;
const enum relay_mode rig_splice = RELAY_SPLICE;
const enum relay_mode rig_auto = RELAY_AUTO;

void rig_process_init(void)
{
    uv_loop_t loop;

    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&loop) != 0 || uv_loop_close(&loop) != 0)
        abort();
}

/* --- configuration --- */

static size_t print_servers(const struct rig *rig, uint32_t first, char *text, size_t size)
{
    bool named = rig->one_name || rig->leads_back;
    size_t len = named ? (size_t)snprintf(text, size, "\"name.test:1\"") : 0;

    for (uint32_t i = first; !named && i < rig->server_count; i++)
        len += (size_t)snprintf(text + len, size - len, "%s\"127.0.0.1:%u\"", len > 0 ? "," : "",
                                rig->ports[i]);
    if (rig->spare != NULL)
        len += (size_t)snprintf(text + len, size - len, "%s\"%s\"", len > 0 ? "," : "", rig->spare);
    assert_true(len < size);
    return len;
}

/* What the name of the one server stands for, now that the listeners are open. */
static void name_servers(const struct rig *rig, struct snapshot *snapshot)
{
    uint32_t own = rig->leads_back, count = rig->server_count + own;

    if (!rig->one_name && !rig->leads_back)
        return;
    struct addresses *addresses = addresses_new(count);
    assert_non_null(addresses);
    if (rig->leads_back)
        addresses->list[0] = rig->endpoints.first->where;
    for (uint32_t i = 0; i < rig->server_count; i++) {
        struct address address = {
            .kind = ADDRESS_IPV4, .ip = {127, 0, 0, 1}, .port = rig->ports[i]};
        assert_true(target_from_address(&address, &addresses->list[own + i]));
    }
    snapshot_set_addresses(snapshot, 0, addresses);
}

static struct snapshot *make_snapshot(struct rig *rig, uint32_t first_server, const char *members)
{
    char text[CONFIG_TEXT_MAX], servers[512];
    struct diagnostics found = {0};

    assert_true(print_servers(rig, first_server, servers, sizeof servers) > 0);
    int len = snprintf(text, sizeof text,
                       "{\"listeners\":[%s],"
                       "\"routes\":[{\"host\":\"a.test\",\"backend\":\"web\"}],"
                       "\"backends\":{\"web\":{\"servers\":[%s]%s}},"
                       "\"log\":{\"access\":{\"path\":\"/dev/null\"},\"level\":\"error\"}%s%s}",
                       rig->listeners, servers, rig->backend == NULL ? "" : rig->backend,
                       members[0] == '\0' ? "" : ",", members);
    assert_in_range(len, 1, sizeof text - 1);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);
    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    assert_true(rig->snapshot_count < RIG_SNAPSHOTS);
    struct snapshot *snapshot = snapshot_new(config, rig->snapshot_count + 1, &rig->servers_known);
    assert_non_null(snapshot);
    rig->snapshots[rig->snapshot_count++] = snapshot;
    return snapshot;
}

/* As control publishes: sockets first, then the order, with the worker's reference counted. */
static void publish(struct rig *rig, uint32_t first_server, const char *members)
{
    struct snapshot *snapshot = make_snapshot(rig, first_server, members);
    struct order *order = order_new(ORDER_ADOPT);
    struct view *view = view_new(snapshot);
    struct listen_error why;

    assert_non_null(order);
    assert_non_null(view);
    assert_true(endpoints_open(&rig->endpoints, snapshot->config, &why));
    name_servers(rig, snapshot);
    if (!rig->unnoticed)
        assert_true(hazards_note(snapshot, &rig->endpoints, NULL));
    order->adopt.view = view;
    order->adopt.handed =
        endpoints_offer(&rig->endpoints, snapshot->config, 0, &order->adopt.handed_count);
    assert_non_null(order->adopt.handed);
    snapshot_ref(snapshot);
    worker_post(&rig->worker, order);
    endpoints_commit(&rig->endpoints, snapshot->config);
}

/* --- holding the worker --- */

static void on_hold_closed(uv_handle_t *handle)
{
    struct rig *rig = handle->data;

    sem_post(&rig->hold_closed);
}

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        continue;
}

static void on_hold(uv_async_t *async)
{
    struct rig *rig = async->data;

    sem_post(&rig->held);
    wait_for(&rig->release);
    if (rig->hold_ending)
        uv_close((uv_handle_t *)async, on_hold_closed);
}

void rig_hold(struct rig *rig)
{
    assert_true(rig->holdable);
    uv_async_send(&rig->hold);
    wait_for(&rig->held);
    rig->is_held = true;
}

void rig_release(struct rig *rig)
{
    rig->is_held = false;
    sem_post(&rig->release);
}

/* An event that was there before is seen in the same look at the sockets as the first hold, or in
 * the one before the second. */
void rig_settle(struct rig *rig)
{
    for (int i = 0; i < 3; i++) {
        rig_hold(rig);
        rig_release(rig);
    }
}

static void end_holding(struct rig *rig)
{
    rig_hold(rig);
    rig->hold_ending = true;
    rig->holdable = false;
    rig_release(rig);
    wait_for(&rig->hold_closed);
}

/* --- life --- */

static void on_wake(uv_async_t *async)
{
    (void)async;
}

int rig_setup(void **state)
{
    const enum relay_mode *mode = *state;
    struct rig *rig = aligned_alloc(_Alignof(struct rig), sizeof *rig);

    assert_non_null(rig);
    memset(rig, 0, sizeof *rig);
    rig->descriptors_before = descriptors_count();
    rig->mode = *mode;
    rig->listeners = "{\"name\":\"public\",\"address\":\"127.0.0.1:0\"}";
    rig->connection_cap = 1000;
    sem_init(&rig->held, 0, 0);
    sem_init(&rig->release, 0, 0);
    sem_init(&rig->hold_closed, 0, 0);
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(uv_async_init(&rig->loop, &rig->wake, on_wake), 0);
    assert_int_equal(pipe2(rig->log_pipe, O_CLOEXEC), 0);
    *state = rig;
    return 0;
}

void rig_start(struct rig *rig, const char *members)
{
    char log_path[64];

    log_set_level(LOG_LEVEL_ERROR);
    snprintf(log_path, sizeof log_path, "/proc/self/fd/%d", rig->log_pipe[1]);
    assert_int_equal(log_writer_start(&rig->writer, 1, log_path), 0);
    rig->shared.connection_cap = rig->connection_cap;
    rig->shared.relay_mode = rig->mode;
    rig->shared.writer = &rig->writer;
    rig->shared.control_wake = &rig->wake;
    endpoints_init(&rig->endpoints, 1);
    assert_true(stats_init(&rig->stats, 1));
    servers_init(&rig->servers_known, &rig->stats);
    rig->shared.stats = &rig->stats;
    assert_int_equal(worker_init(&rig->worker, &rig->shared, 0, &rig->answers), 0);
    if (rig->no_pipe)
        splice_pipe_deny(&rig->worker.conns.pipe);
    rig->hold.data = rig;
    assert_int_equal(uv_async_init(&rig->worker.loop, &rig->hold, on_hold), 0);
    rig->holdable = true;
    rig->running = true;
    publish(rig, 0, members);
    assert_int_equal(worker_start(&rig->worker), 0);
}

void rig_reload(struct rig *rig, uint32_t first_server, const char *members)
{
    publish(rig, first_server, members);
}

void rig_order_end(struct rig *rig, enum order_kind kind, uint64_t drain_ms)
{
    struct order *order = order_new(kind);

    assert_non_null(order);
    if (rig->holdable)
        end_holding(rig);
    if (kind == ORDER_DRAIN)
        order->drain.ms = drain_ms;
    worker_post(&rig->worker, order);
}

/* What must hold of the figures when everything has ended. */
static void check_figures(struct rig *rig)
{
    const struct worker_stats *stats = rig->worker.conns.stats;
    uint64_t closed = 0;

    for (int i = 0; i < REASON_COUNT; i++)
        closed += stats_figure_read(&stats->closed[i]);
    assert_int_equal(closed, stats_figure_read(&stats->accepted));
    assert_int_equal(atomic_load(&rig->shared.active), 0);
    assert_int_equal(stats_figure_read(&stats->closed[REASON_INTERNAL]), 0);
    assert_int_equal(stats_figure_read(&stats->log_dropped), 0);
    assert_int_equal(stats_figure_read(&rig->writer.lost_lines), 0);
    assert_int_equal(rig->worker.conns.count, 0);
    assert_true(TAILQ_EMPTY(&rig->worker.conns.list));
    assert_true(TAILQ_EMPTY(&rig->worker.conns.turns.queue));
    assert_true(LIST_EMPTY(&rig->worker.listeners.list));
    assert_int_equal(rig->worker.conns.pipe.read_fd, -1);
}

/* Every connection that said something has exactly one line. */
static void check_log(struct rig *rig)
{
    const struct worker_stats *stats = rig->worker.conns.stats;
    ssize_t n;

    close(rig->log_pipe[1]);
    rig->log_pipe[1] = -1;
    for (size_t i = 0; i < rig->log_len; i++)
        rig->log_lines += rig->log[i] == '\n';
    while ((n = read(rig->log_pipe[0], rig->log, sizeof rig->log)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            rig->log_lines += rig->log[i] == '\n';
    }
    assert_int_equal(rig->log_lines + rig->unlogged,
                     stats_figure_read(&stats->accepted) - stats_figure_read(&stats->empty));
}

void rig_join(struct rig *rig)
{
    worker_join(&rig->worker);
    order_answer_all(&rig->answers, NULL, NULL);
    rig->running = false;
    check_figures(rig);
    log_writer_stop(&rig->writer);
    check_log(rig);
    endpoints_close(&rig->endpoints);
    for (uint32_t i = 0; i < rig->snapshot_count; i++)
        snapshot_free(rig->snapshots[i]); /* asserts that nobody uses it */
    rig->snapshot_count = 0;
    servers_close(&rig->servers_known); /* asserts that none is in use */
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;

    if (rig->is_held) /* the test has failed meanwhile */
        rig_release(rig);
    while (rig->socket_count > 0)
        rig_close(rig, rig->sockets[0]);
    if (rig->running) {
        rig_order_end(rig, ORDER_STOP, 0);
        rig_join(rig);
    }
    if (rig->shared.stats != NULL) /* a test reads figures until now */
        stats_close(&rig->stats);  /* asserts that no cell is in use */
    close(rig->log_pipe[0]);
    if (rig->log_pipe[1] >= 0)
        close(rig->log_pipe[1]);
    uv_close((uv_handle_t *)&rig->wake, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    sem_destroy(&rig->held);
    sem_destroy(&rig->release);
    sem_destroy(&rig->hold_closed);
    int left = descriptors_count();
    int before = rig->descriptors_before;
    free(rig);
    assert_int_equal(left, before);
    return 0;
}

/* --- what it tells --- */

/* Moves the first whole line out of what was read. */
static bool take_line(struct rig *rig)
{
    char *end = memchr(rig->log, '\n', rig->log_len);

    if (end == NULL)
        return false;
    size_t len = (size_t)(end - rig->log);
    assert_true(len < sizeof rig->line);
    memcpy(rig->line, rig->log, len);
    rig->line[len] = '\0';
    rig->log_len -= len + 1;
    memmove(rig->log, end + 1, rig->log_len);
    rig->log_lines++;
    return true;
}

static void next_line(struct rig *rig)
{
    struct pollfd pollfd = {.fd = rig->log_pipe[0], .events = POLLIN};

    while (!take_line(rig)) {
        if (poll(&pollfd, 1, RIG_PATIENCE_MS) != 1)
            fail_msg("no line in the access log");
        ssize_t n = read(rig->log_pipe[0], rig->log + rig->log_len, sizeof rig->log - rig->log_len);
        assert_true(n > 0);
        rig->log_len += (size_t)n;
    }
}

void rig_expect_in_line(const struct rig *rig, const char *text)
{
    if (strstr(rig->line, text) == NULL)
        fail_msg("no %s in the line %s", text, rig->line);
}

void rig_expect_reason(struct rig *rig, const char *reason)
{
    char expected[64];

    next_line(rig);
    snprintf(expected, sizeof expected, "\"reason\":\"%s\"", reason);
    rig_expect_in_line(rig, expected);
}

void rig_wait_figure(const atomic_uint_fast64_t *figure, uint64_t at_least)
{
    for (int tries = 0; stats_figure_read(figure) < at_least; tries++) {
        if (tries == RIG_PATIENCE_MS)
            fail_msg("the figure stays at %llu", (unsigned long long)stats_figure_read(figure));
        poll(NULL, 0, 1);
    }
}

void rig_wait_refs(struct rig *rig, uint32_t snapshot, unsigned refs)
{
    for (int tries = 0; atomic_load(&rig->snapshots[snapshot]->refs) != refs; tries++) {
        if (tries == RIG_PATIENCE_MS)
            fail_msg("the snapshot stays in use");
        poll(NULL, 0, 1);
    }
}
