/*
 * Legal and illegal ClientHellos, table by table: whole, at every beginning, and cut into records
 * anywhere. Bodies are written as hexadecimal text, so that each length can lie on its own.
 */

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sni/build.h"
#include "sni/hello.h"
#include "test/support/hello_check.h"
#include "test/support/hex.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define WIRE_CAP        70000

/* clang-format off */
#define RANDOM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "
#define SUITES "0002 1301 "
#define NULL_COMPRESSION "01 00 "
#define SESSION_ID_32 "20 " RANDOM
#define START "0303 " RANDOM "00 " SUITES NULL_COMPRESSION
/* clang-format on */

/* One body of a ClientHello and what it is. */
struct body_case {
    const char *what;
    const char *body;
    enum hello_result result;
    const char *host; /* NULL = not looked at */
    enum hello_name name;
};

static size_t wrap_body(const char *hex, uint8_t *wire)
{
    uint8_t message[WIRE_CAP];
    size_t len = hex_decode(hex, message + 4, sizeof message - 4);

    message[0] = 1;
    message[1] = 0;
    message[2] = (uint8_t)(len >> 8);
    message[3] = (uint8_t)len;
    size_t wire_len = hello_wrap_records(message, len + 4, 0x0301, NULL, 0, wire, WIRE_CAP);
    assert_true(wire_len > 0);
    return wire_len;
}

static void check_bodies(const struct body_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t wire[WIRE_CAP];
        struct client_hello hello;
        size_t len = wrap_body(cases[i].body, wire);
        hello_check_prefixes(cases[i].what, wire, len, cases[i].result);
        hello_check_recuts(cases[i].what, wire, len);
        (void)hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello);
        if (cases[i].host != NULL) {
            assert_string_equal(hello.host, cases[i].host);
            assert_int_equal(hello.host_len, strlen(cases[i].host));
            assert_int_equal(hello.name, cases[i].name);
        }
    }
}

