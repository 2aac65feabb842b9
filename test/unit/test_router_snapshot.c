/* Snapshots: what they know of servers, who else uses it, and when it is freed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/state/snapshot.h"

#define WORKERS 3

static const char text[] =
    "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
    "\"routes\":[{\"host\":\"a.test\",\"backend\":\"one\"},{\"host\":\"b.test\",\"backend\":"
    "\"two\"}],"
    "\"backends\":{\"one\":{\"servers\":[\"10.0.0.1:1\",\"[::1]:2\",\"name.test:3\"]},"
    "\"two\":{\"servers\":[\"unix:@four\",\"10.0.0.5:5\"]}}}";

/* The same backends, in another order and with other servers beside those that stay. */
static const char changed[] =
    "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
    "\"routes\":[{\"host\":\"a.test\",\"backend\":\"one\"},{\"host\":\"b.test\",\"backend\":"
    "\"two\"}],"
    "\"backends\":{\"two\":{\"servers\":[\"10.0.0.5:5\",\"10.0.0.1:1\"]},"
    "\"one\":{\"servers\":[\"10.0.0.7:7\",\"name.test:3\",\"10.0.0.1:1\"]}}}";

/* What control has: the figures, the servers. */
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

/* Whatever a test has made is freed by then. */
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

static size_t server_cells(const struct fixture *fixture)
{
    size_t count = servers_count(&fixture->servers);

    assert_int_equal(stats_count(&fixture->stats, STATS_SERVER), count);
    return count;
}

static struct snapshot *make(struct fixture *fixture, const char *from, uint32_t generation)
{
    struct diagnostics found = {0};
    struct config *config = config_load_text(from, strlen(from), "test", &found);

    diagnostics_free(&found);
    assert_non_null(config);
    struct snapshot *snapshot = snapshot_new(config, generation, &fixture->servers);
    assert_non_null(snapshot);
    return snapshot;
}

static uint32_t backend_named(const struct snapshot *snapshot, const char *name)
{
    uint32_t b = 0;

    while (strcmp(snapshot->config->backends[b].name, name) != 0)
        b++;
    return b;
}

static sa_family_t family_of(const struct snapshot *snapshot, const char *backend, uint32_t server)
{
    const struct addresses *addresses =
        snapshot_addresses(snapshot, backend_named(snapshot, backend), server);

    assert_non_null(addresses);
    assert_int_equal(addresses->count, 1);
    return addresses->list[0].address.ss_family;
}

static struct server *cell_of(const struct snapshot *snapshot, const char *backend, uint32_t server)
{
    return snapshot_server(snapshot, backend_named(snapshot, backend), server);
}

static void every_server_has_its_addresses(void **state)
{
    struct snapshot *snapshot = make(*state, text, 7);
    uint32_t one = backend_named(snapshot, "one"), two = backend_named(snapshot, "two");

    assert_int_equal(snapshot->generation, 7);
    assert_int_equal(snapshot->use->server_count, 5);
    assert_int_equal(family_of(snapshot, "one", 0), AF_INET);
    assert_int_equal(family_of(snapshot, "one", 1), AF_INET6);
    assert_null(snapshot_addresses(snapshot, one, 2));
    assert_int_equal(family_of(snapshot, "two", 0), AF_UNIX);
    const struct addresses *last = snapshot_addresses(snapshot, two, 1);
    assert_int_equal(ntohs(((const struct sockaddr_in *)&last->list[0].address)->sin_port), 5);
    snapshot_free(snapshot);
}

static void every_server_has_its_cell(void **state)
{
    struct snapshot *snapshot = make(*state, text, 1);

    assert_int_equal(server_cells(*state), 5);
    assert_string_equal(cell_of(snapshot, "one", 2)->text, "name.test:3");
    assert_string_equal(cell_of(snapshot, "one", 2)->backend, "one");
    assert_string_equal(cell_of(snapshot, "two", 0)->text, "unix:@four");
    snapshot_free(snapshot);
}

