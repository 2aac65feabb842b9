/* Lines of the error log: one each, whatever is said, and never too long. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/log/log.h"

/* "2026-01-02T03:04:05.678Z " */
#define STAMP_LEN 25

__attribute__((format(printf, 3, 4))) static size_t
format(char line[LOG_LINE_MAX], enum log_level level, const char *text, ...)
{
    va_list args;

    memset(line, '#', LOG_LINE_MAX);
    va_start(args, text);
    size_t len = log_print(line, level, text, args);
    va_end(args);
    return len;
}

static void time_level_text(void **state)
{
    static const char shape[] = "0000-00-00T00:00:00.000Z ";
    char line[LOG_LINE_MAX];
    size_t len = format(line, LOG_LEVEL_WARNING, "%s has %d", "it", 7);

    (void)state;
    for (size_t i = 0; i < STAMP_LEN; i++) {
        if (shape[i] == '0')
            assert_true(isdigit((unsigned char)line[i]));
        else
            assert_int_equal(line[i], shape[i]);
    }
    assert_int_equal(len, STAMP_LEN + strlen("warning it has 7\n"));
    assert_memory_equal(line + STAMP_LEN, "warning it has 7\n", len - STAMP_LEN);
}

static void words_of_levels(void **state)
{
    static const char *const words[] = {"error ", "warning ", "info ", "debug "};
    char line[LOG_LINE_MAX];

    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        format(line, (enum log_level)level, "x");
        assert_memory_equal(line + STAMP_LEN, words[level], strlen(words[level]));
    }
}

/* Every length around the limit: it always fits, ends with a newline, and what is cut is the end.
 */
static void long_text_is_cut(void **state)
{
    char text[2 * LOG_LINE_MAX];
    char line[LOG_LINE_MAX];
    size_t head = STAMP_LEN + strlen("error ");
    size_t longest = 0;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    for (size_t len = LOG_LINE_MAX - 60; len < sizeof text; len++) {
        size_t written = format(line, LOG_LEVEL_ERROR, "%.*s", (int)len, text);
        assert_true(written <= LOG_LINE_MAX);
        assert_int_equal(line[written - 1], '\n');
        assert_null(memchr(line, '\0', written));
        assert_memory_equal(line + head, text, written - head - 1);
        if (written < head + len + 1) /* cut: as little as need be */
            assert_true(written >= LOG_LINE_MAX - 2);
        if (written > longest)
            longest = written;
    }
    assert_true(longest >= LOG_LINE_MAX - 2);
}

static void empty_text(void **state)
{
    char line[LOG_LINE_MAX];
    size_t len = format(line, LOG_LEVEL_INFO, "%s", "");

    (void)state;
    assert_int_equal(line[len - 1], '\n');
    assert_int_equal(len, STAMP_LEN + strlen("info \n"));
}

/* The journal's own lines: a stderr that is another stream than $JOURNAL_STREAM names gets times.
 */
static void journal(void **state)
{
    static const char *const lines[] = {"<3>error x\n", "<4>warning x\n", "<6>info x\n",
                                        "<7>debug x\n"};
    struct stat own;
    char stream[64], line[LOG_LINE_MAX];

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &own), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)own.st_dev, (uintmax_t)own.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_start();
    assert_true(log_is_journal());
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        assert_int_equal(format(line, (enum log_level)level, "x"), strlen(lines[level]));
        assert_memory_equal(line, lines[level], strlen(lines[level]));
    }
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)own.st_dev, (uintmax_t)own.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    log_start();
    assert_false(log_is_journal());
    setenv("JOURNAL_STREAM", "8:", 1);
    log_start();
    assert_false(log_is_journal());
    unsetenv("JOURNAL_STREAM");
    log_start();
    assert_false(log_is_journal());
}

/* A name from outside neither begins a line of its own nor speaks to a terminal. */
static void control_characters(void **state)
{
    char line[LOG_LINE_MAX];
    size_t len = format(line, LOG_LEVEL_INFO, "%s", "a\n<0>b\x1b[31m\xc3\xa4");

    (void)state;
    assert_int_equal(len, STAMP_LEN + strlen("info a?<0>b?[31m\xc3\xa4\n"));
    assert_memory_equal(line + STAMP_LEN, "info a?<0>b?[31m\xc3\xa4\n", len - STAMP_LEN);
}

static void durations(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {{0, "0 ms"},      {1, "1 ms"},        {999, "999 ms"},  {1000, "1 s"},
                {1600, "1.6 s"},  {12800, "12.8 s"},  {30000, "30 s"},  {60000, "1 min"},
                {90000, "90 s"},  {61234, "61.2 s"},  {3600000, "1 h"}, {5400000, "90 min"},
                {7200000, "2 h"}, {86400000, "24 h"}, {8000, "8 s"},    {2049, "2 s"}};
    char text[LOG_DURATION_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(log_duration(rows[i].ms, text), rows[i].text);
}

static void lasted(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {{0, "0 ms"},           {999, "999 ms"},       {1000, "1 s"},
                {95999, "95 s"},       {119999, "119 s"},     {120000, "2 min"},
                {7199999, "119 min"},  {7200000, "2 h"},      {172799999, "47 h"},
                {172800000, "2 days"}, {259199999, "2 days"}, {8640000000, "100 days"}};
    char text[LOG_DURATION_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(log_lasted(rows[i].ms, text), rows[i].text);
}

static void levels_above_are_left_out(void **state)
{
    (void)state;
    for (int set = LOG_LEVEL_ERROR; set <= LOG_LEVEL_DEBUG; set++) {
        log_set_level((enum log_level)set);
        for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
            assert_int_equal(log_enabled((enum log_level)level), level <= set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_level_text),
        cmocka_unit_test(words_of_levels),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(empty_text),
        cmocka_unit_test(levels_above_are_left_out),
        cmocka_unit_test(journal),
        cmocka_unit_test(control_characters),
        cmocka_unit_test(durations),
        cmocka_unit_test(lasted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
