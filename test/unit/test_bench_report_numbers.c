/* Medians, ranges and ratios of a comparison; documents that are not what they seem. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "bench/report.h"
#include "test/support/run_document.h"

#define COST "cpu_us_per_request"

/* A result with one cost; negative = null. */
static cJSON *result_with(double cost)
{
    return run_document_make(&(struct run_document){.cpu_us = cost});
}

static void add(struct comparison *comparison, const char *name, const double *costs, size_t count)
{
    size_t target =
        comparison_add_target(comparison, name, "127.0.0.1:1", "", strcmp(name, "direct") == 0);

    assert_int_not_equal(target, COMPARE_NONE);
    for (size_t i = 0; i < count; i++)
        assert_true(comparison_add_run(comparison, target, i, 0, result_with(costs[i])));
    comparison->rounds = count > comparison->rounds ? count : comparison->rounds;
}

static struct compare_ratio ratio_of(struct comparison *comparison, const char *of, const char *to)
{
    return comparison_ratio(comparison, compare_find_metric(COST),
                            comparison_find_target(comparison, of),
                            comparison_find_target(comparison, to));
}

static void start(struct comparison *comparison)
{
    assert_true(comparison_init(comparison, "title", "latency"));
}

static void test_median_and_range(void **state)
{
    struct comparison comparison;
    struct compare_spread spread;
    const double odd[] = {9, 1, 5, 100, 4};
    const double even[] = {4, 1, 3, 2};
    const double unknown[] = {-1, -1};
    const double partly[] = {-1, 7};

    (void)state;
    start(&comparison);
    add(&comparison, "odd", odd, 5);
    add(&comparison, "even", even, 4);
    add(&comparison, "unknown", unknown, 2);
    add(&comparison, "partly", partly, 2);
    const struct compare_metric *metric = compare_find_metric(COST);
    assert_true(comparison_spread(&comparison, metric, 0, &spread));
    assert_true(spread.median == 5 && spread.min == 1 && spread.max == 100 && spread.count == 5);
    assert_true(spread.values[0] == 9 && spread.values[4] == 4);
    assert_true(comparison_spread(&comparison, metric, 1, &spread));
    assert_true(spread.median == 2.5 && spread.min == 1 && spread.max == 4);
    assert_false(comparison_spread(&comparison, metric, 2, &spread));
    assert_true(comparison_spread(&comparison, metric, 3, &spread));
    assert_true(spread.median == 7 && spread.count == 1);
    assert_ptr_equal(comparison_main_metric(&comparison), metric);
    comparison_free(&comparison);
}

static void test_ratio_and_noise(void **state)
{
    struct comparison comparison;
    const double low[] = {10, 11, 12};
    const double touching[] = {12, 20, 24};
    const double apart[] = {12.5, 20, 24};
    const double zero[] = {0, 0, 0};

    (void)state;
    start(&comparison);
    add(&comparison, "low", low, 3);
    add(&comparison, "touching", touching, 3);
    add(&comparison, "apart", apart, 3);
    add(&comparison, "zero", zero, 3);
    struct compare_ratio ratio = ratio_of(&comparison, "touching", "low");
    assert_true(ratio.known && ratio.within_noise && fabs(ratio.ratio - 20.0 / 11) < 1e-12);
    ratio = ratio_of(&comparison, "apart", "low");
    assert_true(ratio.known && !ratio.within_noise);
    ratio = ratio_of(&comparison, "low", "apart");
    assert_true(ratio.known && !ratio.within_noise && fabs(ratio.ratio - 0.55) < 1e-12);
    assert_false(ratio_of(&comparison, "low", "low").known);
    assert_false(ratio_of(&comparison, "low", "zero").known);
    assert_false(ratio_of(&comparison, "low", "nobody").known);
    comparison_free(&comparison);
}

static void test_validity(void **state)
{
    const struct run_document limited = {.cpu_us = 1, .limited = true};
    struct comparison comparison;
    const double five[] = {1, 2, 3, 4, 5};

    (void)state;
    start(&comparison);
    add(&comparison, "a", five, 4);
    assert_false(comparison_is_valid(&comparison)); /* too few rounds */
    comparison_free(&comparison);
    start(&comparison);
    add(&comparison, "a", five, 5);
    assert_true(comparison_is_valid(&comparison));
    assert_false(comparison_has_failed(&comparison));
    assert_true(comparison_add_run(&comparison, 0, 5, 1, NULL));
    assert_true(comparison_has_failed(&comparison));
    assert_true(comparison_add_run(&comparison, 0, 6, 2, run_document_make(&limited)));
    assert_false(comparison_is_valid(&comparison));
    assert_int_equal(comparison_limited(&comparison, 0), 1);
    assert_int_equal(comparison_failed(&comparison, 0), 1);
    comparison_free(&comparison);
}