/* An answer of the name servers: all that has not changed is shared, and nothing is freed early. */
static void changed_answer_keeps_config_and_cells(void **state)
{
    struct snapshot *old = make(*state, text, 1);
    uint32_t one = backend_named(old, "one");
    struct addresses *found = addresses_new(2);

    assert_non_null(found);
    struct snapshot *new = snapshot_again(old);
    assert_non_null(new);
    snapshot_set_addresses(new, config_use_index(old->use, one, 2), found);
    assert_ptr_equal(new->config, old->config);
    assert_int_equal(new->generation, old->generation);
    assert_ptr_equal(snapshot_addresses(new, one, 2), found);
    assert_null(snapshot_addresses(old, one, 2));
    assert_ptr_equal(snapshot_addresses(new, one, 0), snapshot_addresses(old, one, 0));
    assert_ptr_equal(cell_of(new, "one", 2), cell_of(old, "one", 2));
    assert_int_equal(server_cells(*state), 5);

    assert_false(snapshot_free(old)); /* the configuration is in use */
    sweep(*state);
    assert_int_equal(server_cells(*state), 5);
    assert_int_equal(family_of(new, "one", 0), AF_INET);
    assert_string_equal(cell_of(new, "one", 2)->text, "name.test:3");
    assert_true(snapshot_free(new));
}

/* What a name was answered last is what the next configuration with that server begins with. */
static void the_last_answer_is_carried_over(void **state)
{
    struct snapshot *old = make(*state, text, 1);
    struct server *cell = cell_of(old, "one", 2);
    struct addresses *found = addresses_new(1), *same = addresses_new(1);

    assert_non_null(found);
    assert_non_null(same);
    server_know(cell, found);
    struct snapshot *new = make(*state, text, 2);
    assert_ptr_equal(cell_of(new, "one", 2), cell);
    assert_ptr_equal(snapshot_addresses(new, backend_named(new, "one"), 2), found);
    assert_true(addresses_equal(found, same) && !addresses_equal(found, NULL));
    same->list[0].len = 1;
    assert_false(addresses_equal(found, same));
    server_know(cell, same); /* the new one still has what was found */
    addresses_unref(found);
    addresses_unref(same);
    assert_ptr_equal(snapshot_addresses(new, backend_named(new, "one"), 2), found);
    assert_true(snapshot_free(old));
    assert_true(snapshot_free(new));
}

/* ... and with any other server of that name, at its own port. */
static void the_last_answer_is_the_names(void **state)
{
    static const char other[] =
        "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
        "\"routes\":[{\"host\":\"a.test\",\"backend\":\"new\"}],"
        "\"backends\":{\"new\":{\"servers\":[\"name.test:9\",\"other.test:9\"]}}}";
    struct snapshot *old = make(*state, text, 1);
    struct addresses *found = addresses_new(2);

    assert_non_null(found);
    found->list[0].address.ss_family = AF_INET;
    found->list[1].address.ss_family = AF_INET6;
    server_know(cell_of(old, "one", 2), found);
    addresses_unref(found);
    struct snapshot *new = make(*state, other, 2);
    assert_true(snapshot_free(old));
    sweep(*state);
    const struct addresses *known = snapshot_addresses(new, backend_named(new, "new"), 0);
    assert_non_null(known);
    assert_int_equal(known->count, 2);
    assert_int_equal(((const struct sockaddr_in *)&known->list[0].address)->sin_port, htons(9));
    assert_int_equal(((const struct sockaddr_in6 *)&known->list[1].address)->sin6_port, htons(9));
    assert_null(snapshot_addresses(new, backend_named(new, "new"), 1));
    assert_true(snapshot_free(new));
    sweep(*state);
    new = make(*state, other, 3); /* nobody has named it meanwhile */
    assert_null(snapshot_addresses(new, backend_named(new, "new"), 0));
    assert_true(snapshot_free(new));
}

/* The list that was replaced lives as long as the snapshot that has it. */
static void list_goes_with_its_last_snapshot(void **state)
{
    struct snapshot *first = make(*state, text, 1);
    uint32_t one = backend_named(first, "one");
    uint32_t index = config_use_index(first->use, one, 2);
    struct addresses *before = addresses_new(1), *after = addresses_new(1);

    assert_non_null(before);
    assert_non_null(after);
    snapshot_set_addresses(first, index, before);
    struct snapshot *second = snapshot_again(first);
    struct snapshot *third = snapshot_again(second);
    assert_non_null(second);
    assert_non_null(third);
    assert_int_equal(before->holders, 3);
    snapshot_set_addresses(third, index, after);
    assert_int_equal(before->holders, 2);
    snapshot_free(first);
    assert_int_equal(before->holders, 1);
    assert_ptr_equal(snapshot_addresses(second, one, 2), before);
    snapshot_set_addresses(second, index, NULL); /* frees it; the sanitizer sees leaks */
    snapshot_free(second);
    assert_int_equal(after->holders, 1);
    snapshot_free(third);
}

