/* What real clients sent: read as tshark reads it, however it is cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/hello_check.h"
#include "test/support/hex.h"
#include "test/unit/data/captured_hellos.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void check_facts(const struct captured_hello *captured, const struct client_hello *hello)
{
    char alpn[256];

    hello_join_alpn(hello, alpn, sizeof alpn);
    assert_int_equal(hello->name, captured->name);
    assert_string_equal(hello->host, captured->host);
    assert_int_equal(hello->trailing_dot, captured->trailing_dot);
    assert_string_equal(alpn, captured->alpn);
    assert_int_equal(hello->legacy_version, captured->legacy_version);
    assert_int_equal(hello->highest_version, captured->highest_version);
    assert_int_equal(hello->version_count, captured->version_count);
    assert_int_equal(hello->ech, captured->ech);
    assert_int_equal(hello->early_data, captured->early_data);
    assert_int_equal(hello->records, 1);
}

static void test_captured(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CAPTURED_HELLOS); i++) {
        const struct captured_hello *captured = &CAPTURED_HELLOS[i];
        uint8_t wire[4096];
        struct client_hello hello;
        print_message("%s\n", captured->what);
        size_t len = hex_decode(captured->hex, wire, sizeof wire);
        assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello), HELLO_OK);
        check_facts(captured, &hello);
        assert_int_equal(hello.wire_bytes, len - captured->behind);
        hello_check_prefixes(captured->what, wire, len, HELLO_OK);
        hello_check_recuts(captured->what, wire, hello.wire_bytes);
    }
}

/* Any one byte wrong: whatever it then is, it is so for every way the bytes arrive. */
static void test_captured_with_one_byte_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CAPTURED_HELLOS); i++) {
        const struct captured_hello *captured = &CAPTURED_HELLOS[i];
        uint8_t wire[4096];
        struct client_hello hello;
        size_t len = hex_decode(captured->hex, wire, sizeof wire);
        for (size_t at = i; at < len; at += 17) {
            uint8_t right = wire[at];
            wire[at] ^= (uint8_t)(1u << at % 8);
            enum hello_result result = hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello);
            hello_check_prefixes(captured->what, wire, len, result);
            wire[at] = right;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured),
        cmocka_unit_test(test_captured_with_one_byte_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
