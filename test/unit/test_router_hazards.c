/* Which addresses of servers are our own listeners, and which may connect to themselves. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/address.h"
#include "config/load.h"
#include "router/control/hazards.h"
#include "router/log/log.h"
#include "router/state/servers.h"

/* An address as it stands in the file. */
static struct target target_of(const char *text, bool listen)
{
    struct address_draft draft;
    struct problem problem;
    struct target target;

    assert_true(address_parse(text, listen, &draft, &problem));
    draft.address.path = draft.path;
    assert_true(target_from_address(&draft.address, &target));
    return target;
}

static bool reaches(const char *server, const char *listener, bool v6only)
{
    struct peer own[] = {
        {.ip = {10, 0, 0, 5}, .known = true},
        {.ip = {192, 0, 2, 7}, .known = true},
        {.ip = {0x20, 1, 0xd, 0xb8, [15] = 5}, .v6 = true, .known = true},
    };
    struct local_host host = {.list = own, .count = 3};
    struct endpoint endpoint = {.where = target_of(listener, true)};
    struct target target = target_of(server, false);

    endpoint.key.v6only = v6only;
    return hazards_reaches(&target, &endpoint, &host);
}

static const struct {
    const char *server, *listener;
    bool v6only, reaches;
} tables[] = {
    /* the very address, and another port or address */
    {"10.0.0.5:443", "10.0.0.5:443", false, true},
    {"10.0.0.5:444", "10.0.0.5:443", false, false},
    {"10.0.0.6:443", "10.0.0.5:443", false, false},
    {"127.0.0.1:443", "10.0.0.5:443", false, false},
    {"[2001:db8::5]:443", "[2001:db8::5]:443", false, true},
    {"[2001:db8::5]:443", "10.0.0.5:443", false, false},
    /* any address of IPv4 */
    {"10.0.0.5:443", "0.0.0.0:443", false, true},
    {"192.0.2.7:443", "0.0.0.0:443", false, true},
    {"127.0.0.1:443", "0.0.0.0:443", false, true},
    {"127.8.9.10:443", "0.0.0.0:443", false, true},
    {"0.0.0.0:443", "0.0.0.0:443", false, true},
    {"10.0.0.6:443", "0.0.0.0:443", false, false},
    {"[::1]:443", "0.0.0.0:443", false, false},
    {"[::]:443", "0.0.0.0:443", false, false},
    {"[::ffff:10.0.0.5]:443", "0.0.0.0:443", false, true},
    /* any address of both families, or of IPv6 alone */
    {"10.0.0.5:443", "[::]:443", false, true},
    {"127.0.0.1:443", ":443", false, true},
    {"0.0.0.0:443", "*:443", false, true},
    {"[::]:443", "[::]:443", false, true},
    {"[::1]:443", "[::]:443", false, true},
    {"[2001:db8::5]:443", "[::]:443", false, true},
    {"[2001:db8::6]:443", "[::]:443", false, false},
    {"10.0.0.5:443", "[::]:443", true, false},
    {"[::ffff:10.0.0.5]:443", "[::]:443", true, false},
    {"[2001:db8::5]:443", "[::]:443", true, true},
    /* the unspecified address means loopback to connect(2) */
    {"0.0.0.0:443", "127.0.0.1:443", false, true},
    {"0.0.0.0:443", "127.0.0.2:443", false, false},
    {"[::]:443", "[::1]:443", false, true},
    /* names of unix sockets */
    {"unix:@one", "unix:@one", false, true},
    {"unix:@one", "unix:@on", false, false},
    {"unix:/nonexistent/one", "unix:/nonexistent/one", false, true},
    {"unix:/nonexistent/one", "unix:/nonexistent/two", false, false},
    {"unix:@one", "127.0.0.1:443", false, false},
    {"127.0.0.1:443", "unix:@one", false, false},
};

static void where_a_connect_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (reaches(tables[i].server, tables[i].listener, tables[i].v6only) != tables[i].reaches)
            fail_msg("%s to %s%s", tables[i].server, tables[i].listener,
                     tables[i].v6only ? " (v6only)" : "");
    }
}

/* --- a snapshot --- */

