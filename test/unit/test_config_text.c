/* Shared ground: UTF-8, text for terminals, host:port, suggestions, command lines. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/text/host_port.h"
#include "config/text/option_reader.h"
#include "config/text/suggest.h"
#include "config/text/terminal.h"
#include "config/text/utf8.h"
#include "test/support/guard_page.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* --- UTF-8 --- */

/* Writes a code point as RFC 3629 section 3 says, surrogates and all. */
static size_t encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)((0xf00 >> length & 0xff) | point);
    return length;
}

static size_t length_at_guard(struct guard_page *guard, const char *text, size_t len)
{
    return utf8_length((const char *)guard_page_place(guard, (const uint8_t *)text, len), len);
}

/* Every code point is one character, unless it is a surrogate or cut off. */
static void test_every_code_point(void **state)
{
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 8);
    for (uint32_t point = 0; point < 0x110000; point++) {
        char text[4];
        size_t length = encode(point, text);
        bool surrogate = point >= 0xd800 && point <= 0xdfff;

        assert_int_equal(length_at_guard(&guard, text, length), surrogate ? 0 : length);
        for (size_t cut = 1; cut < length; cut++)
            assert_int_equal(length_at_guard(&guard, text, cut), 0);
        if (!surrogate &&
            utf8_is_control(text, length) != (point < 0x20 || (point >= 0x7f && point <= 0x9f)))
            fail_msg("U+%04x", point);
    }
    guard_page_close(&guard);
}

/* Of all pairs of bytes only those are characters of two bytes that some code point is. */
static void test_every_two_bytes(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            char text[2] = {(char)first, (char)second};
            bool good = first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf;

            assert_int_equal(utf8_length(text, 2), good ? 2 : 0);
        }
    }
}

static void test_malformed(void **state)
{
    static const char *const TEXTS[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe2\x82",
        "\xe2\x28\xa1",
        "\xe2\x82\x28",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xfe",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf0\x9f\x92",
        "\xf0\x9f\x92\x28",
        "\xff",
    };
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 8);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++)
        assert_int_equal(length_at_guard(&guard, TEXTS[i], strlen(TEXTS[i])), 0);
    guard_page_close(&guard);
}

static void test_counts_and_marks(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("", 0), 0);
    assert_int_equal(utf8_count("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xbb", 10), 4);
    assert_int_equal(utf8_mark_length("\xef\xbb\xbf{}", 5), 3);
    assert_int_equal(utf8_mark_length("\xef\xbb", 2), 0);
    assert_int_equal(utf8_mark_length("{}", 2), 0);
}

/* --- terminals --- */

static void test_disarm(void **state)
{
    static const struct {
        const char *text, *ascii, *utf8, *tabs;
    } ROWS[] = {
        {"", "", "", ""},
        {"plain ~", "plain ~", "plain ~", "plain ~"},
        {"a\tb", "a?b", "a?b", "a\tb"},
        {"\x1b[31m\r\n\x7f", "?[31m???", "?[31m???", "?[31m???"},
        {"\xc3\xa4", "??", "\xc3\xa4", "\xc3\xa4"},
        {"\xc2\x9b"
         "31m",
         "??31m", "??31m", "??31m"}, /* C1: what ESC [ means */
        {"\xc2\xa0", "??", "\xc2\xa0", "\xc2\xa0"},
        {"\xe2\x82", "??", "??", "??"},
        {"\xff"
         "a",
         "?a", "?a", "?a"},
        {"\xf0\x9f\x90\xbb!",
         "???"
         "?!",
         "\xf0\x9f\x90\xbb!", "\xf0\x9f\x90\xbb!"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const char *wanted[] = {ROWS[i].ascii, ROWS[i].utf8, ROWS[i].tabs};

        for (int keep = TERMINAL_ASCII; keep <= TERMINAL_TABS; keep++) {
            char text[32];

            snprintf(text, sizeof text, "%s", ROWS[i].text);
            terminal_disarm(text, (enum terminal_keep)keep);
            assert_string_equal(text, wanted[keep]);
        }
    }
}

/* However a text is cut, what comes out is harmless and nothing behind its NUL is touched. */
static void test_disarm_every_cut(void **state)
{
    static const char TEXT[] = "a\xc3\xa4\t\xe2\x82\xac\x1b\xf0\x9f\x90\xbb\xc2\x85\x80z";
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 64);
    for (size_t len = 0; len < sizeof TEXT; len++) {
        char text[sizeof TEXT] = {0}, copy[sizeof TEXT];

        memcpy(text, TEXT, len);
        guard_page_place(&guard, (const uint8_t *)text, len + 1);
        char *at = (char *)guard.end - len - 1;

        assert_string_equal(terminal_copy(at, copy, sizeof copy), terminal_copy(text, copy, 64));
        terminal_disarm(at, TERMINAL_UTF8);
        assert_int_equal(strlen(at), len);
        for (size_t i = 0, length; i < len; i += length) {
            length = utf8_length(at + i, len - i);
            assert_true(length > 0);
            assert_false(utf8_is_control(at + i, length));
        }
    }
    guard_page_close(&guard);
}

