/* The JSON writer: commas, escapes, UTF-8, the bound of the buffer, the drain. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/log/json_writer.h"

static char buffer[4096];

static void start(struct json_writer *text)
{
    memset(buffer, '#', sizeof buffer);
    json_writer_start(text, buffer, sizeof buffer);
}

static void reads(const struct json_writer *text, const char *want)
{
    assert_false(text->full);
    assert_int_equal(text->length, strlen(want));
    assert_memory_equal(text->bytes, want, strlen(want));
    assert_int_equal(text->bytes[text->length], '#');
}

static void string_reads(const char *bytes, size_t length, const char *want)
{
    struct json_writer text;

    start(&text);
    json_writer_string(&text, bytes, length);
    reads(&text, want);
}

static void bytes_read(const char *bytes, size_t length, const char *want)
{
    struct json_writer text;

    start(&text);
    json_writer_bytes(&text, (const uint8_t *)bytes, length);
    reads(&text, want);
}

/* Something of every kind, nested, on two lines. */
static void write_sample(struct json_writer *text)
{
    json_writer_open(text, '{');
    json_writer_key(text, "none");
    json_writer_open(text, '[');
    json_writer_close(text, ']');
    json_writer_key(text, "list");
    json_writer_open(text, '[');
    json_writer_word(text, "a:");
    json_writer_word(text, "{");
    json_writer_bytes(text, (const uint8_t *)"b", 1);
    json_writer_number(text, 7);
    json_writer_bool(text, true);
    json_writer_bool(text, false);
    json_writer_null(text);
    json_writer_open(text, '{');
    json_writer_close(text, '}');
    json_writer_open(text, '[');
    json_writer_number(text, 0);
    json_writer_close(text, ']');
    json_writer_close(text, ']');
    json_writer_key(text, "last");
    json_writer_word(text, NULL);
    json_writer_close(text, '}');
    json_writer_end_line(text);
    json_writer_open(text, '[');
    json_writer_close(text, ']');
    json_writer_end_line(text);
}

static const char sample[] = "{\"none\":[],\"list\":[\"a:\",\"{\",\"b\",7,true,false,null,{},[0]],"
                             "\"last\":null}\n[]\n";

static void test_commas(void **state)
{
    struct json_writer text;

    (void)state;
    start(&text);
    write_sample(&text);
    reads(&text, sample);
}

static void test_numbers(void **state)
{
    static const struct {
        uint64_t number;
        const char *want;
    } cases[] = {{0, "0"},     {9, "9"},
                 {10, "10"},   {1234567890123456789u, "1234567890123456789"},
                 {100, "100"}, {UINT64_MAX, "18446744073709551615"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_writer text;

        start(&text);
        json_writer_number(&text, cases[i].number);
        reads(&text, cases[i].want);
    }
}

static void test_string_escapes(void **state)
{
    (void)state;
    string_reads("", 0, "\"\"");
    string_reads("plain ~!", 8, "\"plain ~!\"");
    string_reads("\"\\/", 3, "\"\\\"\\\\/\"");
    string_reads("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    string_reads("a\0b\x1f\x7f", 5, "\"a\\u0000b\\u001f\\u007f\"");
}

static void test_string_utf8(void **state)
{
    static const char *const kept[] = {"\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe2\x82\xac"};
    static const char *const single[] = {"\x80", "\xbf", "\xc0", "\xc1", "\xc2", "\xf5", "\xff"};
    char want[16];

    (void)state;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        size_t length = strlen(kept[i]);

        want[0] = '"';
        memcpy(want + 1, kept[i], length);
        memcpy(want + 1 + length, "\"", 2);
        string_reads(kept[i], length, want);
    }
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        string_reads(single[i], 1, "\"\\ufffd\"");
    string_reads("\xc0\xafz", 3, "\"\\ufffd\\ufffdz\"");          /* overlong */
    string_reads("\xe0\x9f\xbf", 3, "\"\\ufffd\\ufffd\\ufffd\""); /* overlong */
    string_reads("\xf0\x8f\xbf", 3, "\"\\ufffd\\ufffd\\ufffd\"");
    string_reads("\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
    string_reads("\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    string_reads("\xe2\x82", 2, "\"\\ufffd\\ufffd\""); /* cut off */
    string_reads("\xe2\x82z", 3, "\"\\ufffd\\ufffdz\"");
    string_reads("\xc3\"", 2, "\"\\ufffd\\\"\"");
}

static void test_bytes(void **state)
{
    (void)state;
    bytes_read("", 0, "\"\"");
    bytes_read("http/1.1", 8, "\"http/1.1\"");
    bytes_read("\0\x7f\xff", 3, "\"\\\\x00\\\\x7f\\\\xff\"");
    bytes_read("\\x00\"", 5, "\"\\\\\\\\x00\\\"\"");
    bytes_read("\xe2\x82\xac", 3, "\"\\\\xe2\\\\x82\\\\xac\"");
}

/* At every capacity: what does not fit is refused, what was written is a beginning of the whole,
 * and no byte beyond the capacity is touched (the block has exactly that size). */
static void test_bound(void **state)
{
    size_t whole = strlen(sample);

    (void)state;
    for (size_t capacity = 1; capacity <= whole + 1; capacity++) {
        struct json_writer text;
        char *block = malloc(capacity);

        assert_non_null(block);
        json_writer_start(&text, block, capacity);
        write_sample(&text);
        assert_int_equal(text.full, capacity < whole);
        assert_true(text.length <= capacity);
        assert_memory_equal(block, sample, text.length);
        if (!text.full)
            assert_int_equal(text.length, whole);
        free(block);
    }
}

/* Once something was refused, smaller pieces that would fit are refused too. */
static void test_full_stays(void **state)
{
    struct json_writer text;

    (void)state;
    json_writer_start(&text, buffer, 8);
    json_writer_number(&text, 123456789);
    assert_true(text.full);
    json_writer_number(&text, 1);
    assert_int_equal(text.length, 0);
}

struct collected {
    char bytes[sizeof sample + 16];
    size_t length;
};

static void on_drain(void *context, const char *bytes, size_t length)
{
    struct collected *all = context;

    assert_true(all->length + length <= sizeof all->bytes);
    memcpy(all->bytes + all->length, bytes, length);
    all->length += length;
}

/* With a drain, any buffer yields the whole text. */
static void test_drain(void **state)
{
    size_t whole = strlen(sample);

    (void)state;
    for (size_t capacity = 1; capacity <= whole + 1; capacity++) {
        struct collected all = {.length = 0};
        struct json_writer text;

        json_writer_start(&text, buffer, capacity);
        text.drain = on_drain;
        text.context = &all;
        write_sample(&text);
        on_drain(&all, text.bytes, text.length);
        assert_false(text.full);
        assert_int_equal(all.length, whole);
        assert_memory_equal(all.bytes, sample, whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas),         cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_string_escapes), cmocka_unit_test(test_string_utf8),
        cmocka_unit_test(test_bytes),          cmocka_unit_test(test_bound),
        cmocka_unit_test(test_full_stays),     cmocka_unit_test(test_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
