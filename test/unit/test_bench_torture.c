/*
 * The catalogue of the mode torture: every flight is what its case says it is.
 *
 * What a router of this project would read in a flight is asked of sni/; that routers really do as
 * the catalogue says is what the end-to-end test shows.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench/torture.h"
#include "sni/hello.h"

#define NAME  "bench.test"
#define OTHER "other.bench.test"

static void build(const struct torture_case *one, struct flight *flight)
{
    *flight = (struct flight){
        .bytes = malloc(TORTURE_FLIGHT_BYTES), .name = NAME, .other = OTHER, .seed = 7};
    assert_non_null(flight->bytes);
    one->build(flight);
    assert_false(flight->failed);
    assert_true(flight->cut < flight->len || flight->cut == 0);
}

static bool is_silent(const struct torture_case *one)
{
    return strcmp(one->name, "silence") == 0 || strcmp(one->name, "fin-at-once") == 0;
}

static const struct torture_case *find_case(const char *name)
{
    const struct torture_case *one = torture_cases;

    while (one->name != NULL && strcmp(one->name, name) != 0)
        one++;
    assert_non_null(one->name);
    return one;
}

static void names_are_unique_and_reasons_given(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++) {
        for (const struct torture_case *next = one + 1; next->name != NULL; next++)
            assert_string_not_equal(one->name, next->name);
        assert_true(strncmp(one->why, "RFC ", 4) == 0 || strncmp(one->why, "P", 1) == 0);
        assert_null(strchr(one->what, '|'));
        assert_null(strchr(one->why, '|'));
        count++;
    }
    assert_true(count > 70);
}

/* The best is one of what may be, never to be held; an alert has a number. */
static void expectations_make_sense(void **state)
{
    (void)state;
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++) {
        assert_int_equal(one->best & ~one->may, 0);
        assert_int_not_equal(one->best, 0);
        assert_int_equal(one->may & TORTURE_HELD, 0);
        assert_int_equal((one->best & TORTURE_ALERT) != 0, one->alerts[0] != 0);
        bool both = (one->may & TORTURE_ROUTED) != 0 && (one->may & TORTURE_OTHER) != 0;
        assert_false(both);
    }
}

static void flights_are_the_same_again(void **state)
{
    (void)state;
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++) {
        struct flight first;
        struct flight second;
        build(one, &first);
        build(one, &second);
        assert_int_equal(first.len == 0, is_silent(one));
        assert_int_equal(first.len, second.len);
        assert_memory_equal(first.bytes, second.bytes, first.len);
        free(first.bytes);
        free(second.bytes);
    }
}

/* What must be routed asks for the name; what must be refused does not, in a legal hello. */
static void flights_read_as_expected(void **state)
{
    (void)state;
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++) {
        struct flight flight;
        struct client_hello hello;
        build(one, &flight);
        enum hello_result result =
            hello_parse(flight.bytes, flight.len, HELLO_LIMIT_DEFAULT, &hello);
        bool named = result == HELLO_OK && hello.name == HELLO_NAME_HOST;
        bool stops = one->play != play_whole && one->play != play_in_two;
        if (one->may == TORTURE_ROUTED || one->best == TORTURE_ROUTED) {
            assert_true(named);
            assert_string_equal(hello.host, NAME);
        } else if (one->may == TORTURE_OTHER) {
            assert_true(named);
            assert_string_equal(hello.host, OTHER);
        } else if (!stops) {
            assert_false(named &&
                         (strcmp(hello.host, NAME) == 0 || strcmp(hello.host, OTHER) == 0));
        }
        free(flight.bytes);
    }
}

static enum hello_result parse(const char *name, struct client_hello *hello, size_t *len)
{
    struct flight flight;

    build(find_case(name), &flight);
    enum hello_result result = hello_parse(flight.bytes, flight.len, HELLO_LIMIT_DEFAULT, hello);
    *len = flight.len;
    free(flight.bytes);
    return result;
}

