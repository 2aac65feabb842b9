/* --fail-if: a word, a comparison, a value with its unit. */

#include <string.h>

#include "bench/result.h"
#include "bench/units.h"

enum unit_kind { UNIT_TIME, UNIT_RATE, UNIT_SIZE };

struct condition_row {
    const char *word;
    enum unit_kind unit;
    double percentile; /* of the latency; negative = none */
};

static const struct condition_row rows[] = {
    {"p50", UNIT_TIME, 50.0},    {"p90", UNIT_TIME, 90.0},       {"p95", UNIT_TIME, 95.0},
    {"p99", UNIT_TIME, 99.0},    {"p99.9", UNIT_TIME, 99.9},     {"p99.99", UNIT_TIME, 99.99},
    {"max", UNIT_TIME, 100.0},   {"mean", UNIT_TIME, -1},        {"slip", UNIT_TIME, -1},
    {"rate", UNIT_RATE, -1},     {"errors", UNIT_RATE, -1},      {"throughput", UNIT_SIZE, -1},
    {"cpu_conn", UNIT_TIME, -1}, {"cpu_request", UNIT_TIME, -1}, {"cpu_gib", UNIT_TIME, -1},
    {"kib_conn", UNIT_RATE, -1},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

const char *result_condition_words(void)
{
    return "p50 p90 p95 p99 p99.9 p99.99 max mean slip rate errors throughput cpu_conn cpu_request "
           "cpu_gib kib_conn";
}

/* A condition taken apart. */
struct condition {
    const struct condition_row *row;
    bool greater; /* else less */
    bool equal;   /* also when equal */
    double value; /* ns, per second, or bytes per second */
};

static bool read_value(const char *text, enum unit_kind unit, double *value)
{
    uint64_t whole;
    bool good;
    if (unit == UNIT_RATE)
        return units_parse_rate(text, value);
    good = unit == UNIT_TIME ? units_parse_time(text, &whole) : units_parse_size(text, &whole);
    *value = good ? (double)whole : 0.0;
    return good;
}

static bool parse(const char *text, struct condition *condition)
{
    size_t len = strcspn(text, "<>");
    size_t word = len;
    while (word > 0 && text[word - 1] == ' ')
        word--;
    condition->row = NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].word) == word && memcmp(rows[i].word, text, word) == 0)
            condition->row = &rows[i];
    }
    if (condition->row == NULL || text[len] == '\0')
        return false;
    condition->greater = text[len] == '>';
    condition->equal = text[len + 1] == '=';
    const char *value = text + len + (condition->equal ? 2 : 1);
    value += strspn(value, " ");
    return read_value(value, condition->row->unit, &condition->value);
}

bool result_check_condition(const char *text)
{
    struct condition condition;
    return parse(text, &condition);
}

/* The measured value; false when this run has none. */
static bool measure(const struct result *result, const struct condition_row *row, double *seen)
{
    const struct histogram *latency = result->phases[LOAD_PHASE_LATENCY];
    double seconds = result->seconds > 0 ? result->seconds : 1.0;
    double operations = (double)(result->window.completed + result->window.requests);
    double bytes = (double)(result->window.bytes_in + result->window.bytes_out);
    const struct result_costs *costs = &result->costs;
    *seen = -1.0;
    if (row->percentile >= 0)
        *seen = latency->count == 0 ? -1.0 : (double)histogram_percentile(latency, row->percentile);
    else if (strcmp(row->word, "mean") == 0)
        *seen = latency->count == 0 ? -1.0 : histogram_mean(latency);
    else if (strcmp(row->word, "slip") == 0)
        *seen = (double)result->phases[LOAD_PHASE_SLIP]->max_ns;
    else if (strcmp(row->word, "rate") == 0)
        *seen = operations / seconds;
    else if (strcmp(row->word, "errors") == 0)
        *seen = (double)result_errors(&result->total);
    else if (strcmp(row->word, "throughput") == 0)
        *seen = bytes / seconds;
    else if (strcmp(row->word, "cpu_conn") == 0)
        *seen = costs->cpu_us_per_conn * 1e3;
    else if (strcmp(row->word, "cpu_request") == 0)
        *seen = costs->cpu_us_per_request * 1e3;
    else if (strcmp(row->word, "cpu_gib") == 0)
        *seen = costs->cpu_ms_per_gib * 1e6;
    else if (strcmp(row->word, "kib_conn") == 0)
        *seen = costs->user_kib_per_conn;
    return *seen >= 0;
}

bool result_condition_holds(const struct result *result, const char *text, double *seen)
{
    struct condition condition;
    *seen = -1.0;
    if (!parse(text, &condition))
        return false;
    /* What was not measured cannot be shown to be within bounds. */
    if (!measure(result, condition.row, seen))
        return true;
    if (condition.equal && *seen == condition.value)
        return true;
    return condition.greater ? *seen > condition.value : *seen < condition.value;
}
