/* Figures, cells and snapshots between threads: several workers count, control reloads and reads.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "config/load.h"
#include "router/state/snapshot.h"

#define WORKERS 4u
#define ROUTES  50u
#define RELOADS 40u
#define ROUNDS  200u

struct fixture {
    struct stats stats;
    struct servers servers;
    uv_barrier_t barrier;
    struct snapshot *given;                        /* to all workers at once */
    _Atomic(struct snapshot *) mailboxes[WORKERS]; /* the newest for this worker; counted */
    atomic_bool stop;                              /* no more will come */
    struct stats_cell *seen[WORKERS][ROUTES];      /* what each found in a slot */
    uint64_t connections[WORKERS];                 /* what each says that it counted */
    uint64_t picked[WORKERS];
};

struct worker_thread {
    struct fixture *fixture;
    uint32_t index;
    uv_thread_t thread;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (fixture == NULL)
        return -1;
    if (!stats_init(&fixture->stats, WORKERS) || uv_barrier_init(&fixture->barrier, WORKERS) != 0)
        return -1;
    servers_init(&fixture->servers, &fixture->stats);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    servers_close(&fixture->servers);
    stats_close(&fixture->stats);
    uv_barrier_destroy(&fixture->barrier);
    free(fixture);
    return 0;
}

/* The last route and the last server are others in each generation. */
static struct snapshot *make(struct fixture *fixture, uint32_t generation)
{
    char text[16384];
    struct diagnostics found = {0};
    int len = snprintf(text, sizeof text,
                       "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
                       "\"backends\":{\"b\":{\"servers\":[\"10.0.0.1:1\","
                       "\"10.0.0.2:2\",\"10.0.%u.3:3\"]}},\"routes\":[",
                       generation % 3);

    for (uint32_t r = 0; r + 1 < ROUTES; r++)
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "%s{\"host\":\"r%u.test\",\"backend\":\"b\"}", r > 0 ? "," : "", r);
    len += snprintf(text + len, sizeof text - (size_t)len,
                    ",{\"host\":\"gone%u.test\",\"backend\":\"b\"}]}", generation);
    assert_in_range(len, 1, sizeof text - 1);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);
    diagnostics_free(&found);
    assert_non_null(config);
    struct snapshot *snapshot = snapshot_new(config, generation, &fixture->servers);
    assert_non_null(snapshot);
    return snapshot;
}

static void start_workers(struct fixture *fixture, struct worker_thread workers[WORKERS],
                          void (*run)(void *))
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        workers[w] = (struct worker_thread){.fixture = fixture, .index = w};
        assert_int_equal(uv_thread_create(&workers[w].thread, run, &workers[w]), 0);
    }
}

static void join_workers(struct worker_thread workers[WORKERS])
{
    for (uint32_t w = 0; w < WORKERS; w++)
        assert_int_equal(uv_thread_join(&workers[w].thread), 0);
}

/* --- several workers ask for the same slot at once --- */

static void ask_for_every_slot(void *argument)
{
    struct worker_thread *self = argument;
    struct fixture *fixture = self->fixture;

    for (uint32_t r = 0; r < ROUTES; r++) {
        uv_barrier_wait(&fixture->barrier);
        struct stats_cell *cell = snapshot_route_stats(fixture->given, r);
        stats_enter(stats_row(cell, self->index));
        stats_add_bytes(stats_row(cell, self->index), r, 2 * r);
        stats_leave(stats_row(cell, self->index));
        fixture->seen[self->index][r] = cell;
    }
}

