/* The histogram against exact percentiles of sorted samples, and its layout's edges. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/histogram.h"
#include "bench/random.h"
#include "test/support/printed.h"

#define SAMPLES 50000u

static struct histogram *make(void)
{
    struct histogram *histogram = malloc(sizeof *histogram);

    assert_non_null(histogram);
    histogram_init(histogram);
    return histogram;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* Samples spread over `decades` powers of ten from `base` on. */
static uint64_t draw(uint64_t *state, uint64_t base, uint32_t decades)
{
    uint64_t value = base;

    for (uint32_t i = random_below(state, decades + 1); i > 0; i--)
        value *= 10;
    return value + (uint64_t)(random_unit(state) * 9.0 * (double)value);
}

static uint64_t exact_percentile(const uint64_t *sorted, size_t count, double percentile)
{
    size_t rank = 1;

    while (rank < count && (double)rank * 100.0 < percentile * (double)count - 1e-6)
        rank++;
    return sorted[rank - 1];
}

static void check_against_sorted(uint64_t seed, uint64_t base, uint32_t decades)
{
    static const double percentiles[] = {0.001, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};
    uint64_t *samples = malloc(SAMPLES * sizeof *samples);
    struct histogram *histogram = make();

    assert_non_null(samples);
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i] = draw(&seed, base, decades);
        histogram_record(histogram, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof *samples, compare);
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        uint64_t exact = exact_percentile(samples, SAMPLES, percentiles[i]);
        uint64_t told = histogram_percentile(histogram, percentiles[i]);
        /* Exact to its bucket: the very slot that the exact value lies in. */
        assert_int_equal(histogram_slot(told), histogram_slot(exact));
        assert_true(told >= exact);
    }
    assert_int_equal(histogram->min_ns, samples[0]);
    assert_int_equal(histogram->max_ns, samples[SAMPLES - 1]);
    assert_int_equal(histogram_percentile(histogram, 100), samples[SAMPLES - 1]);
    assert_int_equal(histogram->count, SAMPLES);
    free(histogram);
    free(samples);
}

static void test_percentiles_are_exact_to_the_slot(void **state)
{
    (void)state;
    check_against_sorted(1, 1000, 0);
    check_against_sorted(2, 1000, 7);
    check_against_sorted(3, 20000, 3);
    check_against_sorted(4, 1, 2);
    check_against_sorted(5, 100000000, 3);
}

static void test_slots_partition_the_range(void **state)
{
    (void)state;
    assert_int_equal(histogram_slot(0), 0);
    assert_int_equal(histogram_slot_lowest(0), 0);
    for (uint32_t slot = 0; slot + 1 < HISTOGRAM_SLOTS; slot++) {
        uint64_t lowest = histogram_slot_lowest(slot);
        uint64_t highest = histogram_slot_highest(slot);
        assert_int_equal(histogram_slot(lowest), slot);
        assert_int_equal(histogram_slot(highest), slot);
        assert_int_equal(histogram_slot_lowest(slot + 1), highest + 1);
        /* Three significant digits above the unit; one microsecond apart below. */
        if (lowest >= 1024 * 512)
            assert_true((highest - lowest + 1) * 1000 <= lowest);
        else
            assert_int_equal(highest - lowest + 1, 512);
    }
    assert_true(histogram_slot(HISTOGRAM_HIGHEST_NS) < HISTOGRAM_SLOTS);
}

static void test_values_above_an_hour_are_counted_as_one_hour(void **state)
{
    struct histogram *histogram = make();

    (void)state;
    histogram_record(histogram, UINT64_MAX);
    histogram_record(histogram, HISTOGRAM_HIGHEST_NS + 1);
    histogram_record(histogram, HISTOGRAM_HIGHEST_NS);
    assert_int_equal(histogram->count, 3);
    assert_int_equal(histogram->clamped, 2);
    assert_int_equal(histogram->max_ns, HISTOGRAM_HIGHEST_NS);
    free(histogram);
}

static void test_empty(void **state)
{
    struct histogram *histogram = make();

    (void)state;
    assert_int_equal(histogram_percentile(histogram, 99), 0);
    assert_true(histogram_mean(histogram) == 0.0);
    assert_true(histogram_stddev(histogram) == 0.0);
    free(histogram);
}

static void test_merge_equals_recording_all_in_one(void **state)
{
    struct histogram *one = make();
    struct histogram *parts[2] = {make(), make()};
    uint64_t random = 9;

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        uint64_t value = draw(&random, 1000, 6);
        histogram_record(one, value);
        histogram_record(parts[i % 2], value);
    }
    histogram_merge(parts[0], parts[1]);
    assert_int_equal(parts[0]->count, one->count);
    assert_int_equal(parts[0]->min_ns, one->min_ns);
    assert_int_equal(parts[0]->max_ns, one->max_ns);
    assert_memory_equal(parts[0]->counts, one->counts, sizeof one->counts);
    /* Merging nothing changes nothing. */
    histogram_reset(parts[1]);
    histogram_merge(parts[0], parts[1]);
    assert_memory_equal(parts[0]->counts, one->counts, sizeof one->counts);
    assert_int_equal(parts[0]->min_ns, one->min_ns);
    free(one);
    free(parts[0]);
    free(parts[1]);
}

static void test_reset_leaves_nothing(void **state)
{
    struct histogram *used = make();
    struct histogram *fresh = make();
    uint64_t random = 3;

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        histogram_record(used, draw(&random, 1, 12));
    histogram_reset(used);
    assert_memory_equal(used, fresh, sizeof *fresh);
    free(used);
    free(fresh);
}

static void test_mean_and_deviation(void **state)
{
    struct histogram *histogram = make();

    (void)state;
    histogram_record_many(histogram, 1000000, 500);
    histogram_record_many(histogram, 3000000, 500);
    assert_true(histogram_mean(histogram) == 2000000.0);
    /* The slots' middles stand for the values. */
    assert_true(histogram_stddev(histogram) > 998000.0);
    assert_true(histogram_stddev(histogram) < 1002000.0);
    free(histogram);
}

static void test_hgrm_has_the_tools_form(void **state)
{
    struct histogram *histogram = make();
    struct printed out;

    (void)state;
    histogram_record_many(histogram, 1000000, 99);
    histogram_record(histogram, 50000000);
    assert_true(histogram_write_hgrm(histogram, printed_start(&out)));
    char *text = printed_end(&out);
    assert_non_null(strstr(text, "Value     Percentile TotalCount 1/(1-Percentile)"));
    assert_non_null(strstr(text, "1.000447 0.000000000000         99           1.00\n"));
    assert_non_null(strstr(text, "50.000000 1.000000000000        100\n"));
    assert_non_null(strstr(text, "#[Max     =       50.000, Total count    =          100]"));
    free(text);
    free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_are_exact_to_the_slot),
        cmocka_unit_test(test_slots_partition_the_range),
        cmocka_unit_test(test_values_above_an_hour_are_counted_as_one_hour),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_merge_equals_recording_all_in_one),
        cmocka_unit_test(test_reset_leaves_nothing),
        cmocka_unit_test(test_mean_and_deviation),
        cmocka_unit_test(test_hgrm_has_the_tools_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
