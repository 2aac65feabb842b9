/* Conditions of a comparison: the load modes' words and the metrics of --json, and whose they are.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "bench/compare.h"
#include "test/support/printed.h"
#include "test/support/run_document.h"

static cJSON *result_with(double p99_ms, double cpu_us, int resets)
{
    return run_document_make(
        &(struct run_document){.cpu_us = cpu_us, .rate = 2000, .p99_ms = p99_ms, .resets = resets});
}

/* direct, a (p99 2 ms, 10 us), b.1 (p99 8 ms, 25 us, errors in one round), dark (nothing). */
static void start(struct comparison *comparison)
{
    assert_true(comparison_init(comparison, "title", "latency"));
    comparison_add_target(comparison, "direct", "127.0.0.1:1", "", true);
    comparison_add_target(comparison, "a", "127.0.0.1:2", "12", false);
    comparison_add_target(comparison, "b.1", "127.0.0.1:3", "13", false);
    comparison_add_target(comparison, "dark", "127.0.0.1:4", "14", false);
    comparison_add_target(comparison, "nopid", "127.0.0.1:5", "", false);
    comparison->rounds = 3;
    for (size_t round = 0; round < 3; round++) {
        comparison_add_run(comparison, 0, round, 0, result_with(1, -1, 0));
        comparison_add_run(comparison, 1, round, 0, result_with(2 + (double)round, 10, 0));
        comparison_add_run(comparison, 2, round, 0, result_with(8, 25, round == 1 ? 7 : 0));
        comparison_add_run(comparison, 3, round, 1, NULL);
        comparison_add_run(comparison, 4, round, 0, result_with(4, -1, 0));
    }
}

static struct options options_of(const char *mode, double rate)
{
    struct options run;

    options_init(&run, options_find_mode(mode));
    run.load.rate = rate;
    return run;
}

static void test_what_holds(void **state)
{
    static const struct {
        const char *text;
        const char *said; /* NULL = it does not hold */
    } rows[] = {
        {"p99>5ms", NULL},
        {"p99>2.9ms", "3.00 ms is the median of a"},
        {"a.p99>3ms", NULL},
        {"a.p99>=3ms", "is the median of a"},
        {"b.1.p99>5ms", "8.00 ms is the median of b.1"},
        {"p99 b.1 > 5ms", "is the median of b.1"},
        {"b.1.p99.9>15ms", "16.0 ms"},
        {"direct.p99.9 > 15ms", NULL},
        {"rate<2001", "2000/s is the median of a"},
        {"rate<2k", NULL},
        {"throughput<3m", "2.00 MiB/s"},
        {"cpu_request>9us", "10.0 us is the median of a"},
        {"cpu_request a/b.1 > 0.4", NULL},
        {"cpu_request a/b.1 >= 0.4", "0.4 is the ratio of the medians of a and b.1\n"},
        {"a/b.1.cpu_request>0.39", "0.4 is the ratio"},
        {"p99 a/direct > 2", "3 is the ratio of the medians of a and direct"},
        {"p99_ms a > 2.5", "3 ms is the median of a"},
        {"p99_ms > 5", NULL},
        {"cpu_us_per_request a/b.1>0.39", "0.4 is the ratio"},
        {"requests_per_s a < 3k", "2000/s is the median of a"},
        {"errors>0", NULL},
        {"b.1.errors>0", "7 is the worst round of b.1"},
        /* What was not measured is not within bounds. */
        {"dark.p99>1h", "it was not measured"},
        {"cpu_request a/dark > 1000", "it was not measured"},
        {"slip>1h", "it was not measured"},
    };
    struct comparison comparison;
    struct options run = options_of("latency", 2000);

    (void)state;
    start(&comparison);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct printed out;
        FILE *err = printed_start(&out);
        bool good = compare_check_condition(&comparison, &run, rows[i].text, err);
        bool holds = good && compare_condition_holds(&comparison, rows[i].text, err);
        char *said = printed_end(&out);
        const char *wanted = rows[i].said == NULL ? "" : rows[i].said;
        if (!good || holds != (rows[i].said != NULL) || strstr(said, wanted) == NULL ||
            (!holds && said[0] != '\0'))
            fail_msg("%s: %d %d '%s'", rows[i].text, good, holds, said);
        free(said);
    }
    comparison_free(&comparison);
}

