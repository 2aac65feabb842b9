/* Values written as text: durations, sizes, permissions, hosts, addresses, networks; suggestions.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/address.h"
#include "config/network.h"
#include "config/text/suggest.h"
#include "config/text/units.h"
#include "config/text_value.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } GOOD[] = {
        {"1ms", 1},         {"250ms", 250},     {"5s", 5000},
        {"10m", 600000},    {"1h", 3600000},    {"1d", 86400000},
        {"1h30m", 5400000}, {"1m1ms", 60001},   {"1d2h3m4s5ms", 93784005},
        {"0h5s", 5000},     {"0000005s", 5000}, {"999999999d", 86399999913600000},
        {"1s0ms", 1000},
    };
    static const char *const BAD[] = {"",     "5",    "s",    "ms",          "5x",    "5S",
                                      "5 s",  "-5s",  "+5s",  "1.5s",        "5s ",   " 5s",
                                      "0s",   "0h0m", "1s1s", "1s1m",        "1ms1s", "5sms",
                                      "5mss", "5min", "1e3s", "1234567890s", "5s\n",  "off"};
    struct problem problem;
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        assert_true(units_exact_duration(GOOD[i].text, &ms, &problem));
        assert_int_equal(ms, GOOD[i].ms);
    }
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        problem.text[0] = '\0';
        if (units_exact_duration(BAD[i], &ms, &problem))
            fail_msg("accepted: %s", BAD[i]);
        assert_true(problem.text[0]);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint32_t bytes;
    } GOOD[] = {{"0", 0},        {"512", 512},          {"64k", 65536},  {"64K", 65536},
                {"1m", 1048576}, {"4095m", 4293918720}, {"1M", 1048576}, {"999999999", 999999999}};
    static const char *const BAD[] = {"",   "k",  "1g",   "1kb",   "1 k",        "-1",
                                      "01", "00", "1.5k", "4096m", "9999999999", "1k1"};
    struct problem problem;
    uint32_t bytes;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        assert_true(units_exact_size(GOOD[i].text, &bytes, &problem));
        assert_int_equal(bytes, GOOD[i].bytes);
    }
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        if (units_exact_size(BAD[i], &bytes, &problem))
            fail_msg("accepted: %s", BAD[i]);
    }
}

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
        {"*", "policies.unknown_sni"},
        {"**", "policies.unknown_sni"},
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
        {"a..b", "not a host name"},
        {"a b", "not a host name"},
        {"a/b", "not a host name"},
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
        if (host_parse(BAD[i].text, &host, &problem))
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

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } CASES[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"host", "hots", 1},
        {"host", "hosts", 1},
        {"host", "ost", 1},
        {"host", "hist", 1},
        {"host", "ohts", 2},
        {"bakends", "backends", 1},
        {"abcd", "badc", 2},
        {"kitten", "sitting", 3},
        {"ab", "ba", 1},
        {"", "ab", 2},
        {"abc", "xyz", 3},
        {"ca", "abc", 3},
        {"half_close", "halfclose", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        assert_int_equal(suggest_distance(CASES[i].a, CASES[i].b, 5), CASES[i].distance);
        assert_int_equal(suggest_distance(CASES[i].b, CASES[i].a, 5), CASES[i].distance);
        for (size_t limit = 0; limit < CASES[i].distance; limit++)
            assert_int_equal(suggest_distance(CASES[i].a, CASES[i].b, limit), limit + 1);
    }
}

static void test_suggestions(void **state)
{
    struct suggestion suggestion;
    char text[80];

    (void)state;
    suggest_start(&suggestion, "shpo");
    suggest_consider(&suggestion, "shops");
    suggest_consider(&suggestion, "shop");
    suggest_consider(&suggestion, "shapo");
    assert_string_equal(suggest_text(&suggestion, text, sizeof text), " (did you mean \"shop\"?)");
    suggest_start(&suggestion, "x"); /* nothing of it would be left */
    suggest_consider(&suggestion, "y");
    suggest_consider(&suggestion, "");
    assert_string_equal(suggest_text(&suggestion, text, sizeof text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),   cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_modes),       cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_addresses),   cmocka_unit_test(test_unix_length),
        cmocka_unit_test(test_networks),    cmocka_unit_test(test_distance),
        cmocka_unit_test(test_suggestions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
