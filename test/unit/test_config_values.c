/* Values written as text: permissions, hosts, addresses, networks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/address.h"
#include "config/host_explain.h"
#include "config/network.h"
#include "config/text_value.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void test_modes(void **state)
{
    static const char *const BAD[] = {"", "6", "66", "0668", "1777", "06666", "rwx", "0x66"};
    struct problem problem;
    uint32_t mode;

    (void)state;
    assert_true(mode_parse("0660", &mode, &problem));
    assert_int_equal(mode, 0660);
    assert_true(mode_parse("777", &mode, &problem));
    assert_int_equal(mode, 0777);
    for (size_t i = 0; i < COUNT_OF(BAD); i++)
        assert_false(mode_parse(BAD[i], &mode, &problem));
}

static void test_hosts(void **state)
{
    static const struct {
        const char *text, *normal;
        bool dot;
    } GOOD[] = {
        {"Shop.Example.COM", "shop.example.com", false},
        {"a.test.", "a.test", true},
        {"*.a.test", "*.a.test", false},
        {"**.A.test.", "**.a.test", true},
        {"*.com", "*.com", false},
        {"localhost", "localhost", false},
        {"_x.-y-.test", "_x.-y-.test", false},
        {"1.2.3.4.5", "1.2.3.4.5", false},
    };
    static const struct {
        const char *text, *hint;
    } BAD[] = {
        {"", "empty"},
        {"*", "\"default\""},
        {"**", "\"default\""},
        {".example.com", "\"**.example.com\""},
        {"foo*.a.test", "whole label"},
        {"a.**.test", "whole label"},
        {"a.*", "whole label"},
        {"*.", "whole label"},
        {"*.*.test", "whole label"},
        {"192.0.2.1", "IP address"},
        {"192.0.2.1.", "IP address"},
        {"2001:db8::1", "IP address"},
        {"[2001:db8::1]", "IP address"},
        {"a.test:443", "(\"a.test\")"},
        {"https://a.test/x", "(\"a.test\")"},
        {"https://a.test:8443/x", "(\"a.test\")"},
        {"b\xc3\xbc"
         "cher.test",
         "xn--"},
        {"a..b", "two dots"},
        {"a b", "[\"a\", \"b\"]"},
        {"a/b", "(\"a\")"},
        {"a!b", "not a host name"},
    };
    struct problem problem;
    struct host_pattern host;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        assert_true(host_parse(GOOD[i].text, &host, &problem));
        assert_string_equal(host.text, GOOD[i].normal);
        assert_int_equal(host.len, strlen(GOOD[i].normal));
        assert_int_equal(host.trailing_dot, GOOD[i].dot);
    }
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        bool well = host_parse(BAD[i].text, &host, &problem);
        host_explain(BAD[i].text, &problem);
        if (well)
            fail_msg("accepted: %s", BAD[i].text);
        if (strstr(problem.text, BAD[i].hint) == NULL)
            fail_msg("%s: %s", BAD[i].text, problem.text);
    }
}

static void test_addresses(void **state)
{
    enum { LISTEN = 1, SERVER = 2, BOTH = 3 };
    static const struct {
        const char *text;
        int where;
        enum address_kind kind;
        unsigned port;
        const char *path, *canonical;
    } GOOD[] = {
        {"10.0.0.5:443", BOTH, ADDRESS_IPV4, 443, "", "10.0.0.5:443"},
        {"0.0.0.0:65535", BOTH, ADDRESS_IPV4, 65535, "", "0.0.0.0:65535"},
        {"10.0.0.5:0", LISTEN, ADDRESS_IPV4, 0, "", "10.0.0.5:0"},
        {"[2001:DB8:0:0::1]:443", BOTH, ADDRESS_IPV6, 443, "", "[2001:db8::1]:443"},
        {"[::ffff:1.2.3.4]:1", BOTH, ADDRESS_IPV6, 1, "", "[::ffff:1.2.3.4]:1"},
        {"[::]:0", LISTEN, ADDRESS_IPV6, 0, "", "[::]:0"},
        {":443", LISTEN, ADDRESS_IPV6, 443, "", "[::]:443"},
        {"*:443", LISTEN, ADDRESS_IPV6, 443, "", "[::]:443"},
        {"unix:/run/x", BOTH, ADDRESS_UNIX, 0, "/run/x", "unix:/run/x"},
        {"unix:@x", BOTH, ADDRESS_UNIX, 0, "@x", "unix:@x"},
        {"Name.Example:443", SERVER, ADDRESS_NAME, 443, "name.example", "name.example:443"},
        {"name.example.:443", SERVER, ADDRESS_NAME, 443, "name.example.", "name.example.:443"},
        {"localhost:1", SERVER, ADDRESS_NAME, 1, "localhost", "localhost:1"},
        {"1a:1", SERVER, ADDRESS_NAME, 1, "1a", "1a:1"},
    };
    static const char *const BAD[] = {
        "",           "x",          "443",        "1.2.3.4",       "1.2.3:1",    "1.2.3.4.5:1",
        "01.2.3.4:1", "1.2.3.4:01", "1.2.3.4:-1", "1.2.3.4:65536", "1.2.3.4:1x", "1.2.3.4:",
        "::1:443",    "[::1]",      "[::1]:",     "[::1]x:1",      "[::1%lo]:1", "[1.2.3.4]:1",
        "[]:1",       "unix:",      "unix:x",     "unix:/",        "unix:@",     "/x",
        "@x",         "a b:1",      "a..b:1",     "**:1",          "http://a:1", "a:b:1"};
    struct problem problem;
    struct address_draft draft;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        for (int where = LISTEN; where <= SERVER; where++) {
            bool well = address_parse(GOOD[i].text, where == LISTEN, &draft, &problem);
            assert_int_equal(well, (GOOD[i].where & where) != 0);
            if (!well)
                continue;
            assert_int_equal(draft.address.kind, GOOD[i].kind);
            assert_int_equal(draft.address.port, GOOD[i].port);
            assert_string_equal(draft.path, GOOD[i].path);
            assert_string_equal(draft.text, GOOD[i].canonical);
        }
    }
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        for (int listen = 0; listen < 2; listen++) {
            problem.text[0] = '\0';
            if (address_parse(BAD[i], listen, &draft, &problem))
                fail_msg("accepted: %s", BAD[i]);
            assert_true(problem.text[0]);
        }
    }
}

static void test_unix_length(void **state)
{
    char text[5 + ADDRESS_UNIX_MAX + 2] = "unix:/";
    struct problem problem;
    struct address_draft draft;

    (void)state;
    memset(text + 6, 'x', ADDRESS_UNIX_MAX - 1);
    assert_true(address_parse(text, true, &draft, &problem));
    assert_int_equal(strlen(draft.path), ADDRESS_UNIX_MAX);
    text[5 + ADDRESS_UNIX_MAX] = 'x';
    assert_false(address_parse(text, true, &draft, &problem));
}

static void test_networks(void **state)
{
    static const struct {
        const char *text;
        bool v6, cleared;
        unsigned bits;
        uint8_t ip[4]; /* its first bytes */
    } GOOD[] = {
        {"10.0.0.0/8", false, false, 8, {10}},
        {"10.1.2.3/8", false, true, 8, {10}},
        {"192.0.2.7", false, false, 32, {192, 0, 2, 7}},
        {"192.0.2.7/31", false, true, 31, {192, 0, 2, 6}},
        {"0.0.0.0/0", false, false, 0, {0}},
        {"255.255.255.255/1", false, true, 1, {128}},
        {"::/0", true, false, 0, {0}},
        {"2001:db8::/32", true, false, 32, {0x20, 0x01, 0x0d, 0xb8}},
        {"2001:db8::1/33", true, true, 33, {0x20, 0x01, 0x0d, 0xb8}},
        {"::1", true, false, 128, {0}},
        {"::ffff:10.1.0.0/112", false, false, 16, {10, 1}},
        {"::ffff:10.1.2.3", false, false, 32, {10, 1, 2, 3}},
        {"::ffff:0:0/96", false, false, 0, {0}},
        {"::ffff:0:0/95", true, true, 95, {0}},
    };
    static const char *const BAD[] = {
        "",       "10.0.0.0/", "10.0.0.0/33",  "10.0.0.0/01", "10.0.0/8", "::/129",
        "[::]/0", "a.test",    "10.0.0.0/8/8", "10.0.0.0/-1", "::1%lo",   "10.0.0.0 /8"};
    struct problem problem;
    struct network network;
    bool cleared;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        assert_true(network_parse(GOOD[i].text, &network, &cleared, &problem));
        assert_int_equal(network.v6, GOOD[i].v6);
        assert_int_equal(network.bits, GOOD[i].bits);
        assert_int_equal(cleared, GOOD[i].cleared);
        assert_memory_equal(network.ip, GOOD[i].ip, 4);
    }
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        if (network_parse(BAD[i], &network, &cleared, &problem))
            fail_msg("accepted: %s", BAD[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),     cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_unix_length),
        cmocka_unit_test(test_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