static void test_columns(void **state)
{
    static const struct {
        const char *text;
        size_t most, width;
        const char *printed;
    } ROWS[] = {
        {"abc", SIZE_MAX, 0, "abc"}, {"abc", SIZE_MAX, 5, "abc  "}, {"abcdef", 4, 2, "abcd"},
        {"", 9, 3, "   "},           {"\xc3\xa4\n", 9, 4, "??? "},  {"a\x7f", 9, 0, "a?"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        char *printed = NULL;
        size_t len;
        FILE *to = open_memstream(&printed, &len);

        terminal_put_column(to, ROWS[i].text, ROWS[i].most, ROWS[i].width);
        fclose(to);
        assert_string_equal(printed, ROWS[i].printed);
        free(printed);
    }
}

/* --- host:port --- */

static void test_host_port(void **state)
{
    static const struct {
        const char *text;
        enum host_port_form form;
        const char *host, *port;
    } ROWS[] = {
        {"10.0.0.5:443", HOST_PORT_PLAIN, "10.0.0.5", "443"},
        {":443", HOST_PORT_PLAIN, "", "443"},
        {"a:", HOST_PORT_PLAIN, "a", ""},
        {"[::1]:443", HOST_PORT_BRACKETS, "::1", "443"},
        {"[]:1", HOST_PORT_BRACKETS, "", "1"},
        {"[::1]:1:2", HOST_PORT_BRACKETS, "::1", "1:2"},
        {"unix:/run/x", HOST_PORT_UNIX, "/run/x", NULL},
        {"unix:@x", HOST_PORT_UNIX, "@x", NULL},
        {"unix:", HOST_PORT_UNIX, "", NULL},
        {"[::1]", HOST_PORT_UNCLOSED, NULL, NULL},
        {"[::1", HOST_PORT_UNCLOSED, NULL, NULL},
        {"[", HOST_PORT_UNCLOSED, NULL, NULL},
        {"[::1]x:1", HOST_PORT_UNCLOSED, NULL, NULL},
        {"", HOST_PORT_NO_COLON, NULL, NULL},
        {"443", HOST_PORT_NO_COLON, NULL, NULL},
        {"::1:443", HOST_PORT_COLONS, NULL, NULL},
        {"http://a:1", HOST_PORT_COLONS, NULL, NULL},
    };
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 64);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const char *text = (const char *)guard_page_place(&guard, (const uint8_t *)ROWS[i].text,
                                                          strlen(ROWS[i].text) + 1);
        struct host_port parts;

        assert_int_equal(host_port_split(text, &parts), ROWS[i].form);
        assert_int_equal(parts.host != NULL, ROWS[i].host != NULL);
        assert_int_equal(parts.port != NULL, ROWS[i].port != NULL);
        if (parts.host != NULL) {
            assert_int_equal(parts.host_len, strlen(ROWS[i].host));
            assert_memory_equal(parts.host, ROWS[i].host, parts.host_len);
        }
        if (parts.port != NULL)
            assert_string_equal(parts.port, ROWS[i].port);
    }
    guard_page_close(&guard);
}

/* --- suggestions --- */

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } CASES[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"host", "hots", 1},
        {"host", "hosts", 1},
        {"host", "ost", 1},
        {"host", "hist", 1},
        {"host", "ohts", 2},
        {"bakends", "backends", 1},
        {"abcd", "badc", 2},
        {"kitten", "sitting", 3},
        {"ab", "ba", 1},
        {"", "ab", 2},
        {"abc", "xyz", 3},
        {"ca", "abc", 3},
        {"half_close", "halfclose", 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        assert_int_equal(suggest_distance(CASES[i].a, CASES[i].b, 5), CASES[i].distance);
        assert_int_equal(suggest_distance(CASES[i].b, CASES[i].a, 5), CASES[i].distance);
        for (size_t limit = 0; limit < CASES[i].distance; limit++)
            assert_int_equal(suggest_distance(CASES[i].a, CASES[i].b, limit), limit + 1);
    }
}

