/* Text from outside on its way into the page: nothing in it is markup, and all of it is UTF-8. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/report.h"
#include "test/support/printed.h"

#define FFFD "\xef\xbf\xbd"

typedef void put_function(FILE *out, const char *text);

static char *put(put_function *function, const char *text)
{
    struct printed out;

    function(printed_start(&out), text);
    return printed_end(&out);
}

static void check(put_function *function, const char *text, const char *expected)
{
    char *written = put(function, text);

    assert_string_equal(written, expected);
    free(written);
}

static void test_markup_in_text(void **state)
{
    (void)state;
    check(report_put_text, "plain: 1.5 %", "plain: 1.5 %");
    check(report_put_text, "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;");
    check(report_put_text, "</script><script>", "&lt;/script&gt;&lt;script&gt;");
    check(report_put_text, "", "");
}

static void test_markup_in_json(void **state)
{
    (void)state;
    check(report_put_json, "{\"a\":\"</script>\"}", "{\"a\":\"\\u003c/script\\u003e\"}");
    check(report_put_json, "[\"<!--\",\"&\"]", "[\"\\u003c!--\",\"\\u0026\"]");
}

static void test_what_is_text_stays(void **state)
{
    static const char *const texts[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                        "a\tb\nc",  "\xc2\xa0",     "\xf4\x8f\xbf\xbf"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check(report_put_text, texts[i], texts[i]);
}

static void test_what_is_no_text_is_replaced(void **state)
{
    (void)state;
    check(report_put_text, "a\x80z", "a" FFFD "z");                  /* continuation alone */
    check(report_put_text, "\xc0\xaf", FFFD FFFD);                   /* overlong '/' */
    check(report_put_text, "\xe0\x80\xbc", FFFD FFFD FFFD);          /* overlong '<' */
    check(report_put_text, "\xed\xa0\x80", FFFD FFFD FFFD);          /* surrogate */
    check(report_put_text, "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD); /* beyond the last */
    check(report_put_text, "\xe2\x82", FFFD FFFD);                   /* ends too early */
    check(report_put_text, "\xc3<", FFFD "&lt;");                    /* does not swallow markup */
    check(report_put_text, "\x01\x1b[31m\x7f\xc2\x85", FFFD FFFD "[31m" FFFD FFFD);
}

/* Every byte and pair of bytes: what comes out has no markup and every byte above 0x7f is UTF-8. */
static void test_every_pair(void **state)
{
    (void)state;
    for (unsigned pair = 0x0101; pair <= 0xffff; pair++) {
        char text[3] = {(char)(pair >> 8), (char)(pair & 0xff), '\0'};
        if (text[0] == '\0' || text[1] == '\0')
            continue;
        char *written = put(report_put_text, text);
        assert_null(strpbrk(written, "<>\"'"));
        bool valid_pair = pair >= 0xc2a0 && pair <= 0xdfbf && (pair & 0xc0) == 0x80;
        for (char *at = written; *at != '\0'; at++) {
            if ((unsigned char)*at < 0x80)
                continue;
            bool kept = valid_pair && memcmp(at, text, 2) == 0;
            assert_true(kept || memcmp(at, FFFD, 3) == 0);
            at += kept ? 1 : 2;
        }
        free(written);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markup_in_text),
        cmocka_unit_test(test_markup_in_json),
        cmocka_unit_test(test_what_is_text_stays),
        cmocka_unit_test(test_what_is_no_text_is_replaced),
        cmocka_unit_test(test_every_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
