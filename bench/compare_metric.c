/* What is compared: values of runs, their median and range, ratios between targets. */

#include "bench/compare.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

double compare_number(const cJSON *json, const char *object, const char *field)
{
    const cJSON *part = object == NULL ? json : cJSON_GetObjectItemCaseSensitive(json, object);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(part, field);

    return cJSON_IsNumber(value) && isfinite(value->valuedouble) ? value->valuedouble : NAN;
}

bool compare_says(const cJSON *json, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static double read_field(const cJSON *result, const struct compare_metric *metric)
{
    return compare_number(result, metric->object, metric->field) * metric->scale;
}

/* A rate of 0 means that the mode does no such thing: not known. */
static double read_rate(const cJSON *result, const struct compare_metric *metric)
{
    double rate = read_field(result, metric);

    return rate > 0 ? rate : NAN;
}

static bool is_mode(const cJSON *result, const char *mode)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(result, "mode");

    return cJSON_IsString(value) && strcmp(value->valuestring, mode) == 0;
}

/* Both directions together; bulk only, because the other modes move next to nothing. */
static double read_throughput(const cJSON *result, const struct compare_metric *metric)
{
    if (!is_mode(result, "bulk"))
        return NAN;
    return (compare_number(result, "totals", "in_bytes_per_s") +
            compare_number(result, "totals", "out_bytes_per_s")) *
           metric->scale;
}

static double read_latency(const cJSON *result, const struct compare_metric *metric)
{
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(result, "phases");
    bool counts =
        compare_says(result, "measures_latency") && compare_number(phases, "latency", "count") > 0;

    return counts ? compare_number(phases, "latency", metric->field) * metric->scale : NAN;
}

static double read_errors(const cJSON *result, const struct compare_metric *metric)
{
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(result, metric->object);
    const cJSON *count;
    double sum = 0;

    cJSON_ArrayForEach (count, errors) {
        if (cJSON_IsNumber(count) && isfinite(count->valuedouble))
            sum += count->valuedouble;
    }
    return cJSON_IsObject(errors) ? sum : NAN;
}

const struct compare_metric compare_metrics[] = {
    {"cpu_us_per_connection", "CPU per connection", "us", COMPARE_COST, "costs",
     "cpu_us_per_connection", 1, read_field},
    {"cpu_us_per_request", "CPU per request", "us", COMPARE_COST, "costs", "cpu_us_per_request", 1,
     read_field},
    {"cpu_ms_per_gib", "CPU per GiB relayed", "ms", COMPARE_COST, "costs", "cpu_ms_per_gib", 1,
     read_field},
    {"user_kib_per_connection", "memory per idle connection", "KiB", COMPARE_COST, "costs",
     "user_kib_per_connection", 1, read_field},
    {"kernel_kib_per_connection", "kernel memory per connection, whole machine", "KiB",
     COMPARE_COST, "costs", "kernel_kib_per_connection", 1, read_field},
    {"context_switches_per_operation", "context switches per operation", "", COMPARE_COST, "costs",
     "context_switches_per_operation", 1, read_field},
    {"cpu_percent", "CPU used", "% of one CPU", COMPARE_COST, "costs", "cpu_share", 100,
     read_field},
    {"connections_per_s", "connections", "/s", COMPARE_RATE, "totals", "connections_per_s", 1,
     read_rate},
    {"requests_per_s", "requests", "/s", COMPARE_RATE, "totals", "requests_per_s", 1, read_rate},
    {"throughput_gbit_per_s", "throughput", "Gbit/s", COMPARE_RATE, "totals", NULL, 8e-9,
     read_throughput},
    {"p50_ms", "latency p50", "ms", COMPARE_LATENCY, "phases", "p50_ns", 1e-6, read_latency},
    {"p90_ms", "latency p90", "ms", COMPARE_LATENCY, "phases", "p90_ns", 1e-6, read_latency},
    {"p99_ms", "latency p99", "ms", COMPARE_LATENCY, "phases", "p99_ns", 1e-6, read_latency},
    {"p99_9_ms", "latency p99.9", "ms", COMPARE_LATENCY, "phases", "p99_9_ns", 1e-6, read_latency},
    {"max_ms", "latency max", "ms", COMPARE_LATENCY, "phases", "max_ns", 1e-6, read_latency},
    {"errors", "errors", "", COMPARE_COUNT, "errors", NULL, 1, read_errors},
    {NULL, NULL, NULL, COMPARE_COUNT, NULL, NULL, 0, NULL}};

