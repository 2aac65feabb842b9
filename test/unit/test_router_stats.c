/* Figures: what the tables say, what is summed, what survives a reload and what goes when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/state/snapshot.h"

#define WORKERS 3

struct fixture {
    struct stats stats;
    struct servers servers;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (fixture == NULL || !stats_init(&fixture->stats, WORKERS))
        return -1;
    servers_init(&fixture->servers, &fixture->stats);
    *state = fixture;
    return 0;
}

/* Asserts that every cell has gone. */
static int teardown(void **state)
{
    struct fixture *fixture = *state;

    servers_close(&fixture->servers);
    stats_close(&fixture->stats);
    free(fixture);
    return 0;
}

static struct stats_cell *claim(struct fixture *fixture, enum stats_thing thing, const char *name)
{
    struct stats_cell *cell = stats_claim(&fixture->stats, thing, name, strlen(name));

    assert_non_null(cell);
    assert_string_equal(cell->name, name);
    return cell;
}

/* --- the tables --- */

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) > strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* As Prometheus wants metrics to be called. */
static void check_info(const struct stats_info *info)
{
    assert_int_equal(strspn(info->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(info->name));
    assert_int_equal(ends_with(info->name, "_total"), info->type == STATS_COUNTER);
    assert_true(ends_with(info->help, "."));
    assert_true(info->help[0] >= 'A' && info->help[0] <= 'Z');
    assert_true(strlen(info->unit) > 0);
    if (strcmp(info->unit, "bytes") == 0)
        assert_non_null(strstr(info->name, "bytes"));
}

static void tables_are_in_order(void **state)
{
    const struct stats_info *(*const tables[])(size_t *) = {stats_infos, worker_stats_infos};

    (void)state;
    for (size_t t = 0; t < 2; t++) {
        size_t count;
        const struct stats_info *infos = tables[t](&count);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            check_info(&infos[i]);
            assert_int_equal(infos[i].things == 0, t == 1);
            for (size_t k = 0; k < i; k++) {
                assert_string_not_equal(infos[i].name, infos[k].name);
                assert_int_not_equal(infos[i].in_row, infos[k].in_row);
                assert_int_not_equal(infos[i].in_sum, infos[k].in_sum);
            }
        }
    }
    assert_true(ends_with(WORKER_STATS_CLOSED_NAME, "_total"));
    for (int thing = 0; thing < STATS_THINGS; thing++)
        assert_true(strlen(stats_thing_word((enum stats_thing)thing)) > 0);
}

/* Every figure of a row comes out in its own place of the sum. */
static void each_figure_is_summed_over_workers(void **state)
{
    struct fixture *fixture = *state;
    struct stats_cell *cell = claim(fixture, STATS_BACKEND, "b");
    size_t count;
    const struct stats_info *infos = stats_infos(&count);

    for (size_t i = 0; i < count; i++) {
        for (uint32_t w = 0; w < WORKERS; w++) {
            char *row = (char *)stats_row(cell, w);
            stats_add((stats_figure *)(row + infos[i].in_row), (i + 1) * (w + 1));
        }
    }
    struct stats_sums sums = stats_read(cell);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(*(uint64_t *)((char *)&sums + infos[i].in_sum), (i + 1) * (1 + 2 + 3));
    assert_int_equal(sums.connections, 6);
    assert_int_equal(sums.active, 12);
    for (uint32_t w = 0; w < WORKERS; w++)
        stats_add(&stats_row(cell, w)->active, (uint64_t)0 - 2 * (w + 1));
    stats_unclaim(&fixture->stats, cell);
}