struct fixture {
    char dir[64], text[2048];
    struct stats stats;
    struct servers servers;
    struct endpoints endpoints;
    struct snapshot *snapshot;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/sni-router-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    assert_true(stats_init(&fixture->stats, 1));
    servers_init(&fixture->servers, &fixture->stats);
    endpoints_init(&fixture->endpoints, 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    snapshot_free(fixture->snapshot);
    endpoints_close(&fixture->endpoints);
    servers_close(&fixture->servers);
    stats_close(&fixture->stats);
    rmdir(fixture->dir);
    free(fixture);
    return 0;
}

/* A snapshot whose listeners are open: one of TCP and one of a path. */
static void make(struct fixture *fixture, const char *servers)
{
    struct diagnostics found = {0};
    struct listen_error why;
    int len = snprintf(fixture->text, sizeof fixture->text,
                       "{\"listeners\":[{\"name\":\"tcp\",\"address\":\"127.0.0.1:0\"},"
                       "{\"name\":\"path\",\"address\":\"unix:%s/own\"}],\"routes\":[{\"host\":"
                       "\"a.test\",\"backend\":\"b\"}],\"backends\":{\"b\":{\"servers\":[%s]}}}",
                       fixture->dir, servers);
    struct config *config = config_load_text(fixture->text, (size_t)len, "test", &found);

    diagnostics_free(&found);
    assert_non_null(config);
    fixture->snapshot = snapshot_new(config, 1, &fixture->servers);
    assert_non_null(fixture->snapshot);
    assert_true(endpoints_open(&fixture->endpoints, config, &why));
}

static void set_addresses(struct fixture *fixture, uint32_t server, const struct target *list,
                          uint32_t count)
{
    struct addresses *addresses = addresses_new(count);

    assert_non_null(addresses);
    memcpy(addresses->list, list, count * sizeof *list);
    snapshot_set_addresses(fixture->snapshot, server, addresses);
}

static const struct endpoint *endpoint_named(const struct fixture *fixture, uint32_t listener)
{
    for (const struct endpoint *e = fixture->endpoints.first; e != NULL; e = e->next) {
        if (e->candidate == listener || e->index == listener)
            return e;
    }
    fail_msg("no endpoint");
    return NULL;
}

static void servers_elsewhere_cost_nothing(void **state)
{
    struct fixture *fixture = *state;

    make(fixture, "\"192.0.2.1:443\",\"name.test:1\",\"unix:/nonexistent/one\"");
    assert_true(hazards_note(fixture->snapshot, &fixture->endpoints, NULL));
    assert_null(fixture->snapshot->hazards);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 0)->ours, 0);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 1)->self, 0);
    endpoints_commit(&fixture->endpoints, fixture->snapshot->config);
}

/* Of a name's addresses the second is ours, once its port is known. */
static void one_address_of_a_name_is_ours(void **state)
{
    struct fixture *fixture = *state;

    make(fixture, "\"192.0.2.1:443\",\"name.test:1\"");
    struct target list[] = {target_of("192.0.2.2:443", false), endpoint_named(fixture, 0)->where,
                            target_of("192.0.2.3:443", false)};
    set_addresses(fixture, 1, list, 3);
    for (int committed = 0; committed < 2; committed++) {
        assert_true(hazards_note(fixture->snapshot, &fixture->endpoints, NULL));
        const struct hazard *hazard = snapshot_hazard(fixture->snapshot, 0, 1);
        assert_int_equal(hazard->ours, 1u << 1);
        assert_int_equal(hazard->listener, 0);
        assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 0)->ours, 0);
        if (!committed)
            endpoints_commit(&fixture->endpoints, fixture->snapshot->config);
    }
}

static void another_path_to_our_socket(void **state)
{
    struct fixture *fixture = *state;
    char servers[512], link[128];

    snprintf(link, sizeof link, "%s/link", fixture->dir);
    snprintf(servers, sizeof servers, "\"unix:%s\",\"unix:%s/./own\",\"unix:%s/absent\"", link,
             fixture->dir, fixture->dir);
    make(fixture, servers);
    assert_int_equal(symlink("own", link), 0);
    assert_true(hazards_note(fixture->snapshot, &fixture->endpoints, NULL));
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 0)->ours, 1);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 0)->listener, 1);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 1)->ours, 1);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 2)->ours, 0);
    endpoints_commit(&fixture->endpoints, fixture->snapshot->config);
    unlink(link);
}

/* A port that is handed out, at an address of this host. */
static void ports_that_may_connect_to_themselves(void **state)
{
    struct fixture *fixture = *state;
    struct local_host host;
    char servers[256];

    assert_int_equal(local_host_read(&host), 0);
    uint16_t port = host.first_port;
    local_host_free(&host);
    snprintf(servers, sizeof servers,
             "\"127.0.0.1:%u\",\"0.0.0.0:%u\",\"192.0.2.1:%u\",\"127.0.0.1:7\"", port, port, port);
    make(fixture, servers);
    assert_true(hazards_note(fixture->snapshot, &fixture->endpoints, NULL));
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 0)->self, 1);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 1)->self, 1);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 2)->self, 0);
    assert_int_equal(snapshot_hazard(fixture->snapshot, 0, 3)->self, 0);
    endpoints_commit(&fixture->endpoints, fixture->snapshot->config);
}

static void this_host_is_local(void **state)
{
    struct local_host host, nothing = {0};
    struct peer loopback = {.ip = {127, 0, 0, 1}, .port = 9, .known = true};
    struct peer elsewhere = {.ip = {192, 0, 2, 99}, .known = true};
    struct peer nobody = {.known = false};

    (void)state;
    assert_int_equal(local_host_read(&host), 0);
    assert_true(local_host_has(&host, &loopback));
    assert_true(local_host_has(&nothing, &loopback));
    assert_false(local_host_has(&host, &elsewhere));
    assert_false(local_host_has(&host, &nobody));
    assert_false(local_host_has(&nothing, &elsewhere));
    for (size_t i = 0; i < host.count; i++) {
        struct peer own = host.list[i];
        own.port = 443;
        assert_true(local_host_has(&host, &own));
    }
    assert_true(local_host_hands_out(&host, host.last_port));
    assert_false(local_host_hands_out(&host, 7));
    local_host_free(&host);
}

#define WITH_SNAPSHOT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_connect_arrives),
        WITH_SNAPSHOT(servers_elsewhere_cost_nothing),
        WITH_SNAPSHOT(one_address_of_a_name_is_ours),
        WITH_SNAPSHOT(another_path_to_our_socket),
        WITH_SNAPSHOT(ports_that_may_connect_to_themselves),
        cmocka_unit_test(this_host_is_local),
    };

    return cmocka_run_group_tests_name("hazards", tests, NULL, NULL);
}
