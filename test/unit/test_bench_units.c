/* Suffixes in both directions, addresses, CPU lists. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bench/address.h"
#include "bench/process.h"
#include "bench/units.h"

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

static void test_addresses_come_back(void **state)
{
    static const char *const texts[] = {"127.0.0.1:8443", "[::1]:8443", "0.0.0.0:0",
                                        "unix:/run/a.sock", "unix:@abstract"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address address;
        char text[ADDRESS_TEXT];
        const char *why = NULL;
        assert_true(address_parse(texts[i], &address, &why));
        assert_string_equal(address_format(&address, text), texts[i]);
    }
}

static void test_addresses_with_a_short_form(void **state)
{
    struct address address;
    char text[ADDRESS_TEXT];
    const char *why = NULL;

    (void)state;
    assert_true(address_parse("localhost:1", &address, &why));
    assert_string_equal(address_format(&address, text), "127.0.0.1:1");
    assert_true(address_parse(":80", &address, &why));
    assert_string_equal(address_format(&address, text), "127.0.0.1:80");
    assert_true(address_is_loopback4(&address));
    address_set_port(&address, 81);
    assert_int_equal(address_port(&address), 81);
}

static void test_addresses_that_are_none(void **state)
{
    static const char *const texts[] = {
        "",           "8443",          "127.0.0.1", "example.com:443", "::1:443", "127.0.0.1:http",
        "1.2.3.4:-1", "1.2.3.4:65536", "[::1]",     "[::1:443",        "unix:",   "1.2.3.4:",
        "1.2.3:80",   "[1.2.3.4:80",   "1.2.3.4:1x"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address address;
        const char *why = NULL;
        if (address_parse(texts[i], &address, &why))
            fail_msg("'%s' was taken for an address", texts[i]);
        assert_non_null(why);
    }
}

static void test_cpu_lists(void **state)
{
    struct cpu_list list;

    (void)state;
    assert_true(process_parse_cpus("3", &list));
    assert_int_equal(list.count, 1);
    assert_true(process_parse_cpus("0,2-4,9", &list));
    assert_int_equal(list.count, 5);
    assert_int_equal(list.cpus[3], 4);
    assert_false(process_parse_cpus("", &list));
    assert_false(process_parse_cpus("1,", &list));
    assert_false(process_parse_cpus("2-1", &list));
    assert_false(process_parse_cpus("a", &list));
    assert_false(process_parse_cpus("0-99999", &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_addresses_come_back),
        cmocka_unit_test(test_addresses_with_a_short_form),
        cmocka_unit_test(test_addresses_that_are_none),
        cmocka_unit_test(test_cpu_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
