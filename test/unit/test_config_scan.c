/* The scanner: what it takes, what it refuses, and where it says that values stand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/json_scan.h"
#include "config/json_tree.h"
#include "test/support/guard_page.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct scanned {
    struct finding_log findings;
    struct diagnostics found;
    struct json_scan scan;
    bool well;
};

static void scan_start(struct scanned *scanned, const char *text, size_t len)
{
    scanned->found = (struct diagnostics){0};
    assert_true(finding_log_start(&scanned->findings, text, len, &scanned->found));
    scanned->well = json_scan_text(&scanned->scan, &scanned->findings);
    assert_false(scanned->found.no_memory);
    /* One syntax error at most; without one, only duplicate keys can be wrong. */
    assert_true(scanned->well || scanned->found.errors > 0);
}

static void scan_end(struct scanned *scanned)
{
    json_scan_free(&scanned->scan);
    finding_log_end(&scanned->findings);
    diagnostics_free(&scanned->found);
}

/* Each text lies flush against an unreadable page. */
static bool accepts(struct guard_page *guard, const char *text, size_t len)
{
    struct scanned scanned;
    const char *placed = (const char *)guard_page_place(guard, (const uint8_t *)text, len);

    scan_start(&scanned, placed, len);
    bool well = scanned.well && scanned.found.errors == 0;
    scan_end(&scanned);
    return well;
}

static void test_accepted(void **state)
{
    static const char *const TEXTS[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "10",
        "0.5",
        "1e5",
        "1E+5",
        "-1.25e-7",
        "\"\"",
        "\"a\"",
        " \t\r\n{ \t\r\n} \t\r\n",
        "[1,2]",
        "[[],{}]",
        "{\"a\":{\"a\":1}}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uD83D\\udc3b\"",
        "\"\xc2\x80\xdf\xbf\"",
        "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "\xef\xbb\xbf{}",
        "\"\x7f\"",
        "123456789012345678901234567890123456789012345678901234567890",
        "{\"a\":1,\"A\":2,\"\":3,\"aa\":4}",
    };
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 4096);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        if (!accepts(&guard, TEXTS[i], strlen(TEXTS[i])))
            fail_msg("refused: %s", TEXTS[i]);
    }
    guard_page_close(&guard);
}

static void test_refused(void **state)
{
    static const char *const TEXTS[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "{} x",
        "00",
        "01",
        "-",
        "-a",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x10",
        "1a",
        "1.2.3",
        "True",
        "nul",
        "nulls",
        "NaN",
        "Infinity",
        "-Infinity",
        "'a'",
        "\"a",
        "\"\\",
        "\"\\a\"",
        "\"\\u\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800x\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x01\"",
        "\"\x1f\"",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xc2\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xe2\x82\"",
        "\"\xed\xa0\x80\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xff\"",
        "\v{}",
        "\f{}",
        "\xc2\xa0{}",
        "{}\xef\xbb\xbf",
        "/**/{}",
        "{} //",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\\ud83d\\udc3b\":1,\"🐻\":2}",
        "{\"\\n\":1,\"\\u000a\":2}",
        "[{\"x\":{\"\":1,\"\":2}}]",
        "1234567890123456789012345678901234567890123456789012345678901",
    };
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, 4096);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        if (accepts(&guard, TEXTS[i], strlen(TEXTS[i])))
            fail_msg("accepted: %s", TEXTS[i]);
    }
    assert_false(accepts(&guard, "\"a\0b\"", 5));
    assert_false(accepts(&guard, "{}\0", 3));
    guard_page_close(&guard);
}

static void test_nesting(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 2];
    struct guard_page guard;

    (void)state;
    guard_page_open(&guard, sizeof text);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_true(accepts(&guard, text + 1, 2 * JSON_DEPTH_MAX));
    assert_false(accepts(&guard, text, 2 * JSON_DEPTH_MAX + 2));
    guard_page_close(&guard);
}

