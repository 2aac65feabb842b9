/* Built hellos: what goes in comes out of the parser, at any size and in any cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sni/build.h"
#include "sni/hello.h"
#include "test/support/hello_check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define BUILD_CAP       70000

static uint8_t wire[BUILD_CAP];

/* Builds, parses, checks the lengths; returns the handshake message's length. */
static size_t must_build(const struct hello_spec *spec, struct client_hello *hello)
{
    size_t len = hello_build(spec, wire, sizeof wire);

    assert_true(len > 0);
    assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, hello), HELLO_OK);
    assert_int_equal(hello->wire_bytes, len);
    size_t message = (size_t)hello->handshake_bytes + 4;
    assert_int_equal(hello->records, (message + 16383) / 16384);
    return message;
}

/* Where the extension's header lies in a hello of one record, 0 = nowhere. */
static size_t find_extension(uint16_t type, size_t *end)
{
    size_t at = 5 + 4 + 2 + 32;

    at += 1 + (size_t)wire[at];
    at += 2 + ((size_t)wire[at] << 8 | wire[at + 1]);
    at += 1 + (size_t)wire[at];
    *end = at + 2 + ((size_t)wire[at] << 8 | wire[at + 1]);
    at += 2;
    while (at < *end) {
        if ((wire[at] << 8 | wire[at + 1]) == type)
            return at;
        at += 4 + ((size_t)wire[at + 2] << 8 | wire[at + 3]);
    }
    return 0;
}

static size_t extension_bytes(size_t at)
{
    return (size_t)wire[at + 2] << 8 | wire[at + 3];
}

static void test_default(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    char alpn[64];
    size_t end;

    (void)state;
    hello_spec_init(&spec, "Shop.Example.com");
    size_t message = must_build(&spec, &hello);
    assert_in_range(message, 1600, 1900);
    assert_string_equal(hello.host, "shop.example.com");
    hello_join_alpn(&hello, alpn, sizeof alpn);
    assert_string_equal(alpn, "h2,http/1.1");
    assert_int_equal(hello.version_count, 2);
    assert_int_equal(hello.versions[0], 0x0304);
    assert_int_equal(hello.versions[1], 0x0303);
    assert_true(hello.ech);
    assert_false(hello.early_data);
    assert_int_equal(extension_bytes(find_extension(51, &end)), 2 + 5 + 4 + 1216 + 4 + 32);
    hello_check_prefixes("default", wire, message + 5, HELLO_OK);
    hello_check_recuts("default", wire, message + 5);
}

static void test_without_this_and_that(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    size_t end;

    (void)state;
    hello_spec_init(&spec, NULL);
    spec.alpn = NULL;
    spec.versions = NULL;
    spec.ech_grease = false;
    spec.session_id_len = 0;
    spec.legacy_version = 0x0302;
    (void)must_build(&spec, &hello);
    assert_int_equal(hello.name, HELLO_NAME_NONE);
    assert_int_equal(hello.alpn_bytes, 0);
    assert_int_equal(hello.highest_version, 0x0302);
    assert_int_equal(hello.version_count, 1);
    assert_false(hello.ech);
    assert_int_equal(find_extension(51, &end), 0);
    assert_int_equal(wire[5 + 4 + 34], 0);

    spec.no_extensions = true;
    spec.legacy_version = 0x0300;
    spec.record_version = 0x0300;
    assert_in_range(must_build(&spec, &hello), 41, 100);
    assert_int_equal(wire[2], 0);
    assert_int_equal(hello.highest_version, 0x0300);
}

static void test_seeds(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    static uint8_t first[BUILD_CAP];

    (void)state;
    hello_spec_init(&spec, "a.example");
    size_t len = must_build(&spec, &hello) + 5;
    memcpy(first, wire, len);
    (void)must_build(&spec, &hello);
    assert_memory_equal(first, wire, len);
    for (spec.seed = 1; spec.seed < 300; spec.seed++) {
        assert_int_equal(must_build(&spec, &hello) + 5, len);
        assert_memory_not_equal(first, wire, len);
    }
}

static void test_exact_sizes(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;

    (void)state;
    hello_spec_init(&spec, "a.example");
    size_t natural = must_build(&spec, &hello);
    for (size_t total = natural + 4; total < natural + 40; total++) {
        spec.total_bytes = total;
        assert_int_equal(must_build(&spec, &hello), total);
    }
    static const size_t SIZES[] = {16383, 16384, 16385, 32768, 32769, 60000, 65535, 65540};
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        spec.total_bytes = SIZES[i];
        assert_int_equal(must_build(&spec, &hello), SIZES[i]);
    }
    spec.total_bytes = natural;
    assert_int_equal(must_build(&spec, &hello), natural);
    spec.total_bytes = natural + 1;
    assert_int_equal(must_build(&spec, &hello), natural + 4);
}

