/* Addresses, CPU lists. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "bench/process.h"
#include "bench/socket_address.h"

static void test_addresses_come_back(void **state)
{
    static const char *const texts[] = {"127.0.0.1:8443", "[::1]:8443", "0.0.0.0:0",
                                        "unix:/run/a.sock", "unix:@abstract"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct socket_address address;
        char text[SOCKET_ADDRESS_TEXT];
        const char *why = NULL;
        assert_true(socket_address_parse(texts[i], &address, &why));
        assert_string_equal(socket_address_format(&address, text), texts[i]);
    }
}

static void test_addresses_with_a_short_form(void **state)
{
    struct socket_address address;
    char text[SOCKET_ADDRESS_TEXT];
    const char *why = NULL;

    (void)state;
    assert_true(socket_address_parse("localhost:1", &address, &why));
    assert_string_equal(socket_address_format(&address, text), "127.0.0.1:1");
    assert_true(socket_address_parse(":80", &address, &why));
    assert_string_equal(socket_address_format(&address, text), "127.0.0.1:80");
    assert_true(socket_address_is_loopback4(&address));
    socket_address_set_port(&address, 81);
    assert_int_equal(socket_address_port(&address), 81);
}

static void test_addresses_of_this_machine(void **state)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } rows[] = {{"127.0.0.1:1", true},  {"127.9.9.9:1", true},
                {"[::1]:1", true},      {"[::ffff:127.0.0.1]:1", true},
                {"128.0.0.1:1", false}, {"0.0.0.0:1", false},
                {"[::]:1", false},      {"[::ffff:10.0.0.1]:1", false},
                {"unix:@x", false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct socket_address address;
        const char *why = NULL;
        assert_true(socket_address_parse(rows[i].text, &address, &why));
        if (socket_address_is_loopback(&address) != rows[i].is_loopback)
            fail_msg("%s", rows[i].text);
    }
}

static void test_addresses_that_are_none(void **state)
{
    static const char *const texts[] = {
        "",           "8443",          "127.0.0.1", "example.com:443", "::1:443", "127.0.0.1:http",
        "1.2.3.4:-1", "1.2.3.4:65536", "[::1]",     "[::1:443",        "unix:",   "1.2.3.4:",
        "1.2.3:80",   "[1.2.3.4:80",   "1.2.3.4:1x"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct socket_address address;
        const char *why = NULL;
        if (socket_address_parse(texts[i], &address, &why))
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
        cmocka_unit_test(test_addresses_come_back),
        cmocka_unit_test(test_addresses_with_a_short_form),
        cmocka_unit_test(test_addresses_of_this_machine),
        cmocka_unit_test(test_addresses_that_are_none),
        cmocka_unit_test(test_cpu_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