/* Duplicates are found in small and in large objects, wherever the two stand. */
static void test_duplicates_at_any_size(void **state)
{
    (void)state;
    for (unsigned keys = 2; keys < 40; keys++) {
        for (unsigned twin = 0; twin < keys; twin++) {
            char text[1024] = "{";
            struct scanned scanned;
            for (unsigned i = 0; i < keys; i++) {
                size_t len = strlen(text);
                snprintf(text + len, sizeof text - len, "\"k%u\":0,", i);
            }
            size_t len = strlen(text);
            snprintf(text + len, sizeof text - len, "\"k\\u00%02x%s\":0}", '0' + twin % 10,
                     twin < 10 ? "" : "x");
            scan_start(&scanned, text, strlen(text));
            assert_true(scanned.well);
            assert_int_equal(scanned.found.errors, twin < 10 ? 1 : 0);
            if (twin < 10)
                assert_int_equal(scanned.found.list[0].at.column, len + 1);
            scan_end(&scanned);
        }
    }
}

/* Many keys, all alike in length and beginning, cost no more than sorting them. */
static void test_many_keys(void **state)
{
    enum { KEYS = 200000 };
    char *text = malloc(KEYS * 16 + 32);
    size_t len = 0;
    struct scanned scanned;

    (void)state;
    assert_non_null(text);
    text[len++] = '{';
    for (unsigned i = 0; i < KEYS; i++)
        len += (size_t)snprintf(text + len, 17, "\"key%07u\":0,", i);
    text[len - 1] = '}';
    scan_start(&scanned, text, len);
    assert_true(scanned.well);
    assert_int_equal(scanned.found.errors, 0);
    assert_int_equal(scanned.scan.section_count, KEYS);
    scan_end(&scanned);
    free(text);
}

static void test_marks(void **state)
{
    static const char TEXT[] = "{ \"a\" : [ 1, {\"b\":2, \"c\":[]} ],\n \"d\":\"x\" }";
    /* The document, a, 1, the inner object, b, c, d. */
    static const uint32_t MARKS[] = {0, 2, 10, 13, 14, 21, 33};
    struct scanned scanned;

    (void)state;
    scan_start(&scanned, TEXT, strlen(TEXT));
    assert_true(scanned.well);
    assert_int_equal(scanned.scan.mark_count, COUNT_OF(MARKS));
    assert_memory_equal(scanned.scan.marks, MARKS, sizeof MARKS);
    assert_int_equal(scanned.scan.section_count, 2);
    assert_int_equal(scanned.scan.sections[0].mark, 1);
    assert_int_equal(scanned.scan.sections[0].children, 2);
    assert_int_equal(scanned.scan.sections[1].mark, 6);
    assert_int_equal(scanned.scan.sections[1].children, 0);
    assert_int_equal(json_value_offset(TEXT, 2), 8);
    scan_end(&scanned);
}

/* --- trees --- */

static void check_offsets(const struct json_source *json, const struct json_node *node)
{
    static const char FIRST[] = {[JSON_STRING] = '"', [JSON_ARRAY] = '[', [JSON_OBJECT] = '{'};
    enum json_kind kind = json_kind(node);
    char first = json->text[json_offset(json, node)];

    if (kind >= JSON_STRING)
        assert_int_equal(first, FIRST[kind]);
    else
        assert_non_null(strchr("ntf-0123456789", first));
    if (json_key(node) != NULL)
        assert_int_equal(json->text[json_key_offset(node)], '"');
    for (const struct json_node *child = json_first(node); child != NULL; child = json_next(child))
        check_offsets(json, child);
}

