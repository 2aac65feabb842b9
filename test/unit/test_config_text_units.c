/* Numbers with units: exact ones, scaled ones, and how they are printed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/text/units.h"
#include "test/support/guard_page.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void test_whole_numbers(void **state)
{
    static const struct {
        const char *text;
        long largest, value;
    } ROWS[] = {
        {"0", 65535, 0},       {"65535", 65535, 65535},
        {"65536", 65535, -1},  {"99999", 65535, -1},
        {"00443", 65535, 443}, {"000443", 65535, -1},
        {"", 65535, -1},       {"-1", 65535, -1},
        {"+1", 65535, -1},     {"1x", 65535, -1},
        {" 1", 65535, -1},     {"32", 32, 32},
        {"33", 32, -1},        {"9", 9, 9},
        {"10", 9, -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        if (units_whole(ROWS[i].text, ROWS[i].largest) != ROWS[i].value)
            fail_msg("'%s' up to %ld", ROWS[i].text, ROWS[i].largest);
    }
}

static void test_exact_durations(void **state)
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

static void test_exact_sizes(void **state)
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

#define REFUSED UINT64_MAX

struct whole_row {
    const char *text;
    uint64_t value; /* REFUSED = must not parse */
};

static void check_rows(const struct whole_row *rows, size_t count,
                       bool (*parse)(const char *, uint64_t *))
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        bool good = parse(rows[i].text, &value);
        if (good != (rows[i].value != REFUSED) || (good && value != rows[i].value))
            fail_msg("'%s' gave %d, %llu", rows[i].text, good, (unsigned long long)value);
    }
}

static void test_counts(void **state)
{
    static const struct whole_row rows[] = {
        {"0", 0},
        {"64", 64},
        {"2k", 2000},
        {"2K", 2000},
        {"1.5m", 1500000},
        {"1g", 1000000000},
        {"0.0005k", REFUSED},
        {"1.5", REFUSED},
        {"", REFUSED},
        {"k", REFUSED},
        {"-1", REFUSED},
        {"+1", REFUSED},
        {"1e3", REFUSED},
        {"0x10", REFUSED},
        {"1 k", REFUSED},
        {"1kk", REFUSED},
        {"1..5k", REFUSED},
        {"nan", REFUSED},
        {"inf", REFUSED},
        {"99999999999999999999", REFUSED},
        {".5k", REFUSED},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0], units_parse_count);
}

static void test_sizes(void **state)
{
    static const struct whole_row rows[] = {
        {"100", 100},    {"1k", 1024},       {"64k", 65536},    {"1.5k", 1536},
        {"1m", 1048576}, {"1g", 1073741824}, {"16KiB", 16384},  {"16kb", 16384},
        {"12b", 12},     {"1s", REFUSED},    {"0.3b", REFUSED}, {"0", 0},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0], units_parse_size);
}

static void test_times(void **state)
{
    static const struct whole_row rows[] = {
        {"5ns", 5},           {"250us", 250000},     {"1.5ms", 1500000}, {"10s", 10000000000},
        {"2m", 120000000000}, {"1h", 3600000000000}, {"0", 0},           {"0s", 0},
        {"10", REFUSED},      {"1.5ns", REFUSED},    {"10 s", REFUSED},  {"s", REFUSED},
        {"10d", REFUSED},     {"10S", 10000000000},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0], units_parse_time);
}

static void test_rates(void **state)
{
    double rate = 0;

    (void)state;
    assert_true(units_parse_rate("0.5", &rate) && rate == 0.5);
    assert_true(units_parse_rate("5k", &rate) && rate == 5000.0);
    assert_true(units_parse_rate("2.5k/s", &rate) && rate == 2500.0);
    assert_false(units_parse_rate("fast", &rate));
    assert_false(units_parse_rate("5k/h", &rate));
    assert_false(units_parse_rate("/s", &rate));
    assert_false(units_parse_rate("123456789012345678901234567890123456789", &rate));
    assert_true(units_parse_speed("1.3k/s", &rate) && rate == 1.3 * 1024);
    assert_true(units_parse_speed("100MB", &rate) && rate == 104857600.0);
    assert_true(units_parse_speed("2Gbit/s", &rate) && rate == 250e6);
    assert_false(units_parse_speed("2gbits", &rate));
    assert_false(units_parse_speed("fast", &rate));
}

static void test_formats(void **state)
{
    char text[UNITS_TEXT];

    (void)state;
    assert_string_equal(units_format_time(0, text), "0 ns");
    assert_string_equal(units_format_time(999, text), "999 ns");
    assert_string_equal(units_format_time(12345, text), "12.3 us");
    assert_string_equal(units_format_time(999960, text), "1.00 ms");
    assert_string_equal(units_format_time(1.25e9, text), "1.25 s");
    assert_string_equal(units_format_time(600e9, text), "10.0 min");
    assert_string_equal(units_format_bytes(1536, text), "1.50 KiB");
    assert_string_equal(units_format_bits(1.25e9, text), "10.0 Gbit/s");
    assert_string_equal(units_format_count(64, text), "64");
    assert_string_equal(units_format_count(12345, text), "12.3k");
    assert_string_equal(units_format_count(1e6, text), "1.00M");
}

/* Whatever a text is cut to, nothing is read behind its NUL, and what is refused has a reason. */
static void test_every_cut(void **state)
{
    static const char *const TEXTS[] = {"1d2h3m4s5ms", "999999999d", "64k",
                                        "4095m",       "1.5gib/s",   "-"};
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 64);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        for (size_t len = 0; len <= strlen(TEXTS[i]); len++) {
            char text[32];
            struct problem problem = {""};
            uint64_t number;
            uint32_t bytes;
            double real;

            snprintf(text, sizeof text, "%.*s", (int)len, TEXTS[i]);
            const char *at = (const char *)guard_page_place(&guard, (const uint8_t *)text, len + 1);
            bool taken = units_exact_duration(at, &number, &problem);
            assert_int_equal(taken, problem.text[0] == '\0');
            problem.text[0] = '\0';
            taken = units_exact_size(at, &bytes, &problem);
            assert_int_equal(taken, problem.text[0] == '\0');
            units_whole(at, 65535);
            units_parse_count(at, &number);
            units_parse_size(at, &number);
            units_parse_time(at, &number);
            units_parse_rate(at, &real);
            units_parse_speed(at, &real);
        }
    }
    guard_page_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers), cmocka_unit_test(test_exact_durations),
        cmocka_unit_test(test_exact_sizes),   cmocka_unit_test(test_counts),
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_times),
        cmocka_unit_test(test_rates),         cmocka_unit_test(test_formats),
        cmocka_unit_test(test_every_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