static void each_figure_of_workers_is_summed(void **state)
{
    struct fixture *fixture = *state;
    size_t count;
    const struct stats_info *infos = worker_stats_infos(&count);

    for (uint32_t w = 0; w < WORKERS; w++) {
        struct worker_stats *row = &fixture->stats.of_workers[w];
        for (size_t i = 0; i < count; i++)
            stats_add((stats_figure *)((char *)row + infos[i].in_row), (i + 1) * (w + 1));
        for (size_t r = 0; r < REASON_COUNT; r++)
            stats_add(&row->closed[r], (r + 1) * (w + 1));
    }
    struct worker_sums sums = stats_read_workers(&fixture->stats);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(*(uint64_t *)((char *)&sums + infos[i].in_sum), (i + 1) * 6);
    for (size_t r = 0; r < REASON_COUNT; r++)
        assert_int_equal(sums.closed[r], (r + 1) * 6);
    assert_int_equal(sums.accepted, 6);
}

static void no_cell_counts_nowhere(void **state)
{
    (void)state;
    assert_null(stats_row(NULL, 0));
    stats_enter(NULL);
    stats_add_bytes(NULL, 1, 2);
    stats_leave(NULL);
}

/* --- cells --- */

static void same_thing_and_name_is_the_same_cell(void **state)
{
    struct fixture *fixture = *state;
    struct stats_cell *backend = claim(fixture, STATS_BACKEND, "x");
    struct stats_cell *route = claim(fixture, STATS_ROUTE, "x");

    assert_ptr_not_equal(backend, route);
    assert_ptr_equal(claim(fixture, STATS_BACKEND, "x"), backend);
    assert_ptr_equal(stats_claim_known(&fixture->stats, STATS_ROUTE, "x", 1), route);
    assert_null(stats_claim_known(&fixture->stats, STATS_LISTENER, "x", 1));
    assert_null(stats_claim_known(&fixture->stats, STATS_ROUTE, "y", 1));
    for (int i = 0; i < 2; i++) {
        stats_unclaim(&fixture->stats, backend);
        stats_unclaim(&fixture->stats, route);
    }
}

static void cell_stays_until_unclaimed_and_left(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    struct stats_cell *cell = claim(fixture, STATS_LISTENER, "l");

    stats_enter(stats_row(cell, 1));
    stats_enter(stats_row(cell, 2));
    stats_sweep(stats);
    stats_unclaim(stats, cell);
    stats_sweep(stats);
    assert_int_equal(stats_count(stats, STATS_LISTENER), 1);
    stats_add_bytes(stats_row(cell, 1), 10, 20);
    stats_leave(stats_row(cell, 1));
    stats_sweep(stats);
    assert_int_equal(stats_count(stats, STATS_LISTENER), 1);
    struct stats_sums sums = stats_read(stats_next(stats, STATS_LISTENER, NULL));
    assert_int_equal(sums.active, 1);
    assert_int_equal(sums.connections, 2);
    assert_int_equal(sums.bytes_in, 10);
    assert_int_equal(sums.bytes_out, 20);
    stats_leave(stats_row(cell, 2));
    stats_sweep(stats);
    assert_int_equal(stats_count(stats, STATS_LISTENER), 0);
    assert_null(stats_next(stats, STATS_LISTENER, NULL));
}

/* So many that the set has grown: each is found, listed once, and goes. */
static void many_cells(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    enum { MANY = 1000 };
    struct stats_cell *cells[MANY];
    char name[16];
    uint64_t listed = 0;

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "r%d", i);
        cells[i] = claim(fixture, STATS_ROUTE, name);
        stats_add(&stats_row(cells[i], 0)->bytes_in, 1);
    }
    for (const struct stats_cell *cell = NULL;
         (cell = stats_next(stats, STATS_ROUTE, cell)) != NULL; listed++)
        assert_int_equal(stats_read(cell).bytes_in, 1);
    assert_int_equal(listed, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "r%d", i);
        assert_ptr_equal(stats_claim_known(stats, STATS_ROUTE, name, strlen(name)), cells[i]);
        stats_unclaim(stats, cells[i]);
    }
    for (int i = 0; i < MANY; i += 2)
        stats_unclaim(stats, cells[i]);
    stats_sweep(stats);
    assert_int_equal(stats_count(stats, STATS_ROUTE), MANY / 2);
    for (int i = 1; i < MANY; i += 2)
        stats_unclaim(stats, cells[i]);
}