static void each_is_broken_where_it_says(void **state)
{
    static const struct {
        const char *name;
        const char *why;
    } rows[] = {
        {"two-names", "two host names"},
        {"duplicate-server-name", "an extension comes twice"},
        {"duplicate-unknown", "an extension comes twice"},
        {"empty-name", "the host name is empty"},
        {"empty-list", "the length of the server name list is wrong"},
        {"empty-server-name", "the length of the server name list is wrong"},
        {"nul-in-name", "the host name is illegal"},
        {"line-break-in-name", "the host name is illegal"},
        {"wildcard-name", "the host name is illegal"},
        {"double-dot", "the host name is illegal"},
        {"long-label", "the host name is illegal"},
        {"long-name", "the host name is too long"},
        {"name-too-long", "the length of a server name is wrong"},
        {"list-too-long", "the length of the server name list is wrong"},
        {"list-too-short", "the length of the server name list is wrong"},
        {"extension-too-long", "the length of an extension is wrong"},
        {"extensions-too-long", "the length of the extensions is wrong"},
        {"extensions-too-short", "the length of the extensions is wrong"},
        {"long-session-id", "the session id is longer than 32 bytes"},
        {"odd-ciphers", "the length of the cipher suites is wrong"},
        {"interleaved-alert", "a record that is not a TLS handshake record interrupts the hello"},
        {"empty-record", "a handshake record is empty"},
        {"large-record", "a record is longer than 16384 bytes"},
        {"server-hello", "the first handshake message is not a ClientHello"},
        {"announced-16m", "the announced length exceeds the limit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client_hello hello;
        size_t len;
        enum hello_result result = parse(rows[i].name, &hello, &len);
        assert_true(result == HELLO_MALFORMED || result == HELLO_TOO_LARGE);
        assert_string_equal(hello.why, rows[i].why);
    }
}

static void shapes_are_what_they_are_called(void **state)
{
    struct client_hello hello;
    size_t len;

    (void)state;
    assert_int_equal(parse("one-byte-records", &hello, &len), HELLO_OK);
    assert_int_equal(hello.records, hello.handshake_bytes + 4);
    assert_int_equal(parse("record-cut-in-name", &hello, &len), HELLO_OK);
    assert_int_equal(hello.records, 2);
    assert_int_equal(parse("post-quantum", &hello, &len), HELLO_OK);
    assert_true(hello.ech && len > 1700);
    assert_int_equal(parse("grease-ech", &hello, &len), HELLO_OK);
    assert_true(hello.ech);
    assert_int_equal(parse("plain", &hello, &len), HELLO_OK);
    assert_false(hello.ech);
    assert_int_equal(parse("early-data", &hello, &len), HELLO_OK);
    assert_true(hello.early_data && len > hello.wire_bytes + 3000);
    assert_int_equal(parse("bytes-behind", &hello, &len), HELLO_OK);
    assert_int_equal(len - hello.wire_bytes, 256 * 1024);
    assert_int_equal(parse("ticket-60k", &hello, &len), HELLO_OK);
    assert_true(hello.handshake_bytes > 60 * 1024);
    assert_int_equal(parse("trailing-dot", &hello, &len), HELLO_OK);
    assert_true(hello.trailing_dot);
    assert_int_equal(parse("no-sni", &hello, &len), HELLO_OK);
    assert_int_equal(hello.name, HELLO_NAME_NONE);
    assert_int_equal(parse("ipv6-literal", &hello, &len), HELLO_OK);
    assert_int_equal(hello.name, HELLO_NAME_IP);
    assert_int_equal(parse("longest-name", &hello, &len), HELLO_OK);
    assert_int_equal(hello.host_len, 253);
    assert_int_equal(parse("sslv2", &hello, &len), HELLO_NOT_TLS);
    assert_int_equal(len, 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_reasons_given),
        cmocka_unit_test(expectations_make_sense),
        cmocka_unit_test(flights_are_the_same_again),
        cmocka_unit_test(flights_read_as_expected),
        cmocka_unit_test(each_is_broken_where_it_says),
        cmocka_unit_test(shapes_are_what_they_are_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
