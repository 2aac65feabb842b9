/* Addresses: as the kernel wants them, as it gives them, as the log prints them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/net/sockaddr.h"

/* --- targets --- */

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

static void name_has_no_address(void **state)
{
    struct address address = {.kind = ADDRESS_NAME, .port = 443, .path = "app.example"};
    struct target target;

    (void)state;
    memset(&target, 0xff, sizeof target);
    assert_false(target_from_address(&address, &target));
    assert_int_equal(target.len, 0);
}

/* --- peers --- */

static struct peer peer_of_v6(const char *ip, uint16_t port)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct peer peer;

    assert_int_equal(inet_pton(AF_INET6, ip, &in6.sin6_addr), 1);
    peer_from_sockaddr((const struct sockaddr *)&in6, &peer);
    return peer;
}

static void expect_text(const struct peer *peer, const char *expected)
{
    char text[PEER_TEXT_MAX];

    assert_int_equal(peer_print(peer, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void ipv4(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5000)};
    struct peer peer;

    (void)state;
    in.sin_addr.s_addr = htonl(0xc0000207);
    memset(&peer, 0xff, sizeof peer);
    peer_from_sockaddr((const struct sockaddr *)&in, &peer);
    assert_true(peer.known);
    assert_false(peer.v6);
    assert_int_equal(peer.port, 5000);
    assert_memory_equal(peer.ip, "\xc0\x00\x02\x07", 4);
    expect_text(&peer, "192.0.2.7:5000");
}

static void ipv6(void **state)
{
    struct peer peer = peer_of_v6("2001:db8::7", 65535);

    (void)state;
    assert_true(peer.known);
    assert_true(peer.v6);
    expect_text(&peer, "[2001:db8::7]:65535");
    peer = peer_of_v6("::1", 1);
    assert_true(peer.v6);
    expect_text(&peer, "[::1]:1");
}

/* A listener for both families sees IPv4 clients so; routes and logs know them as IPv4. */
static void v4_mapped(void **state)
{
    struct peer peer = peer_of_v6("::ffff:10.1.2.3", 443);

    (void)state;
    assert_true(peer.known);
    assert_false(peer.v6);
    assert_memory_equal(peer.ip, "\x0a\x01\x02\x03", 4);
    expect_text(&peer, "10.1.2.3:443");
}

static void longest_text_fits(void **state)
{
    struct peer peer = peer_of_v6("1234:5678:9abc:def0:1234:5678:9abc:def0", 65535);
    struct peer other = peer_of_v6("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535);
    char text[PEER_TEXT_MAX];

    (void)state;
    expect_text(&peer, "[1234:5678:9abc:def0:1234:5678:9abc:def0]:65535");
    assert_true(peer_print(&other, text) < PEER_TEXT_MAX);
}

static void unix_client(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct peer peer;

    (void)state;
    peer_from_sockaddr((const struct sockaddr *)&un, &peer);
    assert_false(peer.known);
    expect_text(&peer, "unix");
}

/* --- overlaps --- */

/* "A address port v6only" of two sockets: does the one take clients from the other? */
struct overlap {
    const char *a, *b;
    bool a_v6only, b_v6only, overlaps;
};

static const struct overlap overlaps[] = {
    {"10.0.0.1", "10.0.0.1", false, false, true},
    {"10.0.0.1", "10.0.0.2", false, false, false},
    {"0.0.0.0", "10.0.0.2", false, false, true},
    {"0.0.0.0", "0.0.0.0", false, false, true},
    {"::1", "::1", false, false, true},
    {"::1", "::2", false, false, false},
    {"::", "::1", false, false, true},
    {"::", "::1", true, false, true},
    {"::", "::", true, false, true},
    {"::", "0.0.0.0", false, false, true},
    {"::", "0.0.0.0", true, false, false},
    {"::", "10.0.0.1", false, false, true},
    {"::", "10.0.0.1", true, false, false},
    {"::1", "127.0.0.1", false, false, false},
    {"::1", "0.0.0.0", false, false, false},
    {"::ffff:10.0.0.1", "10.0.0.1", false, false, true},
    {"::ffff:10.0.0.1", "10.0.0.2", false, false, false},
    {"::ffff:10.0.0.1", "::", false, false, true},
    {"::ffff:10.0.0.1", "::", false, true, false},
    {"::ffff:10.0.0.1", "0.0.0.0", false, false, true},
};

static struct target bound_to(const char *text, uint16_t port)
{
    struct address address = {.kind = ADDRESS_IPV4, .port = port};
    struct target target;

    if (inet_pton(AF_INET, text, address.ip) != 1) {
        address.kind = ADDRESS_IPV6;
        assert_int_equal(inet_pton(AF_INET6, text, address.ip), 1);
    }
    assert_true(target_from_address(&address, &target));
    return target;
}

static void sockets_that_overlap(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof overlaps / sizeof overlaps[0]; i++) {
        const struct overlap *row = &overlaps[i];
        struct target a = bound_to(row->a, 443), b = bound_to(row->b, 443);
        struct target elsewhere = bound_to(row->b, 444);

        if (target_overlaps(&a, row->a_v6only, &b, row->b_v6only) != row->overlaps ||
            target_overlaps(&b, row->b_v6only, &a, row->a_v6only) != row->overlaps)
            fail_msg("%s and %s (row %zu)", row->a, row->b, i);
        assert_false(target_overlaps(&a, row->a_v6only, &elsewhere, row->b_v6only));
    }
}

/* A socket that is bound to an address; its port becomes the target's. -1: no IPv6 here. */
static int bind_first(struct target *target, int v6only)
{
    int one = 1, fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof target->address;

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&target->address, target->len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&target->address, &len), 0);
    return fd;
}

static bool cannot_bind(const struct target *target, int v6only)
{
    int one = 1, fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 || target->address.ss_family == AF_INET6);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
    bool refused = bind(fd, (const struct sockaddr *)&target->address, target->len) != 0;
    close(fd);
    return refused;
}

/* What the kernel says of a row at some port. False: there is no IPv6. */
static bool ask_kernel(const struct overlap *row, bool *refused)
{
    struct target a = bound_to(row->a, 0);
    int fd = bind_first(&a, row->a_v6only);

    if (fd < 0)
        return false;
    struct target b = bound_to(row->b, ntohs(((struct sockaddr_in *)&a.address)->sin_port));
    *refused = cannot_bind(&b, row->b_v6only);
    close(fd);
    return true;
}

/*
 * The table is the kernel's: what overlaps cannot be bound side by side without SO_REUSEPORT, and
 * what does not can; unless another process has that very port, which another try will not meet.
 */
static void the_kernel_agrees(void **state)
{
    int compared = 0;

    (void)state;
    for (size_t i = 0; i < sizeof overlaps / sizeof overlaps[0]; i++) {
        const struct overlap *row = &overlaps[i];
        bool refused = false, known = ask_kernel(row, &refused);

        for (int tries = 0; known && refused && !row->overlaps && tries < 20; tries++)
            known = ask_kernel(row, &refused);
        if (known && refused != row->overlaps)
            fail_msg("%s, then %s (row %zu): the kernel thinks otherwise", row->a, row->b, i);
        compared += known;
    }
    assert_true(compared > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_address),
        cmocka_unit_test(ipv6_address),
        cmocka_unit_test(unix_path),
        cmocka_unit_test(sockets_that_overlap),
        cmocka_unit_test(the_kernel_agrees),
        cmocka_unit_test(longest_unix_path),
        cmocka_unit_test(unix_abstract),
        cmocka_unit_test(name_has_no_address),
        cmocka_unit_test(ipv4),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(v4_mapped),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(unix_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