/* A reload: the same backend, address and name is the same cell. */
static void reload_finds_the_cells_again(void **state)
{
    struct snapshot *old = make(*state, text, 1);
    struct server *one_1 = cell_of(old, "one", 0), *name = cell_of(old, "one", 2);
    struct server *two_5 = cell_of(old, "two", 1);
    struct snapshot *new = make(*state, changed, 2);

    assert_ptr_equal(cell_of(new, "one", 2), one_1);
    assert_ptr_equal(cell_of(new, "one", 1), name);
    assert_ptr_equal(cell_of(new, "two", 0), two_5);
    assert_ptr_not_equal(cell_of(new, "two", 1), one_1); /* of another backend */
    assert_int_equal(server_cells(*state), 5 + 2);
    assert_true(snapshot_free(old));
    sweep(*state);
    assert_int_equal(server_cells(*state), 5);
    assert_ptr_equal(cell_of(new, "one", 2), one_1);
    snapshot_free(new);
}

static void server_in_use_stays_until_it_is_left(void **state)
{
    struct snapshot *old = make(*state, text, 1);
    struct server *server = cell_of(old, "one", 1); /* gone in the new configuration */

    server_enter(server);
    server_enter(server);
    struct snapshot *new = make(*state, changed, 2);
    snapshot_free(old);
    sweep(*state);
    assert_int_equal(server_cells(*state), 5 + 1);
    assert_string_equal(server->text, "[::1]:2");
    server_leave(server);
    sweep(*state);
    assert_int_equal(server_cells(*state), 5 + 1);
    server_leave(server);
    sweep(*state);
    assert_int_equal(server_cells(*state), 5);
    snapshot_free(new);
}

/* Gone and back again while a connection still used it: it is the cell it was. */
static void server_comes_back(void **state)
{
    struct snapshot *snapshot = make(*state, text, 1);
    struct server *server = cell_of(snapshot, "one", 1);

    server_enter(server);
    server->seats[2].credit = 1;
    snapshot_free(snapshot);
    sweep(*state);
    assert_int_equal(server_cells(*state), 1);
    snapshot = make(*state, text, 2);
    assert_ptr_equal(cell_of(snapshot, "one", 1), server);
    assert_int_equal(server->seats[2].credit, 1);
    server_leave(server);
    sweep(*state);
    assert_ptr_equal(cell_of(snapshot, "one", 1), server);
    assert_int_equal(server_cells(*state), 5);
    snapshot_free(snapshot);
}

static void turns_go_on_over_a_reload(void **state)
{
    static const struct tried none;
    struct snapshot *snapshot = make(*state, text, 1);
    struct addresses *found = addresses_new(1);

    server_know(cell_of(snapshot, "one", 2), found);
    snapshot_set_addresses(
        snapshot, config_use_index(snapshot->use, backend_named(snapshot, "one"), 2), found);
    uint32_t expected = snapshot_pick(snapshot, backend_named(snapshot, "one"), 1, &none);
    for (uint32_t generation = 2; generation < 9; generation++) {
        struct snapshot *new = make(*state, text, generation);
        snapshot_free(snapshot);
        sweep(*state);
        snapshot = new;
        expected = (expected + 1) % 3;
        assert_int_equal(snapshot_pick(snapshot, backend_named(snapshot, "one"), 1, &none),
                         expected);
        assert_int_equal(snapshot_left(snapshot, backend_named(snapshot, "one"), &none), 3);
    }
    snapshot_free(snapshot);
}

