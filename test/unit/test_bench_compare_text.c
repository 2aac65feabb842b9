/* What tables of a comparison say: rounds, ratios, and which runs do not count. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/compare.h"
#include "test/support/printed.h"
#include "test/support/run_document.h"

/* A run with this cost and rate; `flaw`: NULL, "limited", "failed". */
static void add(struct comparison *comparison, const char *name, double cost, const char *flaw)
{
    size_t target =
        comparison_add_target(comparison, name, "127.0.0.1:1", "", strcmp(name, "direct") == 0);
    size_t round = comparison_runs_of(comparison, target);
    const struct run_document run = {
        .cpu_us = cost,
        .rate = 1000 + cost,
        .limited = flaw != NULL && strcmp(flaw, "limited") == 0,
        .failed = flaw != NULL && strcmp(flaw, "failed") == 0,
    };

    assert_true(comparison_add_run(comparison, target, round, 0, run_document_make(&run)));
}

/* `rounds` of direct (1, 2, ..), a (10, 11, ..) and b (20, 21, ..). */
static void start(struct comparison *comparison, size_t rounds)
{
    assert_true(comparison_init(comparison, "the title", "latency"));
    comparison->rounds = rounds;
    for (size_t round = 0; round < rounds; round++) {
        add(comparison, "direct", 1 + (double)round, NULL);
        add(comparison, "a", 10 + (double)round, NULL);
        add(comparison, "b", 20 + (double)round, NULL);
    }
}

static char *said_by(void (*print)(const struct comparison *, FILE *),
                     const struct comparison *comparison)
{
    struct printed out;

    print(comparison, printed_start(&out));
    return printed_end(&out);
}

static void check(const struct comparison *comparison, const char *in_text, const char *in_markdown)
{
    char *text = said_by(compare_print, comparison);
    char *markdown = said_by(compare_print_markdown, comparison);

    if (strstr(text, in_text) == NULL)
        fail_msg("no '%s' in:\n%s", in_text, text);
    if (strstr(markdown, in_markdown) == NULL)
        fail_msg("no '%s' in:\n%s", in_markdown, markdown);
    free(text);
    free(markdown);
}

static void test_how_many_rounds(void **state)
{
    struct comparison comparison;

    (void)state;
    start(&comparison, 5);
    check(&comparison, "the title: 5 rounds in turns, medians", "Median of 5 rounds in turns (sm");
    check(&comparison, "valid     yes", "× = ratio to a");
    comparison.rounds = 6;
    check(&comparison, "5 of 6 rounds in turns", "Median of 5 of 6 rounds in turns");
    comparison.rounds = 5;
    comparison.loose = true;
    check(&comparison, ": 5 runs of each,", "Median of 5 runs of each");
    add(&comparison, "b", 20, NULL);
    check(&comparison, ": 5 to 6 runs of each,", "Median of 5 to 6 runs of each");
    comparison_free(&comparison);
    start(&comparison, 1);
    check(&comparison, ": 1 round, ", "\n1 round;");
    check(&comparison, "fewer than 5 rounds", "Fewer than 5 rounds");
    check(&comparison, "valid     NO", "Not valid.");
    comparison.loose = true;
    check(&comparison, ": 1 run of each,", "\n1 run of each;");
    comparison_free(&comparison);
}

static void test_ratios(void **state)
{
    struct comparison comparison;

    (void)state;
    start(&comparison, 5);
    /* medians: direct 3, a 12, b 22 */
    check(&comparison, "22.0      20.0 .. 24.0      7.33                  1.83\n",
          "| 22.0 (20.0..24.0) **1.83×**, **7.33× direct** |");
    check(&comparison, "1012      1010 .. 1014      1.01                  -\n", "| 1012 (");
    add(&comparison, "a", 40, NULL);
    check(&comparison, "1.76 (within noise)", "≈ 1.76×, **7.33× direct** |");
    comparison_free(&comparison);
}

static void test_limited_runs_are_marked(void **state)
{
    struct comparison comparison;

    (void)state;
    start(&comparison, 4);
    comparison.rounds = 5;
    add(&comparison, "direct", 5, NULL);
    add(&comparison, "a", 14, "limited");
    add(&comparison, "b", 24, NULL);
    check(&comparison, "  a               *     1012", "1012 (1010..1014) **1.01× direct** ‡ |");
    check(&comparison, "  a                     12.0", "| 12.0 (10.0..14.0) **4.00× direct** | 22");
    check(&comparison, "* a                1 of 5 runs were limited by the load tool",
          "‡ = the load tool was the limit in some of these runs (1 of 15 in all)");
    check(&comparison, "      round 5: a thread was busy 99 %\n", "Not valid.");
    check(&comparison, "valid     NO", "");
    comparison_free(&comparison);
}

static void test_failed_runs_are_marked(void **state)
{
    struct comparison comparison;

    (void)state;
    start(&comparison, 4);
    comparison.rounds = 5;
    add(&comparison, "direct", 5, NULL);
    add(&comparison, "a", 14, NULL);
    add(&comparison, "b", 24, "failed");
    check(&comparison, "\n! b                     22.0", "**7.33× direct** † |");
    check(&comparison, "! b                1 of 5 runs FAILED",
          "† = some of these runs failed (1 of");
    check(&comparison, "valid     yes\nfailed    YES, see above\n", "");
    comparison_free(&comparison);
}

/* Results that do not say who the limit was, and runs that are not valid for another reason. */
static void test_why_a_run_is_not_valid(void **state)
{
    struct comparison comparison;

    (void)state;
    start(&comparison, 5);
    struct compare_run *run = &comparison.runs[4];
    cJSON_ReplaceItemInObject(run->result, "valid", cJSON_CreateFalse());
    assert_false(compare_run_is_limited(run));
    assert_int_equal(comparison_invalid(&comparison, 1), 1);
    assert_false(comparison_is_valid(&comparison));
    check(&comparison, "  a                1 of 5 runs are not valid", "Not valid.");
    cJSON_DeleteItemFromObject(run->result, "limited_by_tool");
    assert_true(compare_run_is_limited(run));
    comparison_free(&comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_many_rounds),
        cmocka_unit_test(test_ratios),
        cmocka_unit_test(test_limited_runs_are_marked),
        cmocka_unit_test(test_failed_runs_are_marked),
        cmocka_unit_test(test_why_a_run_is_not_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
