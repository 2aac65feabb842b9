/* Smooth weighted round robin over the servers of a backend, and what is tried after a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"
#include "router/state/balance.h"
#include "router/state/servers.h"

#define SERVERS_MAX 130
#define WORKERS     20

static const struct tried none;

/* Two backends: the one of interest, after one of another size. */
struct fixture {
    char texts[SERVERS_MAX][24];
    struct server_config first_servers[3], servers[SERVERS_MAX];
    struct backend_config first, backend;
    struct stats stats;
    struct servers set;
    struct server *first_claimed[3];
    struct server *claimed[SERVERS_MAX];
};

static void describe(struct fixture *fixture, struct server_config *server, uint32_t index,
                     uint32_t weight)
{
    snprintf(fixture->texts[index], sizeof fixture->texts[index], "10.0.0.%u:1", index);
    server->address.text = server->name = fixture->texts[index];
    server->weight = weight;
}

/* The servers of the backend, with these weights; as a reload finds them, if there were any. */
static void claim(struct fixture *fixture, const uint32_t *weights, uint32_t count)
{
    fixture->backend =
        (struct backend_config){.name = "b", .servers = fixture->servers, .server_count = count};
    for (uint32_t i = 0; i < count; i++) {
        describe(fixture, &fixture->servers[i], i, weights == NULL ? 1 : weights[i]);
        fixture->claimed[i] = servers_claim(&fixture->set, &fixture->backend, i);
        assert_non_null(fixture->claimed[i]);
    }
}

static void unclaim(struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->backend.server_count; i++)
        servers_unclaim(&fixture->set, fixture->claimed[i]);
}

static struct fixture *begin(const uint32_t *weights, uint32_t count)
{
    static const uint32_t first_weights[] = {1, 0, 2};
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_true(stats_init(&fixture->stats, WORKERS));
    servers_init(&fixture->set, &fixture->stats);
    fixture->first = (struct backend_config){
        .name = "first", .servers = fixture->first_servers, .server_count = 3};
    for (uint32_t i = 0; i < 3; i++) {
        describe(fixture, &fixture->first_servers[i], i, first_weights[i]);
        fixture->first_claimed[i] = servers_claim(&fixture->set, &fixture->first, i);
        assert_non_null(fixture->first_claimed[i]);
    }
    claim(fixture, weights, count);
    balance_spread(fixture->claimed, &fixture->backend, WORKERS);
    return fixture;
}

static void end(struct fixture *fixture)
{
    unclaim(fixture);
    for (uint32_t i = 0; i < 3; i++)
        servers_unclaim(&fixture->set, fixture->first_claimed[i]);
    servers_close(&fixture->set);
    stats_close(&fixture->stats);
    free(fixture);
}

static uint32_t pick(struct fixture *fixture, uint32_t worker, const struct tried *tried)
{
    return balance_pick(fixture->claimed, &fixture->backend, NULL, worker, tried);
}

static const struct {
    uint32_t count;
    uint32_t weights[8];
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

/* Any cycle, wherever it begins and whatever is asked of other backends in between. */
static void each_server_its_weight_per_cycle(void **state)
{
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        struct fixture *fixture = begin(tables[t].weights, tables[t].count);
        for (uint32_t worker = 0; worker < WORKERS; worker++) {
            uint32_t picked[8] = {0};
            for (uint32_t i = 0; i < total_of(t); i++) {
                uint32_t server = pick(fixture, worker, &none);
                assert_in_range(server, 0, tables[t].count - 1);
                picked[server]++;
                balance_pick(fixture->first_claimed, &fixture->first, NULL, worker, &none);
            }
            for (uint32_t s = 0; s < tables[t].count; s++)
                assert_int_equal(picked[s], tables[t].weights[s]);
        }
        end(fixture);
    }
}

/* After any number of picks no server is a whole pick away from its share. */
static void spread_evenly(void **state)
{
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        struct fixture *fixture = begin(tables[t].weights, tables[t].count);
        int64_t total = total_of(t);
        int64_t picked[8] = {0};
        for (int64_t i = 1; i <= 3 * total; i++) {
            picked[pick(fixture, 0, &none)]++;
            for (uint32_t s = 0; s < tables[t].count; s++) {
                int64_t off = picked[s] * total - i * tables[t].weights[s];
                assert_true(llabs(off) < total);
            }
        }
        end(fixture);
    }
}

/* The known sequence of 5, 1, 1: the heavy one is never chosen six times in a row. */
static void known_sequence(void **state)
{
    static const uint32_t weights[] = {5, 1, 1};
    static const uint32_t expected[] = {0, 0, 1, 0, 2, 0, 0};
    struct fixture *fixture = begin(weights, 3);

    (void)state;
    for (size_t i = 0; i < 21; i++)
        assert_int_equal(pick(fixture, 0, &none), expected[i % 7]);
    end(fixture);
}

