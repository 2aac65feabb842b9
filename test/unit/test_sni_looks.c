/* What bytes look like that are no TLS: whole, cut at every byte, with an unreadable page behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sni/hello.h"
#include "sni/looks.h"
#include "test/support/guard_page.h"

#define BYTES(text) text, sizeof(text) - 1

/* `told`: so many bytes are enough; 0: nothing is ever told. */
static const struct {
    const char *bytes;
    size_t len;
    enum looks looks;
    size_t told;
} cases[] = {
    {BYTES("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"), LOOKS_HTTP, 4},
    {BYTES("POST /a HTTP/1.1\r\n"), LOOKS_HTTP, 5},
    {BYTES("HEAD / HTTP/1.0\r\n"), LOOKS_HTTP, 5},
    {BYTES("PUT /a HTTP/1.1\r\n"), LOOKS_HTTP, 4},
    {BYTES("DELETE /a HTTP/1.1\r\n"), LOOKS_HTTP, 7},
    {BYTES("CONNECT a.test:443 HTTP/1.1\r\n"), LOOKS_HTTP, 8},
    {BYTES("OPTIONS * HTTP/1.1\r\n"), LOOKS_HTTP, 8},
    {BYTES("TRACE / HTTP/1.1\r\n"), LOOKS_HTTP, 6},
    {BYTES("PATCH /a HTTP/1.1\r\n"), LOOKS_HTTP, 6},
    {BYTES("PROPFIND /a HTTP/1.1\r\n"), LOOKS_HTTP, 9},
    {BYTES("REPORT /a HTTP/1.1\r\n"), LOOKS_HTTP, 7},
    {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), LOOKS_HTTP, 4},
    {BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n\x16\x03\x01"), LOOKS_PROXY_V1, 6},
    {BYTES("PROXY UNKNOWN\r\n"), LOOKS_PROXY_V1, 6},
    {BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01"), LOOKS_PROXY_V2, 12},
    {BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), LOOKS_SSH, 4},
    {BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), LOOKS_POSTGRES, 8},
    {BYTES("\0\0\0\x08\x04\xd2\x16\x30"), LOOKS_POSTGRES, 8},
    {BYTES("EHLO a.test\r\n"), LOOKS_SMTP, 5},
    {BYTES("helo a.test\r\n"), LOOKS_SMTP, 5},
    {BYTES("eHLo [192.0.2.1]\r\n"), LOOKS_SMTP, 5},
    /* nearly, and not */
    {BYTES(""), LOOKS_UNKNOWN, 0},
    {BYTES("get / HTTP/1.1\r\n"), LOOKS_UNKNOWN, 0}, /* methods are case-sensitive */
    {BYTES("GETS / HTTP/1.1\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("GET\t/ HTTP/1.1\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES(" GET / HTTP/1.1\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("PROXY\tTCP4 192.0.2.1\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("proxy TCP4 192.0.2.1\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("\r\n\r\n\0\r\nQUIT\r\x21\x11"), LOOKS_UNKNOWN, 0},
    {BYTES("\r\n\r\nGET / HTTP/1.1\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("ssh-2.0\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("SSH_2.0\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("\0\0\0\x08\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"), LOOKS_UNKNOWN, 0}, /* CancelRequest */
    {BYTES("\0\0\0\x2a\0\3\0\0user\0a\0"), LOOKS_UNKNOWN, 0}, /* PostgreSQL without a question */
    {BYTES("EHLO\r\n"), LOOKS_UNKNOWN, 0},
    {BYTES("[HLO a.test\r\n"), LOOKS_UNKNOWN, 0}, /* beside a letter, but none */
    {BYTES("\x80\x2e\x01\0\x02"), LOOKS_UNKNOWN, 0},
    {BYTES("USER anonymous\r\n"), LOOKS_UNKNOWN, 0},
};

static void each_beginning_says_nothing_or_the_same(void **state)
{
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 64);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t len = 0; len <= cases[i].len; len++) {
            bool told = cases[i].told > 0 && len >= cases[i].told;
            const uint8_t *bytes = guard_page_place(&guard, (const uint8_t *)cases[i].bytes, len);
            enum looks looks = looks_of(bytes, len);
            if (looks != (told ? cases[i].looks : LOOKS_UNKNOWN))
                fail_msg("row %zu, the first %zu bytes: %s", i, len, looks_word(looks));
        }
    }
    guard_page_close(&guard);
}

/* Only such bytes are asked about. */
static void none_of_them_is_tls(void **state)
{
    struct client_hello hello;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].len == 0)
            continue;
        assert_int_equal(
            hello_parse((const uint8_t *)cases[i].bytes, cases[i].len, HELLO_LIMIT_DEFAULT, &hello),
            HELLO_NOT_TLS);
    }
}

static void every_kind_has_a_case_and_a_word(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < LOOKS_KINDS; kind++) {
        size_t found = 0;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            found += cases[i].looks == (enum looks)kind;
        assert_true(found > 0);
        assert_true(strlen(looks_word((enum looks)kind)) > 0);
    }
    assert_string_equal(looks_word(LOOKS_UNKNOWN), "unknown");
    assert_string_equal(looks_word(LOOKS_PROXY_V2), "proxy_v2");
    assert_string_equal(looks_word(LOOKS_SMTP), "smtp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_beginning_says_nothing_or_the_same),
        cmocka_unit_test(none_of_them_is_tls),
        cmocka_unit_test(every_kind_has_a_case_and_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
