/*
 * What is judged from record headers and announced lengths, before the message is whole; what lies
 * behind the hello; and how much a caller is told to wait for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sni/build.h"
#include "sni/hello.h"
#include "test/support/hello_check.h"
#include "test/support/hex.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define WIRE_CAP        420000

/* Bytes on the wire; `at` is the shortest beginning that already tells, 0 = not the whole either.
 */
struct wire_case {
    const char *hex;
    enum hello_result result;
    size_t at;
};

static void check_wire(const struct wire_case *wire_case)
{
    uint8_t wire[512];
    struct client_hello hello;
    size_t len = hex_decode(wire_case->hex, wire, sizeof wire);

    hello_check_prefixes(wire_case->hex, wire, len, wire_case->result);
    for (size_t prefix = 0; prefix <= len; prefix++) {
        bool told = hello_parse(wire, prefix, HELLO_LIMIT_DEFAULT, &hello) != HELLO_MORE;
        bool expected = wire_case->at != 0 && prefix >= wire_case->at;
        if (told != expected)
            fail_msg("%s: told at %zu bytes: %d", wire_case->hex, prefix, told);
    }
}

static void test_judged_early(void **state)
{
    static const struct wire_case CASES[] = {
        /* plain text, SSLv2, other records, DTLS */
        {"47 45 54 20 2f", HELLO_NOT_TLS, 1},
        {"53 53 48 2d 32 2e 30", HELLO_NOT_TLS, 1},
        {"80 2e 01 00 02 00 15", HELLO_NOT_TLS, 1},
        {"00", HELLO_NOT_TLS, 1},
        {"15 03 01 00 02 02 28", HELLO_NOT_TLS, 1},
        {"17 03 03 00 02 02 28", HELLO_NOT_TLS, 1},
        {"16 02 00 00 05", HELLO_NOT_TLS, 2},
        {"16 fe fd 00 00", HELLO_NOT_TLS, 2},
        /* the record's length */
        {"16 03 01 00 00", HELLO_MALFORMED, 5},
        {"16 03 01 40 01", HELLO_MALFORMED, 5},
        {"16 03 01 ff ff 01", HELLO_MALFORMED, 5},
        {"16 03 01 40 00", HELLO_MORE, 0},
        /* any minor version */
        {"16 03 00 01 00 01", HELLO_MORE, 0},
        {"16 03 04 01 00 01", HELLO_MORE, 0},
        {"16 03 ff 01 00 01", HELLO_MORE, 0},
        /* the message type */
        {"16 03 01 00 04 0e 00 00 00", HELLO_MALFORMED, 6},
        {"16 03 03 00 50 02 00 00 4c", HELLO_MALFORMED, 6},
        {"16 03 01 00 04 00 00 00 00", HELLO_MALFORMED, 6},
        /* the announced length, whole and in pieces */
        {"16 03 01 01 00 01 00 ff ff", HELLO_MORE, 0},
        {"16 03 01 01 00 01 01 00 00", HELLO_MORE, 0},
        {"16 03 01 01 00 01 01 00 01", HELLO_TOO_LARGE, 9},
        {"16 03 01 01 00 01 ff ff ff 03", HELLO_TOO_LARGE, 9},
        {"16 03 01 00 01 01 16 03 01 00 03 ff ff ff", HELLO_TOO_LARGE, 14},
        {"16 03 01 00 02 01 00 16 03 01 00 02 00 01 16", HELLO_MORE, 0},
        /* a body too short is judged when it is there */
        {"16 03 01 00 04 01 00 00 00", HELLO_MALFORMED, 9},
        {"16 03 01 00 05 01 00 00 01 03", HELLO_MALFORMED, 10},
        /* what may not interrupt the hello */
        {"16 03 01 00 01 01 15 03 01 00 02 01 00", HELLO_MALFORMED, 7},
        {"16 03 01 00 01 01 14 03 03 00 01 01", HELLO_MALFORMED, 7},
        {"16 03 01 00 01 01 17 03 03 00 01 01", HELLO_MALFORMED, 7},
        {"16 03 01 00 01 01 16 02 01 00 01 01", HELLO_MALFORMED, 8},
        {"16 03 01 00 01 01 16 03 01 00 00", HELLO_MALFORMED, 11},
        {"16 03 01 00 01 01 16 03 01 40 01", HELLO_MALFORMED, 11},
        {"16 03 01 00 08 01 00 00 50 03 03 00 00 47 45 54", HELLO_MALFORMED, 14},
        {"16 03 01 00 01 01 16 03 03 00 01 00", HELLO_MORE, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        check_wire(&CASES[i]);
}

static void test_nothing_yet(void **state)
{
    struct client_hello hello;

    (void)state;
    assert_int_equal(hello_parse(NULL, 0, HELLO_LIMIT_DEFAULT, &hello), HELLO_MORE);
    assert_int_equal(hello.need, 1);
}

static void test_need(void **state)
{
    static const struct {
        const char *hex;
        size_t need;
    } CASES[] = {
        {"16", 5},
        {"16 03 01 00", 5},
        {"16 03 01 01 00", 9}, /* the message's header */
        {"16 03 01 01 00 01 00", 9},
        {"16 03 01 00 02", 14},                            /* two payload bytes, then two more */
        {"16 03 01 01 00 01 00 00 fc", 261},               /* ends with its record */
        {"16 03 01 01 00 01 00 00 80", 137},               /* ends within its record */
        {"16 03 01 01 00 01 00 00 fd", 267},               /* one byte in another record */
        {"16 03 01 01 00 01 00 40 fc", 261 + 5 + 16384},   /* a full record more */
        {"16 03 01 01 00 01 00 40 fd", 261 + 10 + 16385},  /* and one byte in another */
        {"16 03 01 01 00 01 01 00 00", 261 + 20 + 65284},  /* three and a part */
        {"16 03 01 00 01 01 16", 14},                      /* three more bytes of the header */
        {"16 03 01 00 04 01 00 00 80 16 03", 9 + 5 + 128}, /* the next header is cut */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        uint8_t wire[64];
        struct client_hello hello;
        size_t len = hex_decode(CASES[i].hex, wire, sizeof wire);
        assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello), HELLO_MORE);
        if (hello.need != CASES[i].need)
            fail_msg("%s: needs %zu, expected %zu", CASES[i].hex, hello.need, CASES[i].need);
    }
}