/* The fixed part: versions, session id, cipher suites, compression methods, end. */
static void test_body(void **state)
{
    static const struct body_case CASES[] = {
        {"SSLv3, no extensions", "0300 " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_OK, "", 0},
        {"empty extensions block", START "0000", HELLO_OK, "", 0},
        {"session id of 32", "0303 " RANDOM SESSION_ID_32 SUITES NULL_COMPRESSION, HELLO_OK, "", 0},
        {"two compression methods", "0301 " RANDOM "00 " SUITES "02 01 00", HELLO_OK, "", 0},
        {"minor version of the future", "03ff " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_OK, "",
         0},
        {"unknown extension", START "0004 1234 0000", HELLO_OK, "", 0},
        {"empty body", "", HELLO_MALFORMED, NULL, 0},
        {"one byte", "03", HELLO_MALFORMED, NULL, 0},
        {"ends in the random", "0303 0011", HELLO_MALFORMED, NULL, 0},
        {"ends after the random", "0303 " RANDOM, HELLO_MALFORMED, NULL, 0},
        {"ends after the session id", "0303 " RANDOM "00", HELLO_MALFORMED, NULL, 0},
        {"ends after the suites", "0303 " RANDOM "00 " SUITES, HELLO_MALFORMED, NULL, 0},
        {"ends in the compression", "0303 " RANDOM "00 " SUITES "02 00", HELLO_MALFORMED, NULL, 0},
        {"version 2.0", "0200 " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_MALFORMED, NULL, 0},
        {"version 2.255", "02ff " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_MALFORMED, NULL, 0},
        {"version 4.98, to be negotiated down", "0462 " RANDOM "00 " SUITES NULL_COMPRESSION,
         HELLO_OK, "", 0},
        {"version 255.255", "ffff " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_OK, "", 0},
        {"session id of 33", "0303 " RANDOM "21 " RANDOM "00 " SUITES NULL_COMPRESSION,
         HELLO_MALFORMED, NULL, 0},
        {"session id lies", "0303 " RANDOM "20 " SUITES NULL_COMPRESSION, HELLO_MALFORMED, NULL, 0},
        {"no suites", "0303 " RANDOM "00 0000 " NULL_COMPRESSION, HELLO_MALFORMED, NULL, 0},
        {"odd suites", "0303 " RANDOM "00 0003 130113 " NULL_COMPRESSION, HELLO_MALFORMED, NULL, 0},
        {"suites lie", "0303 " RANDOM "00 fffe 1301 " NULL_COMPRESSION, HELLO_MALFORMED, NULL, 0},
        {"no compression", "0303 " RANDOM "00 " SUITES "00", HELLO_MALFORMED, NULL, 0},
        {"half a block length", START "00", HELLO_MALFORMED, NULL, 0},
        {"block longer than the body", START "0005 1234 0000", HELLO_MALFORMED, NULL, 0},
        {"bytes behind the block", START "0004 1234 0000 00", HELLO_MALFORMED, NULL, 0},
        {"bytes behind an empty block", START "0000 00", HELLO_MALFORMED, NULL, 0},
        {"half an extension type", START "0001 12", HELLO_MALFORMED, NULL, 0},
        {"half an extension length", START "0003 1234 00", HELLO_MALFORMED, NULL, 0},
        {"extension longer than the block", START "0004 1234 0001", HELLO_MALFORMED, NULL, 0},
        {"duplicate low", START "0008 0017 0000 0017 0000", HELLO_MALFORMED, NULL, 0},
        {"duplicate high", START "0008 ff01 0000 ff01 0000", HELLO_MALFORMED, NULL, 0},
        {"duplicate GREASE", START "0008 5a5a 0000 5a5a 0000", HELLO_MALFORMED, NULL, 0},
        {"duplicate apart", START "000c 0017 0000 ffff 0000 0017 0000", HELLO_MALFORMED, NULL, 0},
        {"types that differ by 64", START "0008 0017 0000 0057 0000", HELLO_OK, "", 0},
        {"types that differ by 4096", START "0008 0017 0000 1017 0000", HELLO_OK, "", 0},
        {"two different GREASE", START "0008 5a5a 0000 6a6a 0000", HELLO_OK, "", 0},
    };

    (void)state;
    check_bodies(CASES, COUNT_OF(CASES));
}

static void test_server_name_lengths(void **state)
{
    static const struct body_case CASES[] = {
        {"a name", START "000a 0000 0006 0004 00 0001 61", HELLO_OK, "a", HELLO_NAME_HOST},
        {"no list", START "0004 0000 0000", HELLO_MALFORMED, NULL, 0},
        {"half a list length", START "0005 0000 0001 00", HELLO_MALFORMED, NULL, 0},
        {"empty list", START "0006 0000 0002 0000", HELLO_MALFORMED, NULL, 0},
        {"empty name", START "0009 0000 0005 0003 00 0000", HELLO_MALFORMED, NULL, 0},
        {"list too short", START "000a 0000 0006 0003 00 0001 61", HELLO_MALFORMED, NULL, 0},
        {"list too long", START "000a 0000 0006 0005 00 0001 61", HELLO_MALFORMED, NULL, 0},
        {"name too long", START "000a 0000 0006 0004 00 0002 61", HELLO_MALFORMED, NULL, 0},
        {"name too short", START "000b 0000 0007 0005 00 0001 6162", HELLO_MALFORMED, NULL, 0},
        {"behind the list", START "000b 0000 0007 0004 00 0001 61 00", HELLO_MALFORMED, NULL, 0},
        {"half a name length, then another extension",
         START "0013 0000 0007 0005 07 0000 00 00 0161 0004 00000000", HELLO_MALFORMED, NULL, 0},
        {"name reaches the next extension", START "000e 0000 0006 0004 00 0005 61 0017 0000",
         HELLO_MALFORMED, NULL, 0},
        {"two names", START "000e 0000 000a 0008 00 0001 61 00 0001 62", HELLO_MALFORMED, NULL, 0},
        {"the same name twice", START "000e 0000 000a 0008 00 0001 61 00 0001 61", HELLO_MALFORMED,
         NULL, 0},
        {"IP literal and name", START "0014 0000 0010 000e 00 0007 312e312e312e31 00 0001 61",
         HELLO_MALFORMED, NULL, 0},
        {"other type before", START "000e 0000 000a 0008 07 0001 62 00 0001 61", HELLO_OK, "a",
         HELLO_NAME_HOST},
        {"other type behind", START "000e 0000 000a 0008 00 0001 61 07 0001 62", HELLO_OK, "a",
         HELLO_NAME_HOST},
        {"only another type", START "000a 0000 0006 0004 07 0001 61", HELLO_OK, "",
         HELLO_NAME_NONE},
        {"other type lies", START "000a 0000 0006 0004 07 0002 61", HELLO_MALFORMED, NULL, 0},
        {"two extensions", START "0014 0000 0006 0004 00 0001 61 0000 0006 0004 00 0001 61",
         HELLO_MALFORMED, NULL, 0},
    };

    (void)state;
    check_bodies(CASES, COUNT_OF(CASES));
}

