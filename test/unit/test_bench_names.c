/* Sets of names: where they come from, how they are picked, what matches. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/names.h"

#define PICKS 200000u

static void test_count_and_list(void **state)
{
    struct names names;
    char error[128];
    char buffer[NAMES_MAX_LENGTH + 1];

    (void)state;
    assert_true(names_from_spec(&names, "1k", error, sizeof error));
    assert_int_equal(names.count, 1000);
    assert_string_equal(names_text(&names, 999, buffer), "b999.bench.test");
    names_free(&names);
    assert_true(names_from_spec(&names, "a.test,*.b.test,,c", error, sizeof error));
    assert_int_equal(names.count, 3);
    assert_string_equal(names_text(&names, 1, buffer), "*.b.test");
    names_free(&names);
    assert_false(names_from_spec(&names, "0", error, sizeof error));
    assert_false(names_from_spec(&names, ",", error, sizeof error));
    names_free(&names);
}

static void write_file(char path[], const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_file(void **state)
{
    char path[] = "/tmp/test_bench_names.XXXXXX";
    struct names names;
    char error[128];
    char buffer[NAMES_MAX_LENGTH + 1];

    (void)state;
    write_file(path, "# a comment\none.test\r\n\ntwo.test\nthree.test");
    assert_true(names_from_file(&names, path, error, sizeof error));
    assert_int_equal(names.count, 3);
    assert_string_equal(names_text(&names, 0, buffer), "one.test");
    assert_string_equal(names_text(&names, 2, buffer), "three.test");
    names_free(&names);
    unlink(path);
    assert_false(names_from_file(&names, path, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
    names_free(&names);
}

static void test_too_long_a_name(void **state)
{
    char list[400];
    struct names names;
    char error[128];

    (void)state;
    memset(list, 'a', sizeof list);
    list[sizeof list - 1] = '\0';
    assert_false(names_from_list(&names, list, error, sizeof error));
    names_free(&names);
}

/* Chi-squared of the picks against the expected weights. */
static double chi_squared(const struct names *names, double exponent, uint64_t seed)
{
    double weights[100];
    uint32_t counts[100] = {0};
    double sum = 0;
    double chi = 0;

    for (uint32_t i = 0; i < names->count; i++) {
        weights[i] = pow(i + 1.0, -exponent);
        sum += weights[i];
    }
    for (uint32_t i = 0; i < PICKS; i++) {
        uint32_t pick = names_pick(names, &seed);
        assert_true(pick < names->count);
        counts[pick]++;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        double expected = PICKS * weights[i] / sum;
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return chi;
}

static void test_picks_follow_the_weights(void **state)
{
    static const double exponents[] = {0.5, 1.0, 1.1, 2.0};
    struct names names;
    char error[128];

    (void)state;
    assert_true(names_from_count(&names, 100, error, sizeof error));
    /* 99 degrees of freedom: above 160 once in ten thousand; the seeds are fixed. */
    assert_true(chi_squared(&names, 0.0, 1) < 160.0);
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        assert_true(names_set_zipf(&names, exponents[i]));
        assert_true(chi_squared(&names, exponents[i], i) < 160.0);
    }
    /* And the check can tell: the last weights are not those of another exponent. */
    assert_true(chi_squared(&names, 1.1, 1) > 1000.0);
    names_free(&names);
}

static void test_same_seed_same_names(void **state)
{
    struct names names;
    char error[128];
    uint64_t first = 5;
    uint64_t second = 5;

    (void)state;
    assert_true(names_from_count(&names, 1000, error, sizeof error));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(names_pick(&names, &first), names_pick(&names, &second));
    names_free(&names);
}

static void test_match(void **state)
{
    (void)state;
    assert_true(names_match("a.test", "a.test"));
    assert_true(names_match("a.test", "A.TEST"));
    assert_false(names_match("a.test", "b.a.test"));
    assert_true(names_match("*.a.test", "x.a.test"));
    assert_false(names_match("*.a.test", "a.test"));
    assert_false(names_match("*.a.test", "y.x.a.test"));
    assert_false(names_match("*.a.test", ".a.test") && names_match("*.a.test", "xa.test"));
    assert_true(names_match("**.a.test", "x.a.test"));
    assert_true(names_match("**.a.test", "y.x.a.test"));
    assert_false(names_match("**.a.test", "a.test"));
    assert_false(names_match("**.a.test", "xa.test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_and_list),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_too_long_a_name),
        cmocka_unit_test(test_picks_follow_the_weights),
        cmocka_unit_test(test_same_seed_same_names),
        cmocka_unit_test(test_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
