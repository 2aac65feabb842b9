#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

/*
 * Latencies in HDR layout: 3 significant digits from 1 us to 1 h, values in nanoseconds.
 *
 * The layout is HdrHistogram's for lowest = 1000, highest = 3.6e12, digits = 3, so that counts can
 * be compared with and exported to every tool of that family: 2048 linear steps of 512 ns, then for
 * each doubling 1024 steps of twice the width. Recording is an index computation and an increment:
 * no allocation, no lock; one writer, merged at the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_LOWEST_NS  1000ull
#define HISTOGRAM_HIGHEST_NS 3600000000000ull
#define HISTOGRAM_SLOTS      24576u

struct histogram {
    uint64_t count;
    uint64_t min_ns; /* exact smallest and largest recorded value; min is UINT64_MAX when empty */
    uint64_t max_ns;
    double sum_ns;
    uint64_t clamped;  /* values above HISTOGRAM_HIGHEST_NS, counted in the last slot */
    uint32_t low_slot; /* all counts lie in [low_slot, high_slot]; low > high when empty */
    uint32_t high_slot;
    uint64_t counts[HISTOGRAM_SLOTS];
};

/* Empties it. Touches only the slots in use, so a per-second reset is cheap. */
void histogram_reset(struct histogram *histogram);
/* For memory that holds no histogram yet. */
void histogram_init(struct histogram *histogram);

/* Records one value. */
void histogram_record(struct histogram *histogram, uint64_t value_ns);
/* Adds `count` times the value; used to read a stored result back. */
void histogram_record_many(struct histogram *histogram, uint64_t value_ns, uint64_t count);
/* Adds all of `from` to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The slot a value falls into; and the smallest and largest value of a slot. */
uint32_t histogram_slot(uint64_t value_ns);
uint64_t histogram_slot_lowest(uint32_t slot);
uint64_t histogram_slot_highest(uint32_t slot);

/*
 * The value at a percentile in [0, 100]: the largest value of the slot that holds the sample of
 * that rank (rank = ceil(percentile% of count), at least 1), never above the exact maximum.
 * 0 when empty.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percentile);
double histogram_mean(const struct histogram *histogram);
double histogram_stddev(const struct histogram *histogram);

/*
 * Writes the percentile distribution as HdrHistogram's tools print it (.hgrm), in milliseconds:
 * columns Value, Percentile, TotalCount, 1/(1-Percentile). False when writing failed.
 */
bool histogram_write_hgrm(const struct histogram *histogram, FILE *out);

#endif
