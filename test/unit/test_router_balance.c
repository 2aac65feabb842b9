/* Smooth weighted round robin, and the order of the servers after a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"
#include "router/state/balance.h"

#define SERVERS_MAX 8

/* A configuration with one backend of these weights, after one of another size. */
struct fixture {
    struct server_config first[3];
    struct server_config servers[SERVERS_MAX];
    struct backend_config backends[2];
    struct config config;
};

static struct config *make(struct fixture *fixture, const uint32_t *weights, uint32_t count)
{
    *fixture = (struct fixture){.first = {{.weight = 1}, {.weight = 0}, {.weight = 2}}};
    for (uint32_t i = 0; i < count; i++)
        fixture->servers[i].weight = weights[i];
    fixture->backends[0] = (struct backend_config){.servers = fixture->first, .server_count = 3};
    fixture->backends[1] =
        (struct backend_config){.servers = fixture->servers, .server_count = count};
    fixture->config = (struct config){.backends = fixture->backends, .backend_count = 2};
    return &fixture->config;
}

static const struct {
    uint32_t count;
    uint32_t weights[SERVERS_MAX];
} tables[] = {
    {1, {1}},
    {2, {1, 1}},
    {3, {5, 1, 1}},
    {3, {3, 2, 1}},
    {3, {0, 4, 1}},
    {4, {0, 0, 7, 0}},
    {5, {1, 2, 3, 4, 5}},
    {2, {1000, 1}},
    {2, {1000, 999}},
    {8, {1, 1, 1, 1, 1, 1, 1, 1}},
    {3, {0, 1, 0}},
};
#define TABLES (sizeof tables / sizeof tables[0])

static uint32_t total_of(size_t table)
{
    uint32_t total = 0;

    for (uint32_t s = 0; s < tables[table].count; s++)
        total += tables[table].weights[s];
    return total;
}

/* Any cycle, wherever it begins and whatever was asked of other backends in between. */
static void each_server_its_weight_per_cycle(void **state)
{
    struct fixture fixture;

    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        for (uint32_t seed = 0; seed < 20; seed++) {
            struct balance *balance =
                balance_new(make(&fixture, tables[t].weights, tables[t].count), seed);
            assert_non_null(balance);
            uint32_t picked[SERVERS_MAX] = {0};
            for (uint32_t i = 0; i < total_of(t); i++) {
                uint32_t server = balance_pick(balance, 1);
                assert_in_range(server, 0, tables[t].count - 1);
                picked[server]++;
                balance_pick(balance, 0);
            }
            for (uint32_t s = 0; s < tables[t].count; s++)
                assert_int_equal(picked[s], tables[t].weights[s]);
            balance_free(balance);
        }
    }
}

/* After any number of picks no server is a whole pick away from its share. */
static void spread_evenly(void **state)
{
    struct fixture fixture;

    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        struct balance *balance =
            balance_new(make(&fixture, tables[t].weights, tables[t].count), 0);
        int64_t total = total_of(t);
        int64_t picked[SERVERS_MAX] = {0};
        assert_non_null(balance);
        for (int64_t i = 1; i <= 3 * total; i++) {
            picked[balance_pick(balance, 1)]++;
            for (uint32_t s = 0; s < tables[t].count; s++) {
                int64_t off = picked[s] * total - i * tables[t].weights[s];
                assert_true(llabs(off) < total);
            }
        }
        balance_free(balance);
    }
}

/* The known sequence of 5, 1, 1: the heavy one is never chosen six times in a row. */
static void known_sequence(void **state)
{
    static const uint32_t weights[] = {5, 1, 1};
    static const uint32_t expected[] = {0, 0, 1, 0, 2, 0, 0};
    struct fixture fixture;
    struct balance *balance = balance_new(make(&fixture, weights, 3), 0);

    (void)state;
    assert_non_null(balance);
    for (size_t i = 0; i < 21; i++)
        assert_int_equal(balance_pick(balance, 1), expected[i % 7]);
    balance_free(balance);
}

static void no_server_takes_connections(void **state)
{
    static const uint32_t weights[] = {0, 0};
    struct fixture fixture;
    struct balance *balance = balance_new(make(&fixture, weights, 2), 3);

    (void)state;
    assert_non_null(balance);
    assert_int_equal(balance_pick(balance, 1), CONFIG_NONE);
    assert_int_equal(balance_pick(balance, 1), CONFIG_NONE);
    balance_free(balance);
}

static void seeds_start_at_different_servers(void **state)
{
    static const uint32_t weights[] = {1, 1, 1, 1};
    struct fixture fixture;
    bool seen[4] = {false};

    (void)state;
    for (uint32_t seed = 0; seed < 4; seed++) {
        struct balance *balance = balance_new(make(&fixture, weights, 4), seed);
        assert_non_null(balance);
        seen[balance_pick(balance, 1)] = true;
        balance_free(balance);
    }
    for (int s = 0; s < 4; s++)
        assert_true(seen[s]);
}

/* From every first server: each that takes connections comes once, in order, then nobody. */
static void next_goes_round_once(void **state)
{
    struct fixture fixture;

    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        const struct backend_config *backend =
            &make(&fixture, tables[t].weights, tables[t].count)->backends[1];
        for (uint32_t first = 0; first < backend->server_count; first++) {
            uint32_t seen[SERVERS_MAX] = {0};
            uint32_t at = first, steps = 0;
            if (backend->servers[first].weight == 0)
                continue; /* never the balance's choice */
            do {
                seen[at]++;
                assert_true(backend->servers[at].weight > 0);
                assert_true(++steps <= backend->server_count);
                at = balance_next(backend, first, at);
            } while (at != CONFIG_NONE);
            for (uint32_t s = 0; s < backend->server_count; s++)
                assert_int_equal(seen[s], backend->servers[s].weight > 0 ? 1 : 0);
        }
    }
}

static void next_is_the_next_in_the_file(void **state)
{
    static const uint32_t weights[] = {1, 0, 1, 1};
    struct fixture fixture;
    const struct backend_config *backend = &make(&fixture, weights, 4)->backends[1];

    (void)state;
    assert_int_equal(balance_next(backend, 0, 0), 2);
    assert_int_equal(balance_next(backend, 0, 2), 3);
    assert_int_equal(balance_next(backend, 0, 3), CONFIG_NONE);
    assert_int_equal(balance_next(backend, 3, 3), 0);
    assert_int_equal(balance_next(backend, 3, 0), 2);
    assert_int_equal(balance_next(backend, 3, 2), CONFIG_NONE);
}

static void free_nothing(void **state)
{
    (void)state;
    balance_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_its_weight_per_cycle),
        cmocka_unit_test(spread_evenly),
        cmocka_unit_test(known_sequence),
        cmocka_unit_test(no_server_takes_connections),
        cmocka_unit_test(seeds_start_at_different_servers),
        cmocka_unit_test(next_goes_round_once),
        cmocka_unit_test(next_is_the_next_in_the_file),
        cmocka_unit_test(free_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