/* A name as text, any byte allowed, sent by the builder in a small hello. */
struct name_case {
    const char *sent;
    size_t len; /* 0 = strlen */
    enum hello_result result;
    const char *host;
    enum hello_name name;
    bool trailing_dot;
};

static size_t build_named(const struct name_case *name, uint8_t *wire)
{
    struct hello_spec spec;

    hello_spec_init(&spec, name->sent);
    spec.host_len = name->len;
    spec.key_share_bytes = 0;
    spec.grease = false;
    spec.ech_grease = false;
    spec.versions = NULL;
    size_t len = hello_build(&spec, wire, WIRE_CAP);
    assert_true(len > 0);
    return len;
}

static void test_names(void **state)
{
    static const struct name_case CASES[] = {
        {"Shop.EXAMPLE.com", 0, HELLO_OK, "shop.example.com", HELLO_NAME_HOST, false},
        {"shop.example.com.", 0, HELLO_OK, "shop.example.com", HELLO_NAME_HOST, true},
        {"under_score.example", 0, HELLO_OK, "under_score.example", HELLO_NAME_HOST, false},
        {"xn--bcher-kva.example", 0, HELLO_OK, "xn--bcher-kva.example", HELLO_NAME_HOST, false},
        {"localhost", 0, HELLO_OK, "localhost", HELLO_NAME_HOST, false},
        {"127.0.0.1", 0, HELLO_OK, "127.0.0.1", HELLO_NAME_IP, false},
        {"127.0.0.1.", 0, HELLO_OK, "127.0.0.1", HELLO_NAME_IP, true},
        {"2001:DB8::1", 0, HELLO_OK, "2001:db8::1", HELLO_NAME_IP, false},
        {"[::1]", 0, HELLO_OK, "[::1]", HELLO_NAME_IP, false},
        {"fe80::1%eth0", 0, HELLO_OK, "fe80::1%eth0", HELLO_NAME_IP, false},
        {"::ffff:192.0.2.1", 0, HELLO_OK, "::ffff:192.0.2.1", HELLO_NAME_IP, false},
        {"1.2.3.4.5", 0, HELLO_OK, "1.2.3.4.5", HELLO_NAME_HOST, false},
        {"1.2.3.256", 0, HELLO_OK, "1.2.3.256", HELLO_NAME_HOST, false},
        {"", 0, HELLO_MALFORMED, "", 0, false},
        {".", 0, HELLO_MALFORMED, "", 0, false},
        {"..", 0, HELLO_MALFORMED, "", 0, false},
        {".a", 0, HELLO_MALFORMED, "", 0, false},
        {"a..b", 0, HELLO_MALFORMED, "", 0, false},
        {"a..", 0, HELLO_MALFORMED, "", 0, false},
        {"a b", 0, HELLO_MALFORMED, "", 0, false},
        {"a/b", 0, HELLO_MALFORMED, "", 0, false},
        {"*.example.com", 0, HELLO_MALFORMED, "", 0, false},
        {"a\0b", 3, HELLO_MALFORMED, "", 0, false},
        {"a\0", 2, HELLO_MALFORMED, "", 0, false},
        {"\0", 1, HELLO_MALFORMED, "", 0, false},
        {"a\nb", 0, HELLO_MALFORMED, "", 0, false},
        {"a\x7f", 0, HELLO_MALFORMED, "", 0, false},
        {"b\xc3\xbc"
         "cher.example",
         0, HELLO_MALFORMED, "", 0, false},
        {"example.com:443", 0, HELLO_MALFORMED, "", 0, false},
        {"127.0.0.1\0", 10, HELLO_MALFORMED, "", 0, false},
        {"[127.0.0.1]", 0, HELLO_MALFORMED, "", 0, false},
        {"[::1", 0, HELLO_MALFORMED, "", 0, false},
        {"fe80::1%", 0, HELLO_MALFORMED, "", 0, false},
        {"fe80::1%e h0", 0, HELLO_MALFORMED, "", 0, false},
        {":", 0, HELLO_MALFORMED, "", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        uint8_t wire[WIRE_CAP];
        struct client_hello hello;
        size_t len = build_named(&CASES[i], wire);
        hello_check_prefixes(CASES[i].sent, wire, len, CASES[i].result);
        hello_check_recuts(CASES[i].sent, wire, len);
        if (hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello) == HELLO_OK) {
            assert_string_equal(hello.host, CASES[i].host);
            assert_int_equal(hello.host_len, strlen(CASES[i].host));
            assert_int_equal(hello.name, CASES[i].name);
            assert_int_equal(hello.trailing_dot, CASES[i].trailing_dot);
        }
    }
}