static void test_tickets(void **state)
{
    static const size_t TICKETS[] = {1, 192, 16384, 61440};
    struct hello_spec spec;
    struct client_hello hello;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(TICKETS); i++) {
        hello_spec_init(&spec, "a.example");
        spec.ticket_bytes = TICKETS[i];
        spec.total_bytes = TICKETS[i] + 3000;
        size_t message = must_build(&spec, &hello);
        assert_int_equal(message, TICKETS[i] + 3000);
        hello_check_recuts("ticket", wire, hello.wire_bytes);
        if (hello.records == 1) { /* pre_shared_key is the last */
            size_t end;
            size_t at = find_extension(41, &end);
            assert_true(at > 0);
            assert_int_equal(at + 4 + extension_bytes(at), end);
            assert_int_equal(end, message + 5);
        }
    }
    hello_spec_init(&spec, "a.example");
    spec.versions = NULL;
    spec.ticket_bytes = 300;
    (void)must_build(&spec, &hello);
    size_t end;
    assert_int_equal(extension_bytes(find_extension(35, &end)), 300);
    assert_int_equal(find_extension(41, &end), 0);
}

static void test_extra_extensions(void **state)
{
    static const uint8_t DATA[] = {1, 2, 3};
    const struct hello_extension extra[] = {{0x1234, sizeof DATA, DATA}, {42, 0, NULL}};
    struct hello_spec spec;
    struct client_hello hello;
    size_t end;

    (void)state;
    hello_spec_init(&spec, "a.example");
    spec.extra = extra;
    spec.extra_count = COUNT_OF(extra);
    (void)must_build(&spec, &hello);
    assert_true(hello.early_data);
    size_t at = find_extension(0x1234, &end);
    assert_int_equal(extension_bytes(at), sizeof DATA);
    assert_memory_equal(wire + at + 4, DATA, sizeof DATA);
}

static void test_impossible(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;

    (void)state;
    hello_spec_init(&spec, "a.example");
    size_t len = must_build(&spec, &hello) + 5;
    for (size_t cap = 0; cap < len; cap++)
        assert_int_equal(hello_build(&spec, wire, cap), 0);
    assert_int_equal(hello_build(&spec, wire, len), len);
    spec.total_bytes = 66000;
    assert_int_equal(hello_build(&spec, wire, sizeof wire), 0);
    spec.total_bytes = 0;
    spec.ticket_bytes = 65536;
    assert_int_equal(hello_build(&spec, wire, sizeof wire), 0);
    spec.ticket_bytes = 0;
    spec.session_id_len = 33;
    assert_int_equal(hello_build(&spec, wire, sizeof wire), 0);
    spec.session_id_len = 0;
    spec.no_extensions = true;
    spec.total_bytes = 500;
    assert_int_equal(hello_build(&spec, wire, sizeof wire), 0);
}

static void test_records(void **state)
{
    static const uint8_t MESSAGE[] = {1, 2, 3, 4, 5, 6, 7};
    static const uint8_t WRAPPED[] = {22, 3, 2, 0,  1, 1, 22, 3, 2, 0, 3,
                                      2,  3, 4, 22, 3, 2, 0,  3, 5, 6, 7};
    const size_t cuts[] = {1, 3};
    const size_t none[] = {1, 0};
    const size_t above[] = {16385};
    uint8_t out[sizeof WRAPPED];

    (void)state;
    assert_int_equal(hello_wrap_records(MESSAGE, 7, 0x0302, cuts, 2, out, sizeof out),
                     sizeof WRAPPED);
    assert_memory_equal(out, WRAPPED, sizeof WRAPPED);
    assert_int_equal(hello_wrap_records(MESSAGE, 7, 0x0302, cuts, 2, out, sizeof out - 1), 0);
    assert_int_equal(hello_wrap_records(MESSAGE, 7, 0x0302, none, 2, out, sizeof out), 0);
    assert_int_equal(hello_wrap_records(MESSAGE, 7, 0x0302, above, 1, out, sizeof out), 0);
    assert_int_equal(hello_wrap_records(MESSAGE, 7, 0x0302, NULL, 0, out, sizeof out), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),    cmocka_unit_test(test_without_this_and_that),
        cmocka_unit_test(test_seeds),      cmocka_unit_test(test_exact_sizes),
        cmocka_unit_test(test_tickets),    cmocka_unit_test(test_extra_extensions),
        cmocka_unit_test(test_impossible), cmocka_unit_test(test_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