/* --- routes --- */

static void first_traffic_makes_the_cell(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    stats_slot slot = NULL;
    struct stats_cell *cell = stats_slot_cell(stats, &slot, STATS_ROUTE, "a.test");

    assert_non_null(cell);
    assert_ptr_equal(slot, cell);
    assert_ptr_equal(stats_slot_cell(stats, &slot, STATS_ROUTE, "a.test"), cell);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 0); /* control does not know of it yet */
    stats_collect(stats);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 1);
    stats_collect(stats);
    assert_ptr_equal(stats_claim_known(stats, STATS_ROUTE, "a.test", 6), cell);
    stats_unclaim(stats, cell);
    stats_unclaim(stats, cell); /* the slot's claim */
}

/* Two cells of one name are read as one, also when one of them has gone. */
static void twins_are_read_as_one(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    stats_slot slots[3] = {NULL};
    struct stats_cell *cells[3];

    for (uint32_t i = 0; i < 3; i++) {
        cells[i] = stats_slot_cell(stats, &slots[i], STATS_ROUTE, "a.test");
        assert_non_null(cells[i]);
        stats_enter(stats_row(cells[i], i));
        stats_add_bytes(stats_row(cells[i], i), 100, 1000);
        if (i == 0)
            stats_collect(stats);
    }
    stats_collect(stats);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 1);
    const struct stats_cell *listed = stats_next(stats, STATS_ROUTE, NULL);
    assert_ptr_equal(listed, cells[0]);
    assert_int_equal(stats_read(listed).active, 3);

    for (uint32_t i = 0; i < 3; i++) /* the listed one is the first without a claim */
        stats_unclaim(stats, cells[i]);
    stats_leave(stats_row(cells[0], 0));
    stats_leave(stats_row(cells[1], 1));
    stats_sweep(stats); /* the second has gone into the first, which the third keeps */
    assert_int_equal(stats_count(stats, STATS_ROUTE), 1);
    struct stats_sums sums = stats_read(listed);
    assert_int_equal(sums.active, 1);
    assert_int_equal(sums.connections, 3);
    assert_int_equal(sums.bytes_in, 300);
    assert_int_equal(sums.bytes_out, 3000);
    stats_leave(stats_row(cells[2], 2));
    stats_sweep(stats);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 0);
}

/* --- with configurations --- */

static struct snapshot *make(struct fixture *fixture, const char *listeners, const char *routes)
{
    char text[1024];
    struct diagnostics found = {0};
    int len = snprintf(text, sizeof text,
                       "{\"listeners\":[%s],\"routes\":[%s],\"backends\":{"
                       "\"web\":{\"servers\":[\"10.0.0.1:1\",\"10.0.0.2:2\"]},"
                       "\"app\":{\"servers\":[\"10.0.0.1:1\"]}}}",
                       listeners, routes);

    assert_in_range(len, 1, sizeof text - 1);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);
    diagnostics_free(&found);
    assert_non_null(config);
    struct snapshot *snapshot = snapshot_new(config, 1, &fixture->servers);
    assert_non_null(snapshot);
    return snapshot;
}

static void sweep(struct fixture *fixture)
{
    servers_sweep(&fixture->servers);
    stats_sweep(&fixture->stats);
}

#define LISTENER    "{\"name\":\"l\",\"address\":\"127.0.0.1:0\"}"
#define ROUTE(host) "{\"host\":\"" host "\",\"backend\":\"web\"}"