const struct compare_metric *compare_find_metric(const char *key)
{
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (strcmp(metric->key, key) == 0)
            return metric;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median_of(const double *values, size_t count)
{
    double sorted[COMPARE_ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof values[0]);
    qsort(sorted, count, sizeof sorted[0], by_value);
    double middle = sorted[count / 2];
    return count % 2 == 1 ? middle : (sorted[count / 2 - 1] + middle) / 2;
}

bool comparison_spread(const struct comparison *comparison, const struct compare_metric *metric,
                       size_t target, struct compare_spread *spread)
{
    memset(spread, 0, sizeof *spread);
    for (size_t i = 0; i < comparison->run_count; i++) {
        const struct compare_run *run = &comparison->runs[i];
        double value = NAN;
        if (run->target == target && run->result != NULL)
            value = metric->read(run->result, metric);
        if (isfinite(value) && spread->count < COMPARE_ROUNDS_MAX)
            spread->values[spread->count++] = value;
    }
    if (spread->count == 0)
        return false;
    spread->median = median_of(spread->values, spread->count);
    spread->min = spread->values[0];
    spread->max = spread->values[0];
    for (size_t i = 1; i < spread->count; i++) {
        spread->min = fmin(spread->min, spread->values[i]);
        spread->max = fmax(spread->max, spread->values[i]);
    }
    return true;
}

bool comparison_is_doubtful(const struct comparison *comparison,
                            const struct compare_metric *metric, size_t target)
{
    bool touched = metric->kind == COMPARE_RATE || metric->kind == COMPARE_LATENCY;

    return touched && comparison_limited(comparison, target) > 0;
}

bool comparison_has(const struct comparison *comparison, const struct compare_metric *metric)
{
    struct compare_spread spread;

    for (size_t i = 0; i < comparison->target_count; i++) {
        if (comparison_spread(comparison, metric, i, &spread))
            return true;
    }
    return false;
}

bool comparison_tells(const struct comparison *comparison, const struct compare_metric *metric)
{
    struct compare_spread spread;
    bool tells = false;

    for (size_t i = 0; i < comparison->target_count; i++) {
        if (comparison_spread(comparison, metric, i, &spread))
            tells = tells || metric->kind != COMPARE_COUNT || spread.max != 0;
    }
    return tells;
}

const struct compare_metric *comparison_main_metric(const struct comparison *comparison)
{
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (comparison_has(comparison, metric))
            return metric;
    }
    return NULL;
}

struct compare_ratio comparison_ratio(const struct comparison *comparison,
                                      const struct compare_metric *metric, size_t of, size_t to)
{
    struct compare_ratio ratio = {false, false, NAN};
    struct compare_spread upper;
    struct compare_spread lower;

    if (of == to || of == COMPARE_NONE || to == COMPARE_NONE)
        return ratio;
    if (!comparison_spread(comparison, metric, of, &upper) ||
        !comparison_spread(comparison, metric, to, &lower) || lower.median == 0)
        return ratio;
    ratio.known = true;
    ratio.ratio = upper.median / lower.median;
    ratio.within_noise = upper.min <= lower.max && lower.min <= upper.max;
    return ratio;
}

const char *compare_format(double value, char out[COMPARE_TEXT])
{
    double size = fabs(value);
    int digits = size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;

    if (size > 0 && size < 0.09995)
        snprintf(out, COMPARE_TEXT, "%.3g", value);
    else
        snprintf(out, COMPARE_TEXT, "%.*f", digits, value);
    return out;
}

const char *compare_format_ratio(struct compare_ratio ratio, char out[COMPARE_TEXT])
{
    char number[COMPARE_TEXT];

    if (!ratio.known)
        snprintf(out, COMPARE_TEXT, "-");
    else
        snprintf(out, COMPARE_TEXT, "%.30s%s", compare_format(ratio.ratio, number),
                 ratio.within_noise ? " (within noise)" : "");
    return out;
}