static void test_limits(void **state)
{
    struct comparison comparison;
    char name[16];

    (void)state;
    start(&comparison);
    for (size_t i = 0; i < COMPARE_TARGETS_MAX; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        assert_int_equal(comparison_add_target(&comparison, name, "", "", false), i);
    }
    assert_int_equal(comparison_add_target(&comparison, "more", "", "", false), COMPARE_NONE);
    for (size_t i = 0; i < COMPARE_ROUNDS_MAX; i++)
        assert_true(comparison_add_run(&comparison, 3, i, 0, result_with(1)));
    assert_false(comparison_add_run(&comparison, 3, 64, 0, result_with(1)));
    comparison_free(&comparison);
}

static void test_formats(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"},          {0.0004, "0.0004"}, {0.12345, "0.123"},
                {0.99999, "1.00"}, {1.2345, "1.23"},   {9.999, "10.0"},
                {99.97, "100"},    {12345.6, "12346"}, {-2.5, "-2.50"}};
    char text[COMPARE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(compare_format(rows[i].value, text), rows[i].text);
    assert_string_equal(compare_format_ratio((struct compare_ratio){false, false, NAN}, text), "-");
    assert_string_equal(compare_format_ratio((struct compare_ratio){true, true, 1.019}, text),
                        "1.02 (within noise)");
}

/* Documents from anywhere: what is not there counts as not measured, and the page is made. */
static void test_strange_documents(void **state)
{
    static const char *const accepted[] = {
        "{\"tool\":\"sni-bench\",\"mode\":\"latency\"}",
        "{\"tool\":\"sni-bench\",\"mode\":\"conn\",\"labels\":[],\"phases\":3,\"series\":{},"
        "\"costs\":\"x\",\"environment\":[]}",
        "{\"tool\":\"sni-bench\",\"mode\":\"bulk\",\"totals\":{\"in_bytes_per_s\":1e308,"
        "\"out_bytes_per_s\":1e308},\"series\":[1,null,{\"at_s\":\"x\"},{\"at_s\":1},"
        "{\"at_s\":1,\"active\":-5}]}",
        "{\"tool\":\"sni-bench\",\"mode\":\"latency\",\"measures_latency\":true,\"phases\":"
        "{\"latency\":{\"count\":3,\"histogram\":[[1,2],[-1,5],[1e300,1],[5,1e300],[2],[],7,"
        "[\"a\",\"b\"],[9e15,9e15],[4e12,3]]}}}",
        "{\"tool\":\"sni-bench\",\"mode\":\"compare\"}",
        "{\"tool\":\"sni-bench\",\"mode\":\"compare\",\"rounds\":1e99,\"run_mode\":7,\"targets\":"
        "[{},{\"name\":\"a\"},{\"name\":\"a\"},3],\"runs\":[{\"target\":\"a\"},{\"target\":\"b\"},"
        "{\"target\":\"a\",\"round\":-1,\"result\":{\"series\":[{}]}},null]}",
    };
    static const char *const refused[] = {"[]",
                                          "3",
                                          "\"x\"",
                                          "null",
                                          "{}",
                                          "{\"tool\":\"sni-bench\",\"mode\":\"serve\"}",
                                          "{\"tool\":\"other\",\"mode\":\"latency\"}",
                                          "{\"tool\":1,\"mode\":[]}"};
    struct report *report = malloc(sizeof *report);
    const char *why;

    (void)state;
    assert_non_null(report);
    assert_true(report_init(report));
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        assert_true(report_add(report, cJSON_Parse(accepted[i]), "file.json", &why));
        assert_true(report_write_html(report, "/dev/null"));
        cJSON *charts = report_make_charts(report);
        assert_non_null(charts);
        cJSON_Delete(charts);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(report_add(report, cJSON_Parse(refused[i]), "file.json", &why));
    report_free(report);
    free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median_and_range), cmocka_unit_test(test_ratio_and_noise),
        cmocka_unit_test(test_validity),         cmocka_unit_test(test_limits),
        cmocka_unit_test(test_formats),          cmocka_unit_test(test_strange_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