static void test_a_limited_run_is_named(void **state)
{
    struct comparison comparison;
    struct printed out;

    (void)state;
    start(&comparison);
    cJSON_ReplaceItemInObject(comparison.runs[1].result, "valid", cJSON_CreateFalse());
    cJSON_ReplaceItemInObject(comparison.runs[1].result, "limited_by_tool", cJSON_CreateTrue());
    FILE *err = printed_start(&out);
    assert_true(compare_condition_holds(&comparison, "p99>2ms", err));
    assert_true(compare_condition_holds(&comparison, "p99 b.1/a > 1", err));
    char *said = printed_end(&out);
    assert_non_null(strstr(said, "median of a; the load tool was the limit in some of the runs\n"));
    assert_non_null(strstr(said, "b.1 and a; the load tool was the limit in some of the runs\n"));
    free(said);
    assert_true(compare_condition_holds(&comparison, "cpu_request>1us", printed_start(&out)));
    said = printed_end(&out);
    assert_null(strstr(said, "limit"));
    free(said);
    comparison_free(&comparison);
}

static void check_refused(const struct comparison *comparison, const struct options *run,
                          const char *text, const char *wanted)
{
    struct printed err;
    bool good = compare_check_condition(comparison, run, text, printed_start(&err));
    char *said = printed_end(&err);

    if (good || strstr(said, wanted) == NULL || strstr(said, text) == NULL ||
        strchr(said, '\n') != said + strlen(said) - 1)
        fail_msg("%s: %d '%s'", text, good, said);
    free(said);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"", "'haproxy.p99>5ms'"},
        {"p99", "'haproxy.p99>5ms'"},
        {"nonsense>1", "there is no metric 'nonsense'; there are: p50"},
        {"nonsense>1", "cpu_us_per_request"},
        {"a.nonsense>1", "there is no metric 'nonsense'"},
        {"nonsense a > 1", "there is no metric 'nonsense'"},
        {"nobody.p99>5ms", "there is no target 'nobody'; there are: direct a b.1 dark nopid"},
        {"b.p99.9>5ms", "there is no target 'b'"},
        {"p99 nobody > 5ms", "there is no target 'nobody'"},
        {"p99 a/nobody > 5", "there is no target 'a/nobody'"},
        {"nobody/a.p99 > 5", "there is no target 'nobody/a'"},
        {"p99>5", "a time such as 5ms"},
        {"a.p99>", "a time such as 5ms"},
        {"p99 a/b.1 > 5ms", "not a number such as 1.5, for a ratio"},
        {"p99_ms a > 5ms", "not a number such as 1.5, in ms"},
        {"cpu_us_per_request a > nan", "not a number"},
        {"cpu_us_per_request a > 1x", "not a number"},
        {"cpu_request direct > 1us", "direct has no router"},
        {"direct.cpu_us_per_request>1", "direct has no router"},
        {"nopid.cpu_request>1us", "--via nopid=ADDR,pid=N"},
        {"cpu_request a/nopid > 1", "--via nopid=ADDR,pid=N"},
        {"cpu_gib>1s", "only bulk"},
        {"cpu_ms_per_gib a > 1", "only bulk"},
        {"connections_per_s a < 1", "only conn and latency --new-conn"},
    };
    struct comparison comparison;
    struct options run = options_of("latency", 2000);

    (void)state;
    start(&comparison);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_refused(&comparison, &run, rows[i].text, rows[i].said);
    run = options_of("bulk", 0);
    check_refused(&comparison, &run, "p99>5ms", "only conn and latency");
    check_refused(&comparison, &run, "p99_ms>5", "only conn and latency");
    /* In a closed loop there is a p99, but it is no latency. */
    run = options_of("latency", 0);
    check_refused(&comparison, &run, "p99_ms>5", "closed loop measures no latency");
    comparison_free(&comparison);
}

static void test_a_closed_loop_is_named(void **state)
{
    struct comparison comparison;
    struct options run = options_of("latency", 0);
    struct printed err;

    (void)state;
    start(&comparison);
    assert_true(compare_check_condition(&comparison, &run, "p99>5ms", printed_start(&err)));
    char *said = printed_end(&err);
    assert_non_null(strstr(said, "the service time of a closed loop"));
    free(said);
    comparison_free(&comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_holds),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_limited_run_is_named),
        cmocka_unit_test(test_a_closed_loop_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