static void workers_agree_on_the_cell_of_a_slot(void **state)
{
    struct fixture *fixture = *state;
    struct worker_thread workers[WORKERS];

    fixture->given = make(fixture, 1);
    start_workers(fixture, workers, ask_for_every_slot);
    join_workers(workers);
    stats_collect(&fixture->stats);
    assert_int_equal(stats_count(&fixture->stats, STATS_ROUTE), ROUTES);
    for (uint32_t r = 0; r < ROUTES; r++) {
        struct stats_cell *cell = fixture->seen[0][r];
        assert_non_null(cell);
        for (uint32_t w = 1; w < WORKERS; w++)
            assert_ptr_equal(fixture->seen[w][r], cell);
        assert_true(LIST_EMPTY(&cell->twins));
        struct stats_sums sums = stats_read(cell);
        assert_int_equal(sums.connections, WORKERS);
        assert_int_equal(sums.bytes_in, WORKERS * r);
        assert_int_equal(sums.bytes_out, 2 * WORKERS * r);
        assert_int_equal(sums.active, 0);
    }
    snapshot_free(fixture->given);
}

/* --- a cell goes as soon as its last connection has --- */

static void leave_when_unclaimed(void *argument)
{
    struct worker_thread *self = argument;
    struct fixture *fixture = self->fixture;
    struct stats_row *row = stats_row(fixture->seen[0][0], self->index);

    stats_enter(row);
    uv_barrier_wait(&fixture->barrier); /* the cell is claimed so far */
    for (uint32_t i = 0; i < ROUNDS; i++)
        stats_add_bytes(row, 1, 1);
    stats_leave(row); /* nothing else tells control that this worker is done with it */
}

static void cell_goes_when_all_have_left(void **state)
{
    struct fixture *fixture = *state;
    struct worker_thread workers[WORKERS];

    uv_barrier_destroy(&fixture->barrier);
    assert_int_equal(uv_barrier_init(&fixture->barrier, WORKERS + 1), 0);
    fixture->seen[0][0] = stats_claim(&fixture->stats, STATS_ROUTE, "a.test", 6);
    assert_non_null(fixture->seen[0][0]);
    start_workers(fixture, workers, leave_when_unclaimed);
    uv_barrier_wait(&fixture->barrier);
    stats_unclaim(&fixture->stats, fixture->seen[0][0]);
    do {
        stats_sweep(&fixture->stats);
    } while (stats_count(&fixture->stats, STATS_ROUTE) > 0);
    join_workers(workers);
}

/* --- reloads while workers count --- */

/* A connection as a worker has it: begun under a snapshot, ended maybe long after it was let go. */
struct flow {
    struct server *server;
    struct stats_cell *route;
};

static void flow_begin(struct flow *flow, struct snapshot *snapshot, struct worker_thread *self,
                       uint32_t route)
{
    static const struct tried none;
    uint32_t server = snapshot_pick(snapshot, 0, self->index, &none);

    self->fixture->picked[self->index] += server != CONFIG_NONE;
    flow->server = snapshot_server(snapshot, 0, server);
    flow->route = snapshot_route_stats(snapshot, route);
    server_enter(flow->server);
    server_stats_enter(flow->server, self->index);
    stats_enter(stats_row(flow->route, self->index));
    self->fixture->connections[self->index]++;
}

static void flow_end(struct flow *flow, uint32_t worker)
{
    if (flow->server == NULL)
        return;
    server_stats_add_bytes(flow->server, worker, 1, 2);
    stats_add_bytes(stats_row(flow->route, worker), 1, 2);
    server_stats_leave(flow->server, worker);
    server_leave(flow->server);
    stats_leave(stats_row(flow->route, worker));
    *flow = (struct flow){0};
}

static void count_over_reloads(void *argument)
{
    struct worker_thread *self = argument;
    struct fixture *fixture = self->fixture;
    struct snapshot *snapshot = NULL;
    struct flow flows[16] = {{0}};
    uint32_t round = self->index;
    bool last;

    do {
        last = atomic_load_explicit(&fixture->stop, memory_order_acquire);
        struct snapshot *new =
            atomic_exchange_explicit(&fixture->mailboxes[self->index], NULL, memory_order_acquire);
        if (new != NULL) {
            if (snapshot != NULL)
                snapshot_unref(snapshot);
            snapshot = new;
        }
        for (uint32_t i = 0; snapshot != NULL && i < ROUNDS; i++, round++) {
            struct flow *flow = &flows[round % 16];
            flow_end(flow, self->index);
            flow_begin(flow, snapshot, self, round * 7 % ROUTES);
        }
    } while (!last);
    if (snapshot != NULL)
        snapshot_unref(snapshot); /* the flows go on without it */
    for (uint32_t i = 0; i < 16; i++)
        flow_end(&flows[i], self->index);
}