/* Names of `len` bytes in labels of `label`, with or without a dot at the end. */
static void test_name_lengths(void **state)
{
    static const struct {
        size_t len;
        size_t label;
        bool dot;
        enum hello_result result;
    } CASES[] = {
        {63, 63, false, HELLO_OK},          {64, 64, false, HELLO_MALFORMED},
        {253, 63, false, HELLO_OK},         {253, 63, true, HELLO_OK},
        {254, 63, false, HELLO_MALFORMED},  {254, 63, true, HELLO_MALFORMED},
        {255, 63, false, HELLO_MALFORMED},  {256, 63, false, HELLO_MALFORMED},
        {5000, 63, false, HELLO_MALFORMED}, {65000, 63, false, HELLO_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        static char name[WIRE_CAP];
        uint8_t wire[WIRE_CAP];
        size_t len = CASES[i].len;
        for (size_t k = 0; k < len; k++)
            name[k] = k % (CASES[i].label + 1) == CASES[i].label ? '.' : 'n';
        name[len] = '.';
        struct name_case named = {.sent = name, .len = len + CASES[i].dot};
        size_t wire_len = build_named(&named, wire);
        hello_check_prefixes("name length", wire, wire_len, CASES[i].result);
        hello_check_recuts("name length", wire, wire_len);
    }
}

static void test_alpn(void **state)
{
    static const struct body_case CASES[] = {
        {"one", START "0009 0010 0005 0003 02 6832", HELLO_OK, "", 0},
        {"no list", START "0004 0010 0000", HELLO_MALFORMED, NULL, 0},
        {"empty list", START "0006 0010 0002 0000", HELLO_MALFORMED, NULL, 0},
        {"empty name", START "0007 0010 0003 0001 00", HELLO_MALFORMED, NULL, 0},
        {"empty name behind", START "000a 0010 0006 0004 02 6832 00", HELLO_MALFORMED, NULL, 0},
        {"list too long", START "0009 0010 0005 0004 02 6832", HELLO_MALFORMED, NULL, 0},
        {"list too short", START "0009 0010 0005 0002 02 6832", HELLO_MALFORMED, NULL, 0},
        {"name too long", START "0009 0010 0005 0003 03 6832", HELLO_MALFORMED, NULL, 0},
        {"behind the list", START "000a 0010 0006 0003 02 6832 00", HELLO_MALFORMED, NULL, 0},
    };

    (void)state;
    check_bodies(CASES, COUNT_OF(CASES));
}

static void parse_body(const char *hex, struct client_hello *hello, uint8_t *wire)
{
    size_t len = wrap_body(hex, wire);

    assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, hello), HELLO_OK);
}