static void test_limit(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    static uint8_t wire[WIRE_CAP];

    (void)state;
    hello_spec_init(&spec, "a.example");
    spec.total_bytes = 5000;
    size_t len = hello_build(&spec, wire, sizeof wire);
    assert_int_equal(hello_parse(wire, len, 4996, &hello), HELLO_OK);
    assert_int_equal(hello.handshake_bytes, 4996);
    assert_int_equal(hello_parse(wire, len, 4995, &hello), HELLO_TOO_LARGE);
    assert_int_equal(hello_parse(wire, 9, 4995, &hello), HELLO_TOO_LARGE);
    assert_int_equal(hello_parse(wire, 8, 4995, &hello), HELLO_MORE);
    assert_int_equal(hello_parse(wire, len, 0, &hello), HELLO_TOO_LARGE);
    assert_int_equal(hello_wire_limit(HELLO_LIMIT_DEFAULT), 6 * 65536 + 64);
}

/* The largest legal hello in the smallest records fits what hello_wire_limit() promises. */
static void test_largest_in_smallest_records(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    static uint8_t message[70000];
    static uint8_t wire[WIRE_CAP];
    const size_t one = 1;

    (void)state;
    hello_spec_init(&spec, "a.example");
    spec.total_bytes = HELLO_LIMIT_DEFAULT + 4;
    size_t message_len = hello_build_handshake(&spec, message, sizeof message);
    assert_int_equal(message_len, HELLO_LIMIT_DEFAULT + 4);
    size_t len = hello_wrap_records(message, message_len, 0x0303, &one, 1, wire, sizeof wire);
    assert_true(len <= hello_wire_limit(HELLO_LIMIT_DEFAULT));
    assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello), HELLO_OK);
    assert_int_equal(hello.records, message_len);
    assert_int_equal(hello.wire_bytes, len);
    assert_string_equal(hello.host, "a.example");
    assert_int_equal(hello_parse(wire, len - 1, HELLO_LIMIT_DEFAULT, &hello), HELLO_MORE);
    assert_int_equal(hello.need, len);
}

/* A caller that sleeps until `need` bytes are there wakes up seldom, even for one-byte records. */
static void test_few_wakeups(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    static uint8_t message[70000];
    static uint8_t wire[WIRE_CAP];

    (void)state;
    hello_spec_init(&spec, "a.example");
    spec.total_bytes = 60000;
    size_t message_len = hello_build_handshake(&spec, message, sizeof message);
    for (size_t cut = 1; cut <= 16384; cut = cut * 2) {
        size_t len = hello_wrap_records(message, message_len, 0x0303, &cut, 1, wire, sizeof wire);
        size_t there = 0;
        unsigned wakeups = 0;
        while (hello_parse(wire, there, HELLO_LIMIT_DEFAULT, &hello) == HELLO_MORE) {
            assert_true(hello.need > there && hello.need <= len);
            there = hello.need;
            wakeups++;
        }
        assert_int_equal(there, len);
        assert_true(wakeups <= (cut == 1 ? 80 : cut < 8 ? 50 : 20));
    }
}

static void test_bytes_behind(void **state)
{
    static const char *const BEHIND[] = {
        "14 03 03 00 01 01",                     /* ChangeCipherSpec of the compatibility mode */
        "17 03 03 00 05 aa bb cc dd ee",         /* early data */
        "16 03 03 00 00", "00 00 00 00 00", "15" /* whatever it is */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(BEHIND); i++) {
        struct hello_spec spec;
        struct client_hello hello;
        uint8_t wire[4096];
        hello_spec_init(&spec, "a.example");
        size_t len = hello_build(&spec, wire, sizeof wire);
        size_t behind = hex_decode(BEHIND[i], wire + len, sizeof wire - len);
        hello_check_prefixes(BEHIND[i], wire, len + behind, HELLO_OK);
        assert_int_equal(hello_parse(wire, len + behind, HELLO_LIMIT_DEFAULT, &hello), HELLO_OK);
        assert_int_equal(hello.wire_bytes, len);
    }
}

/* The last record goes on behind the hello: another message, or just bytes. */
static void test_bytes_behind_in_the_record(void **state)
{
    struct hello_spec spec;
    struct client_hello hello;
    uint8_t message[4096] = {0};
    uint8_t wire[8192];
    const size_t cuts[] = {7, 100, 16384};

    (void)state;
    hello_spec_init(&spec, "a.example");
    size_t message_len = hello_build_handshake(&spec, message, sizeof message - 50);
    for (size_t first = 0; first < COUNT_OF(cuts); first++) {
        size_t len = hello_wrap_records(message, message_len + 50, 0x0301, cuts + first,
                                        COUNT_OF(cuts) - first, wire, sizeof wire);
        hello_check_prefixes("record goes on", wire, len, HELLO_OK);
        assert_int_equal(hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello), HELLO_OK);
        assert_int_equal(hello.wire_bytes, len - 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judged_early),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_need),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_largest_in_smallest_records),
        cmocka_unit_test(test_few_wakeups),
        cmocka_unit_test(test_bytes_behind),
        cmocka_unit_test(test_bytes_behind_in_the_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