static void test_trees(void **state)
{
    static const char TEXT[] =
        "{\"a\":[1,{\"b\":true,\"c\\u0064\":[\"x\\n\",null]},[]],\"e\":-2.5,\"f\":{}}";
    struct scanned scanned;

    (void)state;
    scan_start(&scanned, TEXT, strlen(TEXT));
    struct json_source json = {TEXT, strlen(TEXT), &scanned.scan};
    size_t mark = 1;
    struct json_node *a = json_read(&json, &mark, true);
    assert_non_null(a);
    assert_string_equal(json_key(a), "a");
    check_offsets(&json, a);
    assert_int_equal(mark, scanned.scan.sections[1].mark);
    const struct json_node *object = json_next(json_first(a));
    const struct json_node *cd = json_next(json_first(object));
    assert_true(json_truth(json_first(object)));
    assert_string_equal(json_key(cd), "cd");
    assert_string_equal(json_string(json_first(cd)), "x\n");
    assert_int_equal(json_key_offset(cd), 18);
    assert_int_equal(json_offset(&json, cd), 28);
    struct json_node *e = json_read(&json, &mark, true);
    assert_true(json_number(e) == -2.5);
    struct json_node *f = json_read(&json, &mark, true);
    assert_int_equal(json_kind(f), JSON_OBJECT);
    assert_int_equal(mark, scanned.scan.mark_count);
    json_free(a);
    json_free(e);
    json_free(f);
    scan_end(&scanned);
}

/* Whatever the scanner takes, cJSON reads, with a node for every mark. */
static void test_agrees_with_reader(void **state)
{
    static const char SEED[] =
        "{\"a\":[1.5e2,-0,\"x\\u00e4\\\\\",{\"b\":null,\"c\":[true,[]]}],\"\":{}}";
    static const char BYTES[] = "{}[],:\"\\u0aefn19.-+eE tr\n";
    unsigned random = 12345, accepted = 0;

    (void)state;
    for (unsigned round = 0; round < 60000; round++) {
        char text[sizeof SEED];
        struct scanned scanned;
        memcpy(text, SEED, sizeof SEED);
        for (unsigned change = 0; change <= round % 3; change++) {
            random = random * 1103515245u + 12345u;
            text[(random >> 8) % (sizeof SEED - 1)] = BYTES[(random >> 20) % (sizeof BYTES - 1)];
        }
        scan_start(&scanned, text, strlen(text));
        if (scanned.well) {
            struct json_source json = {text, strlen(text), &scanned.scan};
            size_t mark = 0;
            struct json_node *tree = json_read(&json, &mark, false);
            assert_non_null(tree);
            assert_int_equal(mark, scanned.scan.mark_count);
            check_offsets(&json, tree);
            json_free(tree);
            accepted++;
        }
        scan_end(&scanned);
    }
    assert_true(accepted > 1000);
}

/* --- positions --- */

/* Lines and columns of every byte, counted from the start, on text longer than a checkpoint. */
static void test_positions(void **state)
{
    enum { LEN = 30000 };
    char *text = malloc(LEN);
    struct diagnostics found = {0};
    struct finding_log findings;
    struct position at = {1, 1};
    unsigned random = 7;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < LEN; i++) {
        random = random * 1103515245u + 12345u;
        unsigned choice = (random >> 16) % 8000;
        bool room = i + 1 < LEN;
        text[i] = choice < 4 ? '\n' : 'x';
        if (choice > 6000 && room) {
            text[i++] = (char)0xc3;
            text[i] = (char)0xa4;
        }
    }
    assert_true(finding_log_start(&findings, text, LEN, &found));
    for (size_t i = 0; i < LEN; i++) {
        bool first = ((unsigned char)text[i] & 0xc0) != 0x80;
        struct position got = finding_position(&findings, i);
        if (first) {
            assert_int_equal(got.line, at.line);
            assert_int_equal(got.column, at.column);
            assert_int_equal(finding_offset(&findings, at), i);
            at.column++;
        }
        if (i % 97 == 0) { /* jumps back and forth change nothing */
            finding_position(&findings, LEN - i);
            finding_position(&findings, i / 2);
        }
        if (text[i] == '\n')
            at = (struct position){at.line + 1, 1};
    }
    finding_log_end(&findings);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nesting),   cmocka_unit_test(test_duplicates_at_any_size),
        cmocka_unit_test(test_many_keys), cmocka_unit_test(test_marks),
        cmocka_unit_test(test_trees),     cmocka_unit_test(test_agrees_with_reader),
        cmocka_unit_test(test_positions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