static void what_is_configured_has_cells(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    struct snapshot *snapshot = make(fixture, LISTENER, ROUTE("a.test") "," ROUTE("b.test"));

    assert_int_equal(stats_count(stats, STATS_LISTENER), 1);
    assert_int_equal(stats_count(stats, STATS_BACKEND), 2);
    assert_int_equal(stats_count(stats, STATS_SERVER), 3);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 0);
    assert_string_equal(snapshot_listener_stats(snapshot, 0)->name, "l");
    for (uint32_t b = 0; b < 2; b++) {
        struct server *server = snapshot_server(snapshot, b, 0);
        assert_string_equal(snapshot_backend_stats(snapshot, b)->name,
                            snapshot->config->backends[b].name);
        assert_ptr_equal(server->backend_stats, snapshot_backend_stats(snapshot, b));
        assert_string_equal(server->stats->name, "10.0.0.1:1");
    }
    struct stats_cell *route = snapshot_route_stats(snapshot, 1);
    assert_string_equal(route->name, "b.test");
    assert_ptr_equal(snapshot_route_stats(snapshot, 1), route);
    snapshot_free(snapshot);
    sweep(fixture);
    for (int thing = 0; thing < STATS_THINGS; thing++)
        assert_int_equal(stats_count(stats, (enum stats_thing)thing), 0);
}

static void server_counts_for_itself_and_its_backend(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot *snapshot = make(fixture, LISTENER, ROUTE("a.test"));
    uint32_t web = snapshot->config->routes[0].backend;
    struct server *first = snapshot_server(snapshot, web, 0);
    struct server *second = snapshot_server(snapshot, web, 1);

    server_enter(first);
    server_enter(second);
    assert_int_equal(stats_read(first->stats).connections, 0); /* it was not reached yet */
    server_stats_enter(first, 0);
    server_stats_enter(second, 2);
    server_stats_add_bytes(second, 2, 5, 7);
    assert_int_equal(stats_read(first->stats).connections, 1);
    assert_int_equal(stats_read(second->stats).bytes_out, 7);
    struct stats_sums sums = stats_read(snapshot_backend_stats(snapshot, web));
    assert_int_equal(sums.connections, 2);
    assert_int_equal(sums.active, 2);
    assert_int_equal(sums.bytes_in, 5);
    assert_int_equal(atomic_load(&first->active), 1);
    server_stats_leave(first, 0);
    server_stats_leave(second, 2);
    server_leave(first);
    server_leave(second);
    assert_int_equal(stats_read(snapshot_backend_stats(snapshot, web)).active, 0);
    snapshot_free(snapshot);
}

/* The same names after a reload: the figures go on; what has gone is gone when it is unused. */
static void figures_go_on_over_a_reload(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    struct snapshot *old = make(fixture, LISTENER, ROUTE("a.test") "," ROUTE("b.test"));
    struct stats_cell *a = snapshot_route_stats(old, 0), *b = snapshot_route_stats(old, 1);
    struct stats_cell *listener = snapshot_listener_stats(old, 0);

    stats_enter(stats_row(listener, 0));
    stats_enter(stats_row(a, 0));
    stats_enter(stats_row(b, 1));
    struct snapshot *new = make(fixture, LISTENER, ROUTE("c.test") "," ROUTE("a.test"));
    assert_int_equal(stats_count(stats, STATS_ROUTE), 2); /* c.test has had no traffic */
    assert_ptr_equal(snapshot_listener_stats(new, 0), listener);
    assert_ptr_equal(snapshot_route_stats(new, 1), a);
    assert_string_equal(snapshot_route_stats(new, 0)->name, "c.test");
    snapshot_free(old);
    sweep(fixture);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 3);
    stats_leave(stats_row(b, 1));
    sweep(fixture);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 2);
    stats_leave(stats_row(a, 0));
    stats_leave(stats_row(listener, 0));
    sweep(fixture);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 2);
    assert_int_equal(stats_read(a).connections, 1);
    snapshot_free(new);
}

