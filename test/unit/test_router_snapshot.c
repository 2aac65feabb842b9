/* Addresses as the kernel wants them, and the count of users. */
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

static void ipv4_address(void **state)
{
    struct address address = {.kind = ADDRESS_IPV4, .port = 443, .ip = {10, 1, 2, 3}};
    struct target target;

    (void)state;
    assert_true(target_from_address(&address, &target));
    const struct sockaddr_in *in = (const struct sockaddr_in *)&target.address;
    assert_int_equal(target.len, sizeof *in);
    assert_int_equal(in->sin_family, AF_INET);
    assert_int_equal(ntohs(in->sin_port), 443);
    assert_int_equal(ntohl(in->sin_addr.s_addr), 0x0a010203);
}

static void ipv6_address(void **state)
{
    struct address address = {.kind = ADDRESS_IPV6, .port = 65535};
    struct target target;
    struct in6_addr expected;

    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::7", &expected), 1);
    memcpy(address.ip, &expected, 16);
    assert_true(target_from_address(&address, &target));
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&target.address;
    assert_int_equal(target.len, sizeof *in6);
    assert_int_equal(in6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(in6->sin6_port), 65535);
    assert_memory_equal(&in6->sin6_addr, &expected, 16);
    assert_int_equal(in6->sin6_scope_id, 0);
    assert_int_equal(in6->sin6_flowinfo, 0);
}

static void unix_path(void **state)
{
    struct address address = {.kind = ADDRESS_UNIX, .path = "/run/app.sock"};
    struct target target;

    (void)state;
    assert_true(target_from_address(&address, &target));
    const struct sockaddr_un *un = (const struct sockaddr_un *)&target.address;
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/run/app.sock");
    assert_int_equal(target.len, offsetof(struct sockaddr_un, sun_path) + sizeof "/run/app.sock");
}

/* The longest that config/ lets through fills sun_path to its last byte. */
static void longest_unix_path(void **state)
{
    char path[108];
    struct address address = {.kind = ADDRESS_UNIX, .path = path};
    struct target target;

    (void)state;
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[107] = '\0';
    assert_true(target_from_address(&address, &target));
    assert_int_equal(target.len, sizeof(struct sockaddr_un));
    assert_string_equal(((const struct sockaddr_un *)&target.address)->sun_path, path);
}

/* A NUL in front, the name as long as it is, and no NUL behind: it would be part of the name. */
static void unix_abstract(void **state)
{
    struct address address = {.kind = ADDRESS_UNIX, .path = "@app"};
    struct target target;

    (void)state;
    assert_true(target_from_address(&address, &target));
    const struct sockaddr_un *un = (const struct sockaddr_un *)&target.address;
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_memory_equal(un->sun_path, "\0app", 4);
    assert_int_equal(target.len, offsetof(struct sockaddr_un, sun_path) + 4);
}

static void name_has_no_address_yet(void **state)
{
    struct address address = {.kind = ADDRESS_NAME, .port = 443, .path = "app.example"};
    struct target target;

    (void)state;
    memset(&target, 0xff, sizeof target);
    assert_false(target_from_address(&address, &target));
    assert_int_equal(target.len, 0);
}

static const char text[] =
    "{\"listeners\":[{\"address\":\"127.0.0.1:0\"}],"
    "\"routes\":[{\"host\":\"a.test\",\"backend\":\"one\"},{\"host\":\"b.test\",\"backend\":"
    "\"two\"}],"
    "\"backends\":{\"one\":{\"servers\":[\"10.0.0.1:1\",\"[::1]:2\",\"name.test:3\"]},"
    "\"two\":{\"servers\":[\"unix:@four\",\"10.0.0.5:5\"]}}}";

static struct snapshot *make(uint32_t generation)
{
    struct diagnostics found = {0};
    struct config *config = config_load_text(text, sizeof text - 1, "test", &found);

    diagnostics_free(&found);
    assert_non_null(config);
    struct snapshot *snapshot = snapshot_new(config, generation);
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

static void every_server_has_its_target(void **state)
{
    struct snapshot *snapshot = make(7);
    uint32_t one = backend_named(snapshot, "one"), two = backend_named(snapshot, "two");

    (void)state;
    assert_int_equal(snapshot->generation, 7);
    assert_int_equal(snapshot->target_count, 5);
    assert_int_equal(snapshot_target(snapshot, one, 0)->address.ss_family, AF_INET);
    assert_int_equal(snapshot_target(snapshot, one, 1)->address.ss_family, AF_INET6);
    assert_int_equal(snapshot_target(snapshot, one, 2)->len, 0);
    assert_int_equal(snapshot_target(snapshot, two, 0)->address.ss_family, AF_UNIX);
    const struct target *last = snapshot_target(snapshot, two, 1);
    assert_int_equal(ntohs(((const struct sockaddr_in *)&last->address)->sin_port), 5);
    snapshot_free(snapshot);
}

static void learns_an_address_while_in_use(void **state)
{
    struct snapshot *snapshot = make(1);
    uint32_t one = backend_named(snapshot, "one");
    struct address address = {.kind = ADDRESS_IPV4, .port = 3, .ip = {10, 0, 0, 3}};
    struct target *late = calloc(1, sizeof *late), *further = calloc(1, sizeof *further);

    (void)state;
    assert_non_null(late);
    assert_non_null(further);
    assert_true(target_from_address(&address, late));
    assert_true(target_from_address(&address, further));
    late->next = further;
    snapshot_add_late(snapshot, snapshot->first_target[one] + 2, late);
    assert_ptr_equal(snapshot_target(snapshot, one, 2), late);
    assert_ptr_equal(snapshot_target(snapshot, one, 0), &snapshot->targets[0]);
    snapshot_free(snapshot); /* both of them with it */
}

static void counts_its_users(void **state)
{
    struct snapshot *snapshot = make(1);

    (void)state;
    snapshot_ref(snapshot);
    snapshot_ref(snapshot);
    snapshot_ref(snapshot);
    assert_false(snapshot_unref(snapshot));
    assert_false(snapshot_unref(snapshot));
    assert_true(snapshot_unref(snapshot));
    snapshot_free(snapshot);
    snapshot_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_address),
        cmocka_unit_test(ipv6_address),
        cmocka_unit_test(unix_path),
        cmocka_unit_test(longest_unix_path),
        cmocka_unit_test(unix_abstract),
        cmocka_unit_test(name_has_no_address_yet),
        cmocka_unit_test(every_server_has_its_target),
        cmocka_unit_test(learns_an_address_while_in_use),
        cmocka_unit_test(counts_its_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
