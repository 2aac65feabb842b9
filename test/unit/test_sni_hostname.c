/* What is a host name, and what is an IP literal. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sni/hostname.h"
#include "test/support/guard_page.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void test_normalise(void **state)
{
    static const struct {
        const char *name;
        const char *normal; /* "" = illegal */
        bool dot;
    } CASES[] = {
        {"example.com", "example.com", false},
        {"EXAMPLE.Com.", "example.com", true},
        {"a", "a", false},
        {"a.", "a", true},
        {"-", "-", false},
        {"_dmarc.x-y.0", "_dmarc.x-y.0", false},
        {"10.0.0.1", "10.0.0.1", false},
        {"", "", false},
        {".", "", true},
        {"..", "", true},
        {"a..", "", true},
        {".a", "", false},
        {"a..b", "", false},
        {"a b", "", false},
        {"*.a", "", false},
        {"a:1", "", false},
        {"@a", "", false},
        {"[a", "", false},
        {"`a", "", false},
        {"{a", "", false},
        {"\x80", "", false},
    };
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 512);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char out[HOSTNAME_MAX + 1] = "?";
        bool dot = !CASES[i].dot;
        size_t len = strlen(CASES[i].name);
        const uint8_t *name = guard_page_place(&guard, (const uint8_t *)CASES[i].name, len);
        assert_int_equal(hostname_normalise(name, len, out, &dot), strlen(CASES[i].normal));
        assert_string_equal(out, CASES[i].normal);
        assert_int_equal(dot, CASES[i].dot);
        assert_int_equal(hostname_normalise(name, len, out, NULL), strlen(CASES[i].normal));
    }
    guard_page_close(&guard);
}

/* Every byte but the 65 that a name may hold is refused; NUL too. */
static void test_every_byte(void **state)
{
    (void)state;
    unsigned legal = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t name[] = {'a', (uint8_t)byte, 'b'};
        char out[HOSTNAME_MAX + 1];
        legal += hostname_normalise(name, sizeof name, out, NULL) == sizeof name;
    }
    assert_int_equal(legal, 26 + 26 + 10 + 3);
}

static void test_lengths(void **state)
{
    uint8_t name[300];
    char out[HOSTNAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 64 == 63 ? '.' : 'x';
    assert_int_equal(hostname_normalise(name, 63, out, NULL), 63);
    assert_int_equal(hostname_normalise(name, 253, out, NULL), 253);
    assert_int_equal(strlen(out), 253);
    assert_int_equal(hostname_normalise(name, 254, out, NULL), 0);
    assert_int_equal(strlen(out), 0);
    assert_int_equal(hostname_normalise(name, 300, out, NULL), 0);
    name[253] = '.';
    assert_int_equal(hostname_normalise(name, 254, out, NULL), 253);
    name[63] = 'x';
    assert_int_equal(hostname_normalise(name, 64, out, NULL), 0);
    assert_int_equal(hostname_normalise(name, 200, out, NULL), 0);
}

static void test_is_ip(void **state)
{
    static const struct {
        const char *text;
        bool ip;
    } CASES[] = {
        {"127.0.0.1", true},
        {"255.255.255.255", true},
        {"::", true},
        {"::1", true},
        {"2001:db8:0:1:2:3:4:5", true},
        {"::ffff:192.0.2.1", true},
        {"[::1]", true},
        {"fe80::1%lo", true},
        {"[fe80::1%eth0.1]", true},
        {"[2001:DB8::a]", true},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", true},
        {"", false},
        {"1", false},
        {"1.2.3", false},
        {"1.2.3.4.5", false},
        {"256.1.1.1", false},
        {"1.2.3.4.", false},
        {"1.2.3.4 ", false},
        {"a.2.3.4", false},
        {"example.com", false},
        {"[1.2.3.4]", false},
        {"[]", false},
        {"[", false},
        {"[::1", false},
        {"::1]", false},
        {":", false},
        {":::", false},
        {"1:2:3:4:5:6:7:8:9", false},
        {"fe80::1%", false},
        {"fe80::1%l o", false},
        {"1.2.3.4%lo", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", false},
    };
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 512);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        size_t len = strlen(CASES[i].text);
        const uint8_t *text = guard_page_place(&guard, (const uint8_t *)CASES[i].text, len);
        if (hostname_is_ip((const char *)text, len) != CASES[i].ip)
            fail_msg("\"%s\" is %san IP literal", CASES[i].text, CASES[i].ip ? "" : "not ");
    }
    assert_false(hostname_is_ip("1.2.3.4\0005", 9));
    guard_page_close(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_is_ip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