/* An old configuration goes on making cells after the new one was filled. */
static void cell_made_late_by_the_old_configuration(void **state)
{
    struct fixture *fixture = *state;
    struct stats *stats = &fixture->stats;
    struct snapshot *old = make(fixture, LISTENER, ROUTE("a.test"));
    struct snapshot *new = make(fixture, LISTENER, ROUTE("a.test"));
    struct stats_cell *late = snapshot_route_stats(old, 0);
    struct stats_cell *own = snapshot_route_stats(new, 0);

    assert_ptr_not_equal(late, own);
    stats_enter(stats_row(late, 0));
    stats_enter(stats_row(own, 0));
    stats_leave(stats_row(late, 0));
    snapshot_free(old);
    sweep(fixture);
    assert_int_equal(stats_count(stats, STATS_ROUTE), 1);
    assert_int_equal(stats_read(stats_next(stats, STATS_ROUTE, NULL)).connections, 2);
    struct snapshot *newest = make(fixture, LISTENER, ROUTE("a.test"));
    snapshot_free(new);
    sweep(fixture);
    assert_ptr_equal(snapshot_route_stats(newest, 0), stats_next(stats, STATS_ROUTE, NULL));
    stats_leave(stats_row(own, 0));
    sweep(fixture);
    struct stats_sums sums = stats_read(snapshot_route_stats(newest, 0));
    assert_int_equal(sums.connections, 2);
    assert_int_equal(sums.active, 0);
    snapshot_free(newest);
}

/* Another snapshot of the same configuration has the same slots. */
static void changed_answer_shares_the_slots(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot *snapshot = make(fixture, LISTENER, ROUTE("a.test"));
    struct snapshot *again = snapshot_again(snapshot);

    assert_non_null(again);
    struct stats_cell *cell = snapshot_route_stats(again, 0);
    assert_ptr_equal(snapshot_route_stats(snapshot, 0), cell);
    snapshot_free(snapshot);
    sweep(fixture);
    assert_ptr_equal(snapshot_route_stats(again, 0), cell);
    snapshot_free(again);
}

/* Routes without a name of their own may share their first host: their figures are one. */
/*
 * A route gets its cell after the next configuration was made, and no traffic under that one before
 * the old one goes: what was counted stays.
 */
static void a_late_route_outlives_its_configuration(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot *old = make(fixture, LISTENER, ROUTE("a.test"));
    struct snapshot *new = make(fixture, LISTENER, ROUTE("a.test"));
    struct stats_cell *late = snapshot_route_stats(old, 0);

    stats_enter(stats_row(late, 0));
    stats_add_bytes(stats_row(late, 0), 10, 0);
    stats_leave(stats_row(late, 0));
    config_use_claim_routes(new->use);
    snapshot_free(old);
    sweep(fixture);
    struct stats_sums sums = stats_read(snapshot_route_stats(new, 0));
    assert_int_equal(sums.connections, 1);
    assert_int_equal(sums.bytes_in, 10);
    snapshot_free(new);
}

static void routes_of_one_name_are_read_as_one(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot *snapshot =
        make(fixture, LISTENER,
             ROUTE("a.test") ",{\"host\":\"a.test\",\"backend\":\"app\",\"alpn\":\"h2\"}");

    for (uint32_t route = 0; route < 2; route++) {
        struct stats_row *row = stats_row(snapshot_route_stats(snapshot, route), 0);
        stats_enter(row);
        stats_leave(row);
    }
    sweep(fixture);
    assert_int_equal(stats_count(&fixture->stats, STATS_ROUTE), 1);
    struct snapshot *new = make(fixture, LISTENER, ROUTE("a.test"));
    snapshot_free(snapshot);
    sweep(fixture);
    assert_int_equal(stats_read(snapshot_route_stats(new, 0)).connections, 2);
    snapshot_free(new);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tables_are_in_order),
        TEST(each_figure_is_summed_over_workers),
        TEST(each_figure_of_workers_is_summed),
        TEST(no_cell_counts_nowhere),
        TEST(same_thing_and_name_is_the_same_cell),
        TEST(cell_stays_until_unclaimed_and_left),
        TEST(many_cells),
        TEST(first_traffic_makes_the_cell),
        TEST(twins_are_read_as_one),
        TEST(what_is_configured_has_cells),
        TEST(server_counts_for_itself_and_its_backend),
        TEST(figures_go_on_over_a_reload),
        TEST(cell_made_late_by_the_old_configuration),
        TEST(changed_answer_shares_the_slots),
        TEST(a_late_route_outlives_its_configuration),
        TEST(routes_of_one_name_are_read_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