static void test_suggestions(void **state)
{
    struct suggestion suggestion;
    char text[80];

    (void)state;
    suggest_start(&suggestion, "shpo");
    suggest_consider(&suggestion, "shops");
    suggest_consider(&suggestion, "shop");
    suggest_consider(&suggestion, "shapo");
    assert_string_equal(suggest_text(&suggestion, text, sizeof text), " (did you mean \"shop\"?)");
    suggest_start(&suggestion, "x"); /* nothing of it would be left */
    suggest_consider(&suggestion, "y");
    suggest_consider(&suggestion, "");
    assert_string_equal(suggest_text(&suggestion, text, sizeof text), "");
}

/* --- command lines --- */

struct row {
    const char *name;
    char letter;
    bool takes_value;
};

static const struct row rows[] = {
    {"quiet", 'q', false}, {"json", 0, true}, {"rate", 'r', true}, {"ramp", 0, true}};

/* What a line is read as: "rate=5 quiet | a b", or the mistake. */
static void read_line(const char *line, char out[256])
{
    static const char *const MISTAKES[] = {[OPTION_READ_NO_VALUE] = "lacks a value",
                                           [OPTION_READ_HAS_VALUE] = "takes no value",
                                           [OPTION_READ_UNKNOWN] = "unknown",
                                           [OPTION_READ_AMBIGUOUS] = "ambiguous"};
    char words[128], *argv[16] = {0};
    struct option_reader reader;
    enum option_read read;
    int argc = 0;
    size_t used = 0;

    snprintf(words, sizeof words, "%s", line);
    for (char *at = words; (argv[argc] = strsep(&at, " ")) != NULL; argc++)
        continue;
    option_reader_start(&reader, argc, argv);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        option_reader_add(&reader, rows[i].name, rows[i].letter, rows[i].takes_value, &rows[i]);
    out[0] = '\0';
    while ((read = option_reader_next(&reader)) == OPTION_READ_FOUND) {
        const struct row *row = reader.row;

        assert_int_equal(reader.value != NULL, row->takes_value);
        used += (size_t)snprintf(out + used, 256 - used, "%s%s%s ", row->name,
                                 row->takes_value ? "=" : "", row->takes_value ? reader.value : "");
    }
    if (read != OPTION_READ_END) {
        const struct row *row = reader.row;

        assert_int_equal(row != NULL,
                         read == OPTION_READ_NO_VALUE || read == OPTION_READ_HAS_VALUE);
        snprintf(out + used, 256 - used, "%s: %s", row != NULL ? row->name : reader.given,
                 MISTAKES[read]);
        if (reader.letter != '\0')
            snprintf(out + strlen(out), 256 - strlen(out), " -%c", reader.letter);
        return;
    }
    used += (size_t)snprintf(out + used, 256 - used, "|");
    for (int i = 0; i < reader.operand_count; i++)
        used += (size_t)snprintf(out + used, 256 - used, " %s", reader.operands[i]);
}

static void test_command_lines(void **state)
{
    static const struct {
        const char *line, *read;
    } ROWS[] = {
        {"x", "|"},
        {"x a b", "| a b"},
        {"x -q --json f a", "quiet json=f | a"},
        {"x a --json=f b -r5 c", "json=f rate=5 | a b c"},
        {"x -qr 5", "quiet rate=5 |"},
        {"x -- -q", "| -q"},
        {"x --q", "quiet |"},
        {"x --js=f", "json=f |"},
        {"x --json", "json: lacks a value"},
        {"x a -r", "rate: lacks a value"},
        {"x --quiet=1", "quiet: takes no value"},
        {"x --r 5", "--r: ambiguous"},
        {"x --rat 5 --ra=5", "rate=5 --ra=5: ambiguous"},
        {"x --rain", "--rain: unknown"},
        {"x -z", "-z: unknown -z"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        char read[256];

        read_line(ROWS[i].line, read);
        assert_string_equal(read, ROWS[i].read);
    }
}

static void test_option_suggestions(void **state)
{
    static char name[] = "x";
    char *argv[] = {name, NULL};
    struct option_reader reader;
    struct suggestion suggestion;

    (void)state;
    option_reader_start(&reader, 1, argv);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        option_reader_add(&reader, rows[i].name, rows[i].letter, rows[i].takes_value, &rows[i]);
    suggest_start(&suggestion, "qiuet");
    option_reader_suggest(&reader, &suggestion);
    assert_string_equal(suggestion.nearest, "quiet");
    suggest_start(&suggestion, "verbose");
    option_reader_suggest(&reader, &suggestion);
    assert_null(suggestion.nearest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_every_two_bytes),
        cmocka_unit_test(test_malformed),        cmocka_unit_test(test_counts_and_marks),
        cmocka_unit_test(test_disarm),           cmocka_unit_test(test_disarm_every_cut),
        cmocka_unit_test(test_columns),          cmocka_unit_test(test_host_port),
        cmocka_unit_test(test_distance),         cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_command_lines),    cmocka_unit_test(test_option_suggestions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
