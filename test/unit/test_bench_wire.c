/* Request, banner, trailer and pattern: what is written is read, at every cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/wire.h"

static void test_request_comes_back(void **state)
{
    uint8_t bytes[WIRE_REQUEST_BYTES];
    struct wire_request written = {.mode = WIRE_REQUEST,
                                   .flags = WIRE_PATTERN | WIRE_TRAILER,
                                   .seed = 0x0123456789abcdef,
                                   .up_bytes = 100,
                                   .down_bytes = UINT64_MAX - 1};
    struct wire_request read;

    (void)state;
    wire_write_request(&written, bytes);
    assert_true(wire_read_request(bytes, &read));
    assert_int_equal(read.mode, written.mode);
    assert_int_equal(read.flags, written.flags);
    assert_int_equal(read.seed, written.seed);
    assert_int_equal(read.up_bytes, written.up_bytes);
    assert_int_equal(read.down_bytes, written.down_bytes);
}

static void test_request_that_is_none(void **state)
{
    uint8_t good[WIRE_REQUEST_BYTES];
    struct wire_request request = {.mode = WIRE_ECHO};

    (void)state;
    wire_write_request(&request, good);
    for (size_t i = 0; i < 5; i++) {
        uint8_t bad[WIRE_REQUEST_BYTES];
        memcpy(bad, good, sizeof bad);
        bad[i] ^= 0x40;
        assert_false(wire_read_request(bad, &request));
    }
    good[5] = 0;
    assert_false(wire_read_request(good, &request));
    good[5] = WIRE_REQUEST + 1;
    assert_false(wire_read_request(good, &request));
    /* Requests of no bytes would be endless. */
    good[5] = WIRE_REQUEST;
    assert_false(wire_read_request(good, &request));
}

static void check_banner_cut(const uint8_t *bytes, size_t len, size_t cut, const char *name)
{
    struct wire_banner banner = {0};
    size_t used;

    if (cut > 0) {
        assert_int_equal(wire_feed_banner(&banner, bytes, cut, &used), WIRE_MORE);
        assert_int_equal(used, cut);
    }
    assert_int_equal(wire_feed_banner(&banner, bytes + cut, len + 3 - cut, &used), WIRE_WHOLE);
    assert_int_equal(used, len - cut);
    assert_string_equal(banner.name, name);
    assert_int_equal(banner.flags, WIRE_MISROUTED);
}

static void test_banner_at_every_cut(void **state)
{
    static const char *const names[] = {"", "a", "shop.example.com"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t bytes[WIRE_BANNER_HEAD + WIRE_NAME_MAX + 3] = {0};
        size_t len = wire_write_banner(WIRE_MISROUTED, names[i], bytes);
        for (size_t cut = 0; cut < len; cut++)
            check_banner_cut(bytes, len, cut, names[i]);
    }
}

static void test_banner_longest_name(void **state)
{
    char name[400];
    uint8_t bytes[WIRE_BANNER_HEAD + WIRE_NAME_MAX];
    struct wire_banner banner = {0};
    size_t used;

    (void)state;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    size_t len = wire_write_banner(0, name, bytes);
    assert_int_equal(len, sizeof bytes);
    assert_int_equal(wire_feed_banner(&banner, bytes, len, &used), WIRE_WHOLE);
    assert_int_equal(strlen(banner.name), WIRE_NAME_MAX);
}

static void test_banner_of_another_protocol(void **state)
{
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 112};
    struct wire_banner banner = {0};
    size_t used;

    (void)state;
    assert_int_equal(wire_feed_banner(&banner, alert, sizeof alert, &used), WIRE_BAD);
    memset(&banner, 0, sizeof banner);
    assert_int_equal(wire_feed_banner(&banner, alert, 1, &used), WIRE_BAD);
    memset(&banner, 0, sizeof banner);
    assert_int_equal(wire_feed_banner(&banner, (const uint8_t *)"SNIr\x02\0\0\0", 8, &used),
                     WIRE_BAD);
    memset(&banner, 0, sizeof banner);
    assert_int_equal(wire_feed_banner(&banner, (const uint8_t *)"SNIr\x01\0\x01\0", 8, &used),
                     WIRE_BAD);
}

static void test_trailer_comes_back(void **state)
{
    uint8_t bytes[WIRE_TRAILER_BYTES];
    struct wire_trailer written = {.corrupt = true, .received = 1ull << 40, .first_bad = 77};
    struct wire_trailer read;

    (void)state;
    wire_write_trailer(&written, bytes);
    assert_true(wire_read_trailer(bytes, &read));
    assert_true(read.corrupt);
    assert_int_equal(read.received, written.received);
    assert_int_equal(read.first_bad, 77);
    bytes[0] = 'x';
    assert_false(wire_read_trailer(bytes, &read));
}

static void test_pattern_is_the_same_in_any_pieces(void **state)
{
    uint8_t whole[1000];
    uint8_t piece[1000];

    (void)state;
    wire_pattern_fill(42, 5, whole, sizeof whole);
    for (size_t at = 0; at < 40; at++) {
        for (size_t len = 0; len < 40; len++) {
            wire_pattern_fill(42, 5 + at, piece, len);
            assert_memory_equal(piece, whole + at, len);
        }
    }
}

static void test_pattern_check_finds_the_first_wrong_byte(void **state)
{
    uint8_t bytes[257];

    (void)state;
    for (size_t wrong = 0; wrong < sizeof bytes; wrong++) {
        wire_pattern_fill(7, 3, bytes, sizeof bytes);
        assert_int_equal(wire_pattern_check(7, 3, bytes, sizeof bytes), sizeof bytes);
        bytes[wrong] ^= 1;
        bytes[sizeof bytes - 1] ^= 2;
        assert_int_equal(wire_pattern_check(7, 3, bytes, sizeof bytes), wrong);
    }
}

static void test_patterns_differ(void **state)
{
    uint8_t up[64];

    (void)state;
    wire_pattern_fill(7, 0, up, sizeof up);
    assert_true(wire_pattern_check(8, 0, up, sizeof up) < 8);
    assert_true(wire_pattern_check(wire_down_seed(7), 0, up, sizeof up) < 8);
    assert_true(wire_pattern_check(7, 8, up, sizeof up) < 8);
    assert_true(wire_pattern_check(7, 1, up, sizeof up) < 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_comes_back),
        cmocka_unit_test(test_request_that_is_none),
        cmocka_unit_test(test_banner_at_every_cut),
        cmocka_unit_test(test_banner_longest_name),
        cmocka_unit_test(test_banner_of_another_protocol),
        cmocka_unit_test(test_trailer_comes_back),
        cmocka_unit_test(test_pattern_is_the_same_in_any_pieces),
        cmocka_unit_test(test_pattern_check_finds_the_first_wrong_byte),
        cmocka_unit_test(test_patterns_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
