/*
 * The n-th allocation fails, for every n: snapshots, servers and figures end cleanly, and what was
 * there before stays as it was. The linker leads the allocations of this program here (--wrap);
 * leaks are for LeakSanitizer to see, cells that are left for the sets' own asserts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/state/snapshot.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

static struct {
    unsigned long count; /* allocations so far */
    unsigned long fail;  /* which one fails; 0 = none */
} allocations;

static bool allocation_fails(void)
{
    return ++allocations.count == allocations.fail;
}

void *__wrap_malloc(size_t bytes)
{
    return allocation_fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return allocation_fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return allocation_fails() ? NULL : __real_aligned_alloc(alignment, bytes);
}

static void watch(unsigned long fail)
{
    allocations.count = 0;
    allocations.fail = fail;
}

/* Whether there were so many allocations that the n-th failed. Ends the watch. */
static bool has_failed(void)
{
    bool failed = allocations.fail != 0 && allocations.count >= allocations.fail;

    allocations.fail = 0;
    return failed;
}

struct fixture {
    struct stats stats;
    struct servers servers;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (fixture == NULL || !stats_init(&fixture->stats, 2))
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
    free(fixture);
    return 0;
}

static void sweep(struct fixture *fixture)
{
    servers_sweep(&fixture->servers);
    stats_sweep(&fixture->stats);
}

/* One backend of so many servers, and one with a name for an address. */
static struct config *load(uint32_t servers, uint32_t first)
{
    char text[16384];
    struct diagnostics found = {0};
    int len = snprintf(text, sizeof text,
                       "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],\"routes\":[{\"host\":"
                       "\"a.test\",\"backend\":\"b\"}],\"backends\":{\"n\":{\"servers\":["
                       "\"name.test:1\"]},\"b\":{\"servers\":[");

    for (uint32_t i = 0; i < servers; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%s\"10.0.%u.1:1\"",
                        i > 0 ? "," : "", first + i);
    len += snprintf(text + len, sizeof text - (size_t)len, "]}}}");
    assert_in_range(len, 1, sizeof text - 1);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

/* A snapshot with its n-th allocation failing. False: it had fewer. */
static bool try_snapshot(struct fixture *fixture, uint32_t servers, uint32_t first,
                         unsigned long fail)
{
    struct config *config = load(servers, first);
    size_t before = servers_count(&fixture->servers);

    watch(fail);
    struct snapshot *snapshot = snapshot_new(config, 1, &fixture->servers);
    bool failed = has_failed();
    assert_true(snapshot != NULL || failed);
    if (servers < CLAIMS_FIRST_BUCKETS) /* else what fails may be to make a set faster */
        assert_true(snapshot == NULL || !failed);
    for (uint32_t i = 0; snapshot != NULL && i < servers + 1; i++)
        assert_non_null(snapshot->use->servers[i]);
    snapshot_free(snapshot);
    sweep(fixture);
    assert_int_equal(servers_count(&fixture->servers), before);
    assert_int_equal(stats_count(&fixture->stats, STATS_SERVER), before);
    return failed;
}

static void every_allocation(struct fixture *fixture, uint32_t servers, uint32_t first)
{
    unsigned long n = 1;

    while (try_snapshot(fixture, servers, first, n))
        n++;
    assert_true(n > 4 * servers);
}

static void first_snapshot(void **state)
{
    every_allocation(*state, 3, 0);
    assert_int_equal(stats_count(&((struct fixture *)*state)->stats, STATS_BACKEND), 0);
}

static void first_snapshot_of_many_servers(void **state)
{
    every_allocation(*state, 40, 0);
}

/* A reload that fails: every cell of the configuration in use stays what and where it was. */
static void later_snapshot(void **state)
{
    static const struct tried none;
    struct fixture *fixture = *state;
    struct snapshot *used = snapshot_new(load(5, 0), 1, &fixture->servers);

    assert_non_null(used);
    struct stats_cell *route = snapshot_route_stats(used, 0);
    assert_non_null(route);
    stats_enter(stats_row(route, 1));
    every_allocation(fixture, 5, 3);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(used->use->servers[i]->claimable.claims, 1);
    assert_int_equal(stats_read(route).connections, 1);
    uint32_t backend = used->config->routes[0].backend;
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(snapshot_pick(used, backend, 0, &none), i % 5);
    stats_leave(stats_row(route, 1));
    snapshot_free(used);
}

static void another_snapshot_of_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct snapshot *used = snapshot_new(load(3, 0), 1, &fixture->servers);
    struct snapshot *again = NULL;

    assert_non_null(used);
    for (unsigned long n = 1; again == NULL; n++) {
        watch(n);
        again = snapshot_again(used);
        assert_int_equal(has_failed(), again == NULL);
    }
    assert_int_equal(used->use->holders, 2);
    assert_false(snapshot_free(used));
    assert_true(snapshot_free(again));
}

static void address_lists(void **state)
{
    struct address address = {.kind = ADDRESS_IPV4, .port = 1};

    (void)state;
    watch(1);
    assert_null(addresses_new(3));
    assert_true(has_failed());
    watch(1);
    assert_null(addresses_of(&address));
    assert_true(has_failed());
}

/* A connection through a route that cannot be counted, and the next that can. */
static void cell_of_a_route(void **state)
{
    struct fixture *fixture = *state;
    stats_slot slot = NULL;

    watch(1);
    assert_null(stats_slot_cell(&fixture->stats, &slot, STATS_ROUTE, "a.test"));
    assert_true(has_failed());
    assert_null(slot);
    struct stats_cell *cell = stats_slot_cell(&fixture->stats, &slot, STATS_ROUTE, "a.test");
    assert_non_null(cell);
    stats_collect(&fixture->stats);
    stats_unclaim(&fixture->stats, cell);
}

static void figures_of_workers(void **state)
{
    struct stats stats;

    (void)state;
    watch(1);
    assert_false(stats_init(&stats, 4));
    assert_true(has_failed());
}

static void what_was_tried(void **state)
{
    struct backend_config few = {.server_count = TRIED_FEW};
    struct backend_config many = {.server_count = TRIED_FEW + 1};
    struct tried tried = {0};

    (void)state;
    watch(1);
    assert_true(tried_add(&tried, &few, TRIED_FEW - 1));
    assert_false(has_failed());
    tried_clear(&tried);
    watch(1);
    assert_false(tried_add(&tried, &many, TRIED_FEW));
    assert_true(has_failed());
    assert_false(tried_has(&tried, TRIED_FEW));
    assert_true(tried_add(&tried, &many, TRIED_FEW));
    assert_true(tried_has(&tried, TRIED_FEW));
    tried_clear(&tried);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_snapshot),     TEST(first_snapshot_of_many_servers),
        TEST(later_snapshot),     TEST(another_snapshot_of_the_same),
        TEST(address_lists),      TEST(cell_of_a_route),
        TEST(figures_of_workers), TEST(what_was_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