/* Two servers with one address: one cell, both take their turns. */
static void same_server_twice_shares_a_cell(void **state)
{
    static const char twice[] =
        "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
        "\"routes\":[{\"host\":\"a.test\",\"backend\":\"b\"}],"
        "\"backends\":{\"b\":{\"servers\":[\"10.0.0.1:1\",\"10.0.0.2:2\",\"10.0.0.1:1\"]}}}";
    static const struct tried none;
    struct snapshot *snapshot = make(*state, twice, 1);
    uint32_t picked[3] = {0};

    assert_int_equal(server_cells(*state), 2);
    assert_ptr_equal(cell_of(snapshot, "b", 0), cell_of(snapshot, "b", 2));
    for (int i = 0; i < 300; i++)
        picked[snapshot_pick(snapshot, 0, 0, &none)]++;
    assert_int_equal(picked[0] + picked[2], 200);
    assert_int_equal(picked[1], 100);
    snapshot_free(snapshot);
    sweep(*state);
    assert_int_equal(server_cells(*state), 0);
}

/* Names without an address and our own listeners take no try that another server could have. */
static void hopeless_servers_come_last(void **state)
{
    static const char names[] =
        "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
        "\"routes\":[{\"host\":\"a.test\",\"backend\":\"b\"}],"
        "\"backends\":{\"b\":{\"servers\":[\"one.test:1\",\"10.0.0.1:1\",\"two.test:1\","
        "\"10.0.0.2:1\",\"10.0.0.3:1\"]}}}";
    struct snapshot *snapshot = make(*state, names, 1);
    const struct backend_config *backend = &snapshot->config->backends[0];
    struct tried tried = {0};
    uint32_t last[3] = {0};

    snapshot_note_hopeless(snapshot, 3);
    for (int i = 0; i < 8; i++)
        assert_int_equal(snapshot_pick(snapshot, 0, 0, &tried) % 3, 1); /* 1 and 4 */
    assert_int_equal(snapshot_left(snapshot, 0, &tried), 2);
    assert_true(tried_add(&tried, backend, 4));
    assert_int_equal(snapshot_pick(snapshot, 0, 0, &tried), 1);
    assert_true(tried_add(&tried, backend, 1));
    assert_int_equal(snapshot_left(snapshot, 0, &tried), 3); /* they say why there is none */
    for (int i = 0; i < 3; i++) {
        last[i] = snapshot_pick(snapshot, 0, 0, &tried);
        assert_true(tried_add(&tried, backend, last[i]));
    }
    assert_int_equal(last[0] + last[1] + last[2], 0 + 2 + 3);
    assert_int_equal(snapshot_pick(snapshot, 0, 0, &tried), CONFIG_NONE);
    tried_clear(&tried);
    snapshot_set_addresses(snapshot, 0, addresses_new(1));
    assert_int_equal(snapshot_left(snapshot, 0, &tried), 3);
    snapshot_free(snapshot);
    sweep(*state);
}

/* A lookup of names holds the configuration on its own. */
static void config_outlives_its_snapshots_while_held(void **state)
{
    struct snapshot *snapshot = make(*state, text, 1);
    struct config_use *use = snapshot->use;

    config_use_ref(use);
    assert_false(snapshot_free(snapshot));
    sweep(*state);
    assert_int_equal(server_cells(*state), 5);
    assert_string_equal(use->servers[config_use_index(use, 0, 1)]->text,
                        use->config->backends[0].servers[1].address.text);
    assert_true(config_use_unref(use));
}

static void counts_its_users(void **state)
{
    struct snapshot *snapshot = make(*state, text, 1);

    snapshot_ref(snapshot);
    snapshot_ref(snapshot);
    snapshot_ref(snapshot);
    assert_false(snapshot_unref(snapshot));
    assert_false(snapshot_unref(snapshot));
    assert_true(snapshot_unref(snapshot));
    assert_true(snapshot_free(snapshot));
    assert_false(snapshot_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_server_has_its_addresses),
        TEST(every_server_has_its_cell),
        TEST(changed_answer_keeps_config_and_cells),
        TEST(the_last_answer_is_carried_over),
        TEST(the_last_answer_is_the_names),
        TEST(list_goes_with_its_last_snapshot),
        TEST(reload_finds_the_cells_again),
        TEST(server_in_use_stays_until_it_is_left),
        TEST(server_comes_back),
        TEST(turns_go_on_over_a_reload),
        TEST(same_server_twice_shares_a_cell),
        TEST(hopeless_servers_come_last),
        TEST(config_outlives_its_snapshots_while_held),
        TEST(counts_its_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