/* What control does: posts, sweeps what is no longer used, reads meanwhile. */
static void post(struct fixture *fixture, struct snapshot *snapshot)
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        snapshot_ref(snapshot);
        struct snapshot *unread =
            atomic_exchange_explicit(&fixture->mailboxes[w], snapshot, memory_order_acq_rel);
        if (unread != NULL)
            snapshot_unref(unread);
    }
}

/* Every worker has come to what was posted: each configuration is counted under. */
static void await_taken(struct fixture *fixture)
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        while (atomic_load_explicit(&fixture->mailboxes[w], memory_order_relaxed) != NULL)
            sched_yield();
    }
}

static void sweep(struct fixture *fixture, struct snapshot **list, const struct snapshot *newest)
{
    while (*list != NULL) {
        struct snapshot *snapshot = *list;
        if (snapshot != newest &&
            atomic_load_explicit(&snapshot->refs, memory_order_acquire) == 0) {
            *list = snapshot->next;
            snapshot_free(snapshot);
        } else {
            list = &snapshot->next;
        }
    }
    servers_sweep(&fixture->servers);
    stats_sweep(&fixture->stats);
}

static uint64_t total_of(const struct fixture *fixture, enum stats_thing thing, uint64_t *active)
{
    uint64_t connections = 0;

    *active = 0;
    for (const struct stats_cell *cell = NULL;
         (cell = stats_next(&fixture->stats, thing, cell)) != NULL;) {
        struct stats_sums sums = stats_read(cell);
        connections += sums.connections;
        *active += sums.active;
    }
    return connections;
}

/* Returns the list of snapshots that are not freed yet. */
static struct snapshot *reload_again_and_again(struct fixture *fixture)
{
    struct snapshot *list = NULL;
    uint64_t before = 0, active;

    for (uint32_t i = 0; i < RELOADS; i++) {
        bool again = list != NULL && i % 2 == 1;
        struct snapshot *snapshot = again ? snapshot_again(list) : make(fixture, i);
        assert_non_null(snapshot);
        snapshot->next = list;
        list = snapshot;
        post(fixture, snapshot);
        if (i % 4 == 0) /* at other times the next one overtakes it */
            await_taken(fixture);
        sweep(fixture, &list, snapshot);
        uint64_t connections = total_of(fixture, STATS_BACKEND, &active);
        assert_true(connections >= before); /* no counter ever falls */
        before = connections;
    }
    atomic_store_explicit(&fixture->stop, true, memory_order_release);
    return list;
}

static void counters_lose_nothing_over_reloads(void **state)
{
    struct fixture *fixture = *state;
    struct worker_thread workers[WORKERS];
    uint64_t expected = 0, active;

    start_workers(fixture, workers, count_over_reloads);
    struct snapshot *list = reload_again_and_again(fixture);
    join_workers(workers);
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct snapshot *unread = atomic_exchange(&fixture->mailboxes[w], NULL);
        if (unread != NULL)
            snapshot_unref(unread);
        expected += fixture->connections[w];
        assert_int_equal(fixture->picked[w], fixture->connections[w]);
    }
    sweep(fixture, &list, list);
    assert_ptr_not_equal(list, NULL);
    assert_null(list->next);                                         /* only the newest is left */
    assert_true(total_of(fixture, STATS_ROUTE, &active) < expected); /* some routes have gone */
    assert_int_equal(active, 0);
    assert_int_equal(stats_count(&fixture->stats, STATS_ROUTE), ROUTES);
    assert_int_equal(total_of(fixture, STATS_BACKEND, &active), expected);
    assert_int_equal(active, 0);
    assert_int_equal(servers_count(&fixture->servers), 3);
    snapshot_free(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(workers_agree_on_the_cell_of_a_slot),
        TEST(cell_goes_when_all_have_left),
        TEST(counters_lose_nothing_over_reloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
