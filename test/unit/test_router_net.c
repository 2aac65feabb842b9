/* Clients' addresses: as the kernel gives them, as the log prints them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "router/net/net.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4),        cmocka_unit_test(ipv6),
        cmocka_unit_test(v4_mapped),   cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(unix_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