static void no_server_takes_connections(void **state)
{
    static const uint32_t weights[] = {0, 0};
    struct fixture *fixture = begin(weights, 2);

    (void)state;
    assert_int_equal(pick(fixture, 3, &none), CONFIG_NONE);
    assert_int_equal(pick(fixture, 3, &none), CONFIG_NONE);
    assert_int_equal(balance_left(fixture->claimed, &fixture->backend, NULL, &none), 0);
    end(fixture);
}

static void workers_start_at_different_servers(void **state)
{
    struct fixture *fixture = begin(NULL, 4);
    bool seen[4] = {false};

    (void)state;
    for (uint32_t worker = 0; worker < 4; worker++)
        seen[pick(fixture, worker, &none)] = true;
    for (int s = 0; s < 4; s++)
        assert_true(seen[s]);
    end(fixture);
}

/* A worker's picks change nothing for another. */
static void workers_have_a_turn_each(void **state)
{
    struct fixture *fixture = begin(NULL, 5);

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pick(fixture, 0, &none), i);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(pick(fixture, 8, &none), i);
    assert_int_equal(pick(fixture, 0, &none), 3);
    end(fixture);
}

/* Whatever is picked first: each server that takes connections comes once, then nobody. */
static void each_untried_server_comes_once(void **state)
{
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        struct fixture *fixture = begin(tables[t].weights, tables[t].count);
        for (uint32_t round = 0; round < 20; round++) {
            struct tried tried = {0};
            uint32_t seen[8] = {0}, server;
            uint32_t left = balance_left(fixture->claimed, &fixture->backend, NULL, &tried);
            while ((server = pick(fixture, 0, &tried)) != CONFIG_NONE) {
                assert_true(tables[t].weights[server] > 0);
                assert_true(tried_add(&tried, &fixture->backend, server));
                assert_int_equal(++seen[server], 1);
                assert_int_equal(balance_left(fixture->claimed, &fixture->backend, NULL, &tried),
                                 --left);
            }
            assert_int_equal(left, 0);
            for (uint32_t s = 0; s < tables[t].count; s++)
                assert_int_equal(seen[s], tables[t].weights[s] > 0 ? 1 : 0);
            tried_clear(&tried);
        }
        end(fixture);
    }
}

/* More servers than a word has bits. */
static void many_servers_come_once(void **state)
{
    struct fixture *fixture = begin(NULL, SERVERS_MAX);
    struct tried tried = {0};
    bool seen[SERVERS_MAX] = {false};

    (void)state;
    for (uint32_t i = 0; i < SERVERS_MAX; i++) {
        uint32_t server = pick(fixture, 1, &tried);
        assert_in_range(server, 0, SERVERS_MAX - 1);
        assert_false(seen[server]);
        seen[server] = true;
        assert_false(tried_has(&tried, server));
        assert_true(tried_add(&tried, &fixture->backend, server));
        assert_true(tried_has(&tried, server));
    }
    assert_int_equal(pick(fixture, 1, &tried), CONFIG_NONE);
    tried_clear(&tried);
    assert_false(tried_has(&tried, 5));
    assert_int_equal(tried.count, 0);
    end(fixture);
}

/* One of four servers refuses: the others share its connections evenly. */
static void share_of_a_dead_server_spreads(void **state)
{
    struct fixture *fixture = begin(NULL, 4);
    uint32_t served[4] = {0};

    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        struct tried tried = {0};
        uint32_t server = pick(fixture, 0, &none);
        if (server == 1) {
            assert_true(tried_add(&tried, &fixture->backend, server));
            server = pick(fixture, 0, &tried);
        }
        served[server]++;
    }
    assert_int_equal(served[1], 0);
    assert_in_range(served[0], 98, 102);
    assert_in_range(served[2], 98, 102);
    assert_in_range(served[3], 98, 102);
    end(fixture);
}

/* The same by weight: what the dead one would have had goes to the others as their weights are. */
static void share_of_a_dead_server_spreads_by_weight(void **state)
{
    static const uint32_t weights[] = {3, 5, 2, 1};
    struct fixture *fixture = begin(weights, 4);
    uint32_t served[4] = {0};

    (void)state;
    for (uint32_t i = 0; i < 660; i++) {
        struct tried tried = {0};
        uint32_t server = pick(fixture, 0, &none);
        if (server == 1) {
            assert_true(tried_add(&tried, &fixture->backend, server));
            server = pick(fixture, 0, &tried);
        }
        served[server]++;
    }
    assert_int_equal(served[1], 0);
    assert_in_range(served[0], 328, 332);
    assert_in_range(served[2], 218, 222);
    assert_in_range(served[3], 108, 112);
    end(fixture);
}

/* Two of six are dead: whoever comes to one goes on to any of the others, never to a neighbour. */
static void shares_of_two_dead_servers_spread(void **state)
{
    struct fixture *fixture = begin(NULL, 6);
    uint32_t served[6] = {0};

    (void)state;
    for (uint32_t i = 0; i < 600; i++) {
        struct tried tried = {0};
        uint32_t server = pick(fixture, 0, &none);
        while (server == 2 || server == 3) {
            assert_true(tried_add(&tried, &fixture->backend, server));
            server = pick(fixture, 0, &tried);
        }
        served[server]++;
    }
    for (uint32_t s = 0; s < 6; s++) {
        if (s != 2 && s != 3)
            assert_in_range(served[s], 146, 154);
    }
    end(fixture);
}