static void test_alpn_walk(void **state)
{
    struct client_hello hello;
    uint8_t wire[WIRE_CAP];
    char joined[64];

    (void)state;
    parse_body(START "0011 0010 000d 000b 02 6832 02 fafa 01 00 02 fafb", &hello, wire);
    hello_join_alpn(&hello, joined, sizeof joined);
    assert_memory_equal(joined, "h2,\0,\xfa\xfb", 7);
    assert_true(hello_offers_alpn(&hello, "h2", 2));
    assert_true(hello_offers_alpn(&hello, "\0", 1));
    assert_false(hello_offers_alpn(&hello, "h", 1));
    assert_false(hello_offers_alpn(&hello, "h23", 3));
    assert_false(hello_offers_alpn(&hello, "", 0));
    assert_false(hello_offers_alpn(&hello, "\xfa\xfa", 2));

    parse_body(START "0000", &hello, wire);
    struct hello_alpn position = {0};
    uint8_t name[255];
    uint8_t len;
    assert_false(hello_alpn_next(&hello, &position, name, &len));
    assert_false(hello_alpn_next(&hello, &position, name, &len));
    assert_false(hello_offers_alpn(&hello, "h2", 2));
}

/* The versions offered, the highest of them, and whether they are legal at all. */
static void test_versions(void **state)
{
    static const struct {
        const char *body;
        enum hello_result result;
        uint16_t highest;
        uint8_t count;
        uint16_t first;
    } CASES[] = {
        {START "0007 002b 0003 02 0304", HELLO_OK, 0x0304, 1, 0x0304},
        {START "000b 002b 0007 06 5a5a 0303 0304", HELLO_OK, 0x0304, 2, 0x0303},
        {START "0009 002b 0005 04 7f17 0303", HELLO_OK, 0x0304, 2, 0x7f17},
        {START "0007 002b 0003 02 fafa", HELLO_OK, 0, 0, 0},
        {START "0007 002b 0003 02 0305", HELLO_OK, 0, 1, 0x0305},
        {START "0007 002b 0003 02 0300", HELLO_OK, 0x0300, 1, 0x0300},
        {START, HELLO_OK, 0x0303, 1, 0x0303},
        {"0300 " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_OK, 0x0300, 1, 0x0300},
        {"0304 " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_OK, 0x0303, 1, 0x0304},
        {"0462 " RANDOM "00 " SUITES NULL_COMPRESSION, HELLO_OK, 0x0303, 1, 0x0462},
        {START "0004 002b 0000", HELLO_MALFORMED, 0, 0, 0},
        {START "0005 002b 0001 00", HELLO_MALFORMED, 0, 0, 0},
        {START "0006 002b 0002 01 03", HELLO_MALFORMED, 0, 0, 0},
        {START "0008 002b 0004 03 0304 03", HELLO_MALFORMED, 0, 0, 0},
        {START "0007 002b 0003 04 0304", HELLO_MALFORMED, 0, 0, 0},
        {START "0009 002b 0005 02 0304 0303", HELLO_MALFORMED, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        uint8_t wire[WIRE_CAP];
        struct client_hello hello;
        size_t len = wrap_body(CASES[i].body, wire);
        hello_check_prefixes(CASES[i].body, wire, len, CASES[i].result);
        hello_check_recuts(CASES[i].body, wire, len);
        if (hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello) == HELLO_OK) {
            assert_int_equal(hello.highest_version, CASES[i].highest);
            assert_int_equal(hello.version_count, CASES[i].count);
            assert_int_equal(hello.versions[0], CASES[i].first);
        }
    }
}

