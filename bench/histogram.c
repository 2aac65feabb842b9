#include "bench/histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "bench/clock.h"

/* floor(log2(lowest)): steps of 512 ns, the widest power of two that keeps 1 us apart. */
#define UNIT_BITS 9u
/* 2 * 10^3 rounded up to a power of two gives three significant digits. */
#define SUB_BITS      11u
#define SUB_COUNT     (1u << SUB_BITS)
#define SUB_HALF      (SUB_COUNT / 2)
#define SUB_HALF_BITS (SUB_BITS - 1)
/* Reporting ticks for each halving of the distance to 100 %, as HdrHistogram's default. */
#define HGRM_TICKS 5

void histogram_init(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->min_ns = UINT64_MAX;
    histogram->low_slot = HISTOGRAM_SLOTS;
}

void histogram_reset(struct histogram *histogram)
{
    if (histogram->low_slot <= histogram->high_slot) {
        size_t used = histogram->high_slot - histogram->low_slot + 1;
        memset(&histogram->counts[histogram->low_slot], 0, used * sizeof histogram->counts[0]);
    }
    histogram->count = 0;
    histogram->min_ns = UINT64_MAX;
    histogram->max_ns = 0;
    histogram->sum_ns = 0;
    histogram->clamped = 0;
    histogram->low_slot = HISTOGRAM_SLOTS;
    histogram->high_slot = 0;
}

uint32_t histogram_slot(uint64_t value_ns)
{
    /* The bucket is how often the value must be halved to fit into the sub-bucket range. */
    uint64_t reach = value_ns | ((uint64_t)SUB_COUNT - 1) << UNIT_BITS;
    uint32_t bucket = 64u - (uint32_t)__builtin_clzll(reach) - UNIT_BITS - SUB_BITS;
    uint32_t sub = (uint32_t)(value_ns >> (bucket + UNIT_BITS));

    return (bucket << SUB_HALF_BITS) + sub;
}

/* Splits a slot into its power of two and its step there. */
static uint32_t slot_bucket(uint32_t slot, uint64_t *sub)
{
    if (slot < SUB_COUNT) {
        *sub = slot;
        return 0;
    }
    *sub = slot % SUB_HALF + SUB_HALF;
    return (slot >> SUB_HALF_BITS) - 1;
}

uint64_t histogram_slot_lowest(uint32_t slot)
{
    uint64_t sub;
    uint32_t bucket = slot_bucket(slot, &sub);

    return sub << (bucket + UNIT_BITS);
}

uint64_t histogram_slot_highest(uint32_t slot)
{
    uint64_t sub;
    uint32_t bucket = slot_bucket(slot, &sub);

    return ((sub + 1) << (bucket + UNIT_BITS)) - 1;
}

void histogram_record_many(struct histogram *histogram, uint64_t value_ns, uint64_t count)
{
    if (count == 0)
        return;
    if (value_ns > HISTOGRAM_HIGHEST_NS) {
        histogram->clamped += count;
        value_ns = HISTOGRAM_HIGHEST_NS;
    }
    uint32_t slot = histogram_slot(value_ns);
    assert(slot < HISTOGRAM_SLOTS);
    histogram->counts[slot] += count;
    histogram->count += count;
    histogram->sum_ns += (double)value_ns * (double)count;
    if (value_ns < histogram->min_ns)
        histogram->min_ns = value_ns;
    if (value_ns > histogram->max_ns)
        histogram->max_ns = value_ns;
    if (slot < histogram->low_slot)
        histogram->low_slot = slot;
    if (slot > histogram->high_slot)
        histogram->high_slot = slot;
}

void histogram_record(struct histogram *histogram, uint64_t value_ns)
{
    histogram_record_many(histogram, value_ns, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return;
    for (uint32_t slot = from->low_slot; slot <= from->high_slot; slot++)
        into->counts[slot] += from->counts[slot];
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    into->clamped += from->clamped;
    if (from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    if (from->low_slot < into->low_slot)
        into->low_slot = from->low_slot;
    if (from->high_slot > into->high_slot)
        into->high_slot = from->high_slot;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percentile)
{
    if (histogram->count == 0)
        return 0;
    /* Without the slack rounding would put the 99.9th percentile of 1000 samples at rank 1000. */
    double exact = percentile / 100.0 * (double)histogram->count;
    uint64_t rank = (uint64_t)ceil(exact - 1e-9 * exact);
    if (rank < 1)
        rank = 1;
    uint64_t seen = 0;
    for (uint32_t slot = histogram->low_slot; slot <= histogram->high_slot; slot++) {
        seen += histogram->counts[slot];
        if (seen >= rank) {
            uint64_t value = histogram_slot_highest(slot);
            return value < histogram->max_ns ? value : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0.0 : histogram->sum_ns / (double)histogram->count;
}

double histogram_stddev(const struct histogram *histogram)
{
    if (histogram->count == 0)
        return 0.0;
    double mean = histogram_mean(histogram);
    double squares = 0.0;
    for (uint32_t slot = histogram->low_slot; slot <= histogram->high_slot; slot++) {
        if (histogram->counts[slot] == 0)
            continue;
        uint64_t lowest = histogram_slot_lowest(slot);
        double middle = (double)(lowest + (histogram_slot_highest(slot) - lowest + 1) / 2);
        squares += (middle - mean) * (middle - mean) * (double)histogram->counts[slot];
    }
    return sqrt(squares / (double)histogram->count);
}

/* The next percentile to print: equal steps within each halving of the distance to 100 %. */
static double hgrm_next(double percentile)
{
    double halvings = floor(log2(100.0 / (100.0 - percentile))) + 1;

    return percentile + 100.0 / (HGRM_TICKS * pow(2.0, halvings));
}

static void hgrm_line(FILE *out, uint64_t value_ns, double percentile, uint64_t count)
{
    double value_ms = (double)value_ns / (double)NS_PER_MS;

    if (percentile < 100.0)
        fprintf(out, "%12.6f %2.12f %10llu %14.2f\n", value_ms, percentile / 100.0,
                (unsigned long long)count, 1.0 / (1.0 - percentile / 100.0));
    else
        fprintf(out, "%12.6f %2.12f %10llu\n", value_ms, 1.0, (unsigned long long)count);
}

static void hgrm_lines(const struct histogram *histogram, FILE *out)
{
    double next = 0.0;
    uint64_t seen = 0;

    for (uint32_t slot = histogram->low_slot; slot <= histogram->high_slot; slot++) {
        if (histogram->counts[slot] == 0)
            continue;
        seen += histogram->counts[slot];
        if (seen == histogram->count) {
            hgrm_line(out, histogram->max_ns, next, seen);
            break;
        }
        double reached = 100.0 * (double)seen / (double)histogram->count;
        for (; next <= reached; next = hgrm_next(next))
            hgrm_line(out, histogram_slot_highest(slot), next, seen);
    }
    if (histogram->count > 0)
        hgrm_line(out, histogram->max_ns, 100.0, histogram->count);
}

bool histogram_write_hgrm(const struct histogram *histogram, FILE *out)
{
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    hgrm_lines(histogram, out);
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
            histogram_mean(histogram) / (double)NS_PER_MS,
            histogram_stddev(histogram) / (double)NS_PER_MS);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n",
            (double)histogram->max_ns / (double)NS_PER_MS, (unsigned long long)histogram->count);
    fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n", HISTOGRAM_SLOTS / SUB_HALF - 1,
            SUB_COUNT);
    return fflush(out) == 0 && !ferror(out);
}