static void server_that_is_down_is_passed_over(void **state)
{
    struct fixture *fixture = begin(NULL, 3);

    (void)state;
    atomic_store(&fixture->claimed[0]->health, SERVER_DOWN);
    assert_int_equal(balance_left(fixture->claimed, &fixture->backend, NULL, &none), 2);
    for (uint32_t i = 0; i < 6; i++)
        assert_in_range(pick(fixture, 0, &none), 1, 2);
    atomic_store(&fixture->claimed[0]->health, SERVER_USABLE);
    assert_int_equal(balance_left(fixture->claimed, &fixture->backend, NULL, &none), 3);
    end(fixture);
}

/* Its share spreads over the others by their weights, as that of one that is down. */
static void server_that_is_hopeless_is_passed_over(void **state)
{
    static const uint32_t weights[] = {2, 1, 3};
    static const bool hopeless[] = {true, false, false};
    struct fixture *fixture = begin(weights, 3);
    uint32_t picked[3] = {0};

    (void)state;
    assert_int_equal(balance_left(fixture->claimed, &fixture->backend, hopeless, &none), 2);
    for (int i = 0; i < 40; i++)
        picked[balance_pick(fixture->claimed, &fixture->backend, hopeless, 0, &none)]++;
    assert_int_equal(picked[0], 0);
    assert_int_equal(picked[1], 10);
    assert_int_equal(picked[2], 30);
    end(fixture);
}

/* A reload in the middle of a cycle: the same servers go on where they were. */
static void turns_go_on_over_a_reload(void **state)
{
    struct fixture *fixture = begin(NULL, 5);

    (void)state;
    for (uint32_t i = 0; i < 23; i++) {
        struct server *before[5];
        assert_int_equal(pick(fixture, 0, &none), i % 5);
        for (uint32_t s = 0; s < 5; s++)
            before[s] = fixture->claimed[s];
        claim(fixture, NULL, 5);
        for (uint32_t s = 0; s < 5; s++) {
            assert_ptr_equal(fixture->claimed[s], before[s]);
            servers_unclaim(&fixture->set, before[s]);
        }
        servers_sweep(&fixture->set);
    }
    end(fixture);
}

/* A reload changes the weights: credit of another measure decides no more than one cycle. */
static void credit_is_cut_to_new_weights(void **state)
{
    static const uint32_t heavy[] = {1000, 1000, 1000}, light[] = {1, 1, 1};
    struct fixture *fixture = begin(heavy, 3);

    (void)state;
    for (uint32_t picks = 0; picks < 3; picks++) {
        uint32_t picked[3] = {0};
        for (uint32_t s = 0; s < 3; s++)
            fixture->servers[s].weight = heavy[s];
        pick(fixture, 0, &none);
        for (uint32_t s = 0; s < 3; s++)
            fixture->servers[s].weight = light[s];
        for (uint32_t i = 0; i < 30; i++)
            picked[pick(fixture, 0, &none)]++;
        for (uint32_t s = 0; s < 3; s++)
            assert_in_range(picked[s], 10 - 3, 10 + 3);
    }
    end(fixture);
}

/* Most servers go just after they were picked and leave credit behind: a new one has its share. */
static void credit_is_cut_to_fewer_servers(void **state)
{
    struct fixture *fixture = begin(NULL, 100);
    uint32_t of_new = 0;

    (void)state;
    for (uint32_t s = 0; s < 90; s++)
        assert_int_equal(pick(fixture, 0, &none), s);
    fixture->backend.server_count = 11;
    for (uint32_t s = 0; s < 11; s++) { /* the last is one that has just been picked */
        struct server *stays = fixture->claimed[s];
        fixture->claimed[s] = fixture->claimed[89 + s];
        fixture->claimed[89 + s] = stays;
    }
    for (uint32_t i = 0; i < 110; i++)
        of_new += pick(fixture, 0, &none) == 0;
    assert_in_range(of_new, 10 - 3, 10 + 3);
    fixture->backend.server_count = 100;
    end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_its_weight_per_cycle),
        cmocka_unit_test(spread_evenly),
        cmocka_unit_test(known_sequence),
        cmocka_unit_test(no_server_takes_connections),
        cmocka_unit_test(workers_start_at_different_servers),
        cmocka_unit_test(workers_have_a_turn_each),
        cmocka_unit_test(each_untried_server_comes_once),
        cmocka_unit_test(many_servers_come_once),
        cmocka_unit_test(share_of_a_dead_server_spreads),
        cmocka_unit_test(share_of_a_dead_server_spreads_by_weight),
        cmocka_unit_test(shares_of_two_dead_servers_spread),
        cmocka_unit_test(server_that_is_down_is_passed_over),
        cmocka_unit_test(server_that_is_hopeless_is_passed_over),
        cmocka_unit_test(turns_go_on_over_a_reload),
        cmocka_unit_test(credit_is_cut_to_new_weights),
        cmocka_unit_test(credit_is_cut_to_fewer_servers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
