/* Conditions of --fail-if: what is one, when it holds, and what is said. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "bench/condition.h"
#include "test/support/printed.h"

static const struct condition_word words[] = {
    {"time", CONDITION_TIME},   {"count", CONDITION_COUNT}, {"rate", CONDITION_RATE},
    {"speed", CONDITION_SPEED}, {"size", CONDITION_SIZE},   {"kib", CONDITION_KIB},
    {"x", CONDITION_NUMBER},    {"p99.9", CONDITION_TIME},  {NULL, CONDITION_NUMBER}};

/* Parses; what was said is in `*said`, which the caller frees. */
static bool parse(const char *text, struct condition *condition, char **said)
{
    struct printed err;
    bool good = condition_parse(text, words, condition, printed_start(&err));

    *said = printed_end(&err);
    return good;
}

static void test_values_have_the_unit_of_the_word(void **state)
{
    static const struct {
        const char *text;
        double bound;
    } rows[] = {
        {"time>5ms", 5e6},        {"time > 1.5s", 1.5e9}, {"time>0", 0},
        {"p99.9<250us", 250e3},   {"count>=2k", 2000},    {"rate<4k", 4000},
        {"rate<4.5k/s", 4500},    {"speed<1k", 1024},     {"speed<1.3g/s", 1.3 * 1073741824.0},
        {"speed<2gbit/s", 250e6}, {"speed<8Mbit", 1e6},   {"size<64k", 65536},
        {"kib>0.6", 0.6},         {"kib>0.6KiB", 0.6},    {" kib > 0.6 kib ", 0.6},
        {"x<=1.5", 1.5}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct condition condition;
        char *said = NULL;
        if (!parse(rows[i].text, &condition, &said))
            fail_msg("%s: %s", rows[i].text, said);
        if (fabs(condition.bound - rows[i].bound) > 1e-6)
            fail_msg("%s: %g", rows[i].text, condition.bound);
        assert_string_equal(said, "");
        free(said);
    }
}

static void test_what_is_none_says_why(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {{"", "one of < <= > >="},
                {"time", "one of < <= > >="},
                {">5ms", "one of < <= > >="},
                {"time=5ms", "one of < <= > >="},
                {"time 5ms", "time count rate"},
                {"tim>5ms", "there is no 'tim'; there are: time count"},
                {"time=>5ms", "there is no 'time='"},
                {"time>5", "a time such as 5ms"},
                {"time>", "a time such as 5ms"},
                {"time<>5ms", "a time such as 5ms"},
                {"time>-5ms", "a time such as 5ms"},
                {"time>nan", "a time such as 5ms"},
                {"count>1.5", "a count such as"},
                {"count>5s", "a count such as"},
                {"count>5/s", "a count such as"},
                {"rate>5s", "a rate such as"},
                {"speed>5s", "a speed such as"},
                {"size>1.0001k", "a size such as"},
                {"kib>1m/s", "KiB, such as"},
                {"x>1/s", "a number such as"},
                {"x>1e3", "a number such as"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct condition condition;
        char *said = NULL;
        assert_false(parse(rows[i].text, &condition, &said));
        if (strstr(said, rows[i].said) == NULL || strstr(said, "--fail-if '") == NULL ||
            strstr(said, rows[i].text) == NULL || strchr(said, '\n') != said + strlen(said) - 1)
            fail_msg("'%s': %s", rows[i].text, said);
        free(said);
    }
    char longest[300];
    struct condition condition;
    char *said = NULL;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    longest[250] = '>';
    assert_false(parse(longest, &condition, &said));
    free(said);
}

static void test_comparisons(void **state)
{
    static const struct {
        const char *text;
        bool below;
        bool at;
        bool above;
    } rows[] = {{"x>2", false, false, true},
                {"x>=2", false, true, true},
                {"x<2", true, false, false},
                {"x<=2", true, true, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct condition condition;
        char *said = NULL;
        assert_true(parse(rows[i].text, &condition, &said));
        assert_int_equal(condition_holds(&condition, 1), rows[i].below);
        assert_int_equal(condition_holds(&condition, 2), rows[i].at);
        assert_int_equal(condition_holds(&condition, 3), rows[i].above);
        /* What was not measured is not within bounds. */
        assert_true(condition_holds(&condition, NAN));
        free(said);
    }
}

static void test_the_value_is_said_with_its_unit(void **state)
{
    static const struct {
        enum condition_unit unit;
        double value;
        const char *said;
    } rows[] = {{CONDITION_TIME, 12.34e6, "holds: 12.3 ms"},
                {CONDITION_COUNT, 1234, "holds: 1234\n"},
                {CONDITION_RATE, 3999.8, "holds: 3999.8/s"},
                {CONDITION_SPEED, 1048576, "holds: 1.00 MiB/s"},
                {CONDITION_SIZE, 2048, "holds: 2.00 KiB\n"},
                {CONDITION_KIB, 0.4964, "holds: 0.4964 KiB"},
                {CONDITION_NUMBER, 1.25, "holds: 1.25\n"},
                {CONDITION_TIME, NAN, "it was not measured"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct printed err;
        condition_say("a>1", rows[i].unit, rows[i].value, printed_start(&err));
        char *said = printed_end(&err);
        assert_non_null(strstr(said, "sni-bench: --fail-if 'a>1' "));
        if (strstr(said, rows[i].said) == NULL)
            fail_msg("%s", said);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_have_the_unit_of_the_word),
        cmocka_unit_test(test_what_is_none_says_why),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_the_value_is_said_with_its_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