static void test_many_versions(void **state)
{
    uint16_t versions[127];
    struct hello_spec spec;
    struct client_hello hello;
    uint8_t wire[WIRE_CAP];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        versions[i] = (uint16_t)(0x7f00 + i);
    versions[0] = 0x0301;
    hello_spec_init(&spec, "a.example");
    spec.versions = versions;
    spec.version_count = COUNT_OF(versions);
    spec.grease = false;
    size_t len = hello_build(&spec, wire, sizeof wire);
    assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello), HELLO_OK);
    assert_int_equal(hello.version_count, HELLO_VERSIONS_MAX);
    assert_int_equal(hello.versions[0], 0x0301);
    assert_int_equal(hello.versions[15], 0x7f0f);
    assert_int_equal(hello.highest_version, 0x0304);
}

static void test_flags(void **state)
{
    struct client_hello hello;
    uint8_t wire[WIRE_CAP];

    (void)state;
    parse_body(START "0008 fe0d 0000 002a 0000", &hello, wire);
    assert_true(hello.ech);
    assert_true(hello.early_data);
    parse_body(START "0008 fe0a 0000 0029 0000", &hello, wire);
    assert_false(hello.ech);
    assert_false(hello.early_data);
}

/* Types far apart and close by: linear work, and the one that comes twice is found at any place. */
static void test_thousands_of_extensions(void **state)
{
    static struct hello_extension many[15000];
    struct hello_spec spec;
    static uint8_t wire[WIRE_CAP];

    (void)state;
    hello_spec_init(&spec, "a.example");
    spec.grease = false;
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i].type = (uint16_t)(60000 - 3 * i);
    spec.extra = many;
    spec.extra_count = COUNT_OF(many);
    size_t len = hello_build(&spec, wire, sizeof wire);
    hello_check_prefixes("15000 extensions", wire, len, HELLO_OK);
    hello_check_recuts("15000 extensions", wire, len);
    for (size_t i = 0; i + 1 < COUNT_OF(many); i += 811) {
        uint16_t type = many[COUNT_OF(many) - 1].type;
        many[COUNT_OF(many) - 1].type = many[i].type;
        len = hello_build(&spec, wire, sizeof wire);
        hello_check_prefixes("a duplicate in 15000 extensions", wire, len, HELLO_MALFORMED);
        many[COUNT_OF(many) - 1].type = type;
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(hello_result_word(HELLO_OK), "ok");
    assert_string_equal(hello_result_word(HELLO_MORE), "more");
    assert_string_equal(hello_result_word(HELLO_NOT_TLS), "not_tls");
    assert_string_equal(hello_result_word(HELLO_MALFORMED), "malformed");
    assert_string_equal(hello_result_word(HELLO_TOO_LARGE), "too_large");
    assert_string_equal(hello_version_word(0x0300), "SSLv3");
    assert_string_equal(hello_version_word(0x0301), "TLSv1");
    assert_string_equal(hello_version_word(0x0302), "TLSv1.1");
    assert_string_equal(hello_version_word(0x0303), "TLSv1.2");
    assert_string_equal(hello_version_word(0x0304), "TLSv1.3");
    assert_null(hello_version_word(0x02ff));
    assert_null(hello_version_word(0x0305));
    unsigned grease = 0;
    for (uint32_t value = 0; value <= UINT16_MAX; value++)
        grease += hello_is_grease((uint16_t)value);
    assert_int_equal(grease, 16);
    assert_true(hello_is_grease(0x0a0a));
    assert_true(hello_is_grease(0xfafa));
    assert_false(hello_is_grease(0x0a1a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body),     cmocka_unit_test(test_server_name_lengths),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_name_lengths),
        cmocka_unit_test(test_alpn),     cmocka_unit_test(test_alpn_walk),
        cmocka_unit_test(test_versions), cmocka_unit_test(test_many_versions),
        cmocka_unit_test(test_flags),    cmocka_unit_test(test_thousands_of_extensions),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
