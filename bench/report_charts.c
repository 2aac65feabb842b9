/*
 * What the charts show. All arithmetic is here; bench/report.d/page.js only draws.
 *
 * A chart: {section, kind: "time" | "percentile", title, unit, note, log, series: [{name, color,
 * line: 0 solid, 1 dashed, 2 dotted, x: [..], y: [..]}]}. Over time a target shows its typical run
 * (the one with the median cost or rate); percentile curves join the runs of all rounds.
 */

#include "bench/report.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/histogram.h"

/* Points of a percentile curve closer than this (as a ratio) are drawn as one. */
#define CURVE_STEP 1.01
/* 2^53: larger numbers are not exact, so they cannot be counts. */
#define COUNT_MAX 9007199254740992.0

/* One line over time: a field of the points of a series. */
struct time_line {
    const char *field;
    const char *also; /* a second field, which is added, or NULL */
    const char *suffix;
    int line;
};

struct time_chart {
    const char *title;
    const char *unit;
    double scale;
    size_t line_count;
    struct time_line lines[3];
    const char *only; /* the modes that have the line; NULL: all */
    bool latency;     /* mark what closed loops measure */
};

static const struct time_chart time_charts[] = {
    {"Throughput",
     "Gbit/s",
     8e-9,
     1,
     {{"in_bytes_per_s", "out_bytes_per_s", "", 0}},
     "bulk",
     false},
    {"Requests", "per second", 1, 1, {{"requests_per_s", NULL, "", 0}}, "latency", false},
    {"Connections made",
     "per second",
     1,
     1,
     {{"connections_per_s", NULL, "", 0}},
     "conn idle",
     false},
    {"Connections open", "", 1, 1, {{"active", NULL, "", 0}}, NULL, false},
    {"Latency over time",
     "ms",
     1e-6,
     3,
     {{"p50_ns", NULL, " p50", 0}, {"p99_ns", NULL, " p99", 1}, {"max_ns", NULL, " max", 2}},
     NULL,
     true},
    {"CPU of the router", "% of one CPU", 100, 1, {{"router_cpu", NULL, "", 0}}, NULL, false},
    {"Memory of the router",
     "MiB (PSS)",
     1.0 / 1048576,
     1,
     {{"router_pss_bytes", NULL, "", 0}},
     NULL,
     false},
    {"Memory of the router",
     "MiB (RSS: PSS could not be read)",
     1.0 / 1048576,
     1,
     {{"router_rss_bytes", NULL, "", 0}},
     NULL,
     false},
};

cJSON *report_new_chart(const char *kind, size_t section, const char *title, const char *unit)
{
    cJSON *chart = cJSON_CreateObject();

    cJSON_AddNumberToObject(chart, "section", (double)section);
    cJSON_AddStringToObject(chart, "kind", kind);
    cJSON_AddStringToObject(chart, "title", title);
    cJSON_AddStringToObject(chart, "unit", unit);
    cJSON_AddArrayToObject(chart, "series");
    return chart;
}

cJSON *report_new_line(const char *name, const char *color, int dash)
{
    cJSON *series = cJSON_CreateObject();

    cJSON_AddStringToObject(series, "name", name);
    cJSON_AddStringToObject(series, "color", color);
    cJSON_AddNumberToObject(series, "line", dash);
    cJSON_AddArrayToObject(series, "x");
    cJSON_AddArrayToObject(series, "y");
    return series;
}

static cJSON *new_series(const struct comparison *comparison, size_t target, const char *suffix,
                         int line)
{
    char name[160];

    snprintf(name, sizeof name, "%.120s%s", comparison->targets[target].name, suffix);
    return report_new_line(name, report_color(comparison, target), line);
}

void report_add_point(cJSON *line, double x, double y)
{
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(line, "x"), cJSON_CreateNumber(x));
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(line, "y"), cJSON_CreateNumber(y));
}

/* Keeps a series that has points other than zero. */
void report_keep_line(cJSON *chart, cJSON *line, bool any)
{
    if (any)
        cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(chart, "series"), line);
    else
        cJSON_Delete(line);
}

void report_keep_chart(cJSON *charts, cJSON *chart)
{
    if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(chart, "series")) > 0)
        cJSON_AddItemToArray(charts, chart);
    else
        cJSON_Delete(chart);
}

/*
 * Whether the point is of the stage after the measurement, in which operations only end: it is not
 * drawn.
 */
static bool is_ending(const cJSON *point)
{
    const cJSON *stage = cJSON_GetObjectItemCaseSensitive(point, "stage");

    return cJSON_IsString(stage) && strcmp(stage->valuestring, "ending") == 0;
}

static void add_time_line(cJSON *chart, const struct comparison *comparison, size_t target,
                          const struct time_chart *kind, const struct time_line *line)
{
    const struct compare_run *run = comparison_typical_run(comparison, target);

    if (run == NULL)
        return;
    const cJSON *point;
    bool any = false;
    double last = -INFINITY;
    cJSON *series = new_series(comparison, target, line->suffix, line->line);
    cJSON_ArrayForEach (point, cJSON_GetObjectItemCaseSensitive(run->result, "series")) {
        const cJSON *stage = cJSON_GetObjectItemCaseSensitive(point, "stage");
        /* The stage "ending" is short and has no meaningful rates. */
        if (cJSON_IsString(stage) && strcmp(stage->valuestring, "ending") == 0)
            continue;
        double x = compare_number(point, NULL, "at_s");
        double y = compare_number(point, NULL, line->field) * kind->scale;
        if (line->also != NULL)
            y += compare_number(point, NULL, line->also) * kind->scale;
        /* A latency of 0 is an interval in which nothing was completed. */
        if (!(x > last) || isnan(y) || (kind->latency && y <= 0) || is_ending(point))
            continue;
        /*
         * A line begins at the start of its first interval, because a short run has only one
         * interval.
         */
        double seconds = compare_number(point, NULL, "seconds");
        if (!isfinite(last) && seconds > 0)
            report_add_point(series, x - seconds, y);
        last = x;
        any = any || y != 0;
        report_add_point(series, x, y);
    }
    report_keep_line(chart, series, any);
}

static bool measures_latency(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->run_count; i++) {
        if (comparison->runs[i].result != NULL &&
            compare_says(comparison->runs[i].result, "measures_latency"))
            return true;
    }
    return false;
}

static void add_time_chart(cJSON *charts, const struct comparison *comparison, size_t section,
                           const struct time_chart *kind)
{
    if (kind->only != NULL && strstr(kind->only, comparison->mode) == NULL)
        return;
    cJSON *chart = report_new_chart("time", section, kind->title, kind->unit);
    const char *note = "each target's typical round; 0 s = the measurement begins";
    if (kind->latency && !measures_latency(comparison))
        note = "closed loop: service times, not a latency measurement";
    cJSON_AddStringToObject(chart, "note", note);
    cJSON_AddBoolToObject(chart, "log", kind->latency);
    for (size_t target = 0; target < comparison->target_count; target++) {
        for (size_t i = 0; i < kind->line_count; i++)
            add_time_line(chart, comparison, target, kind, &kind->lines[i]);
    }
    report_keep_chart(charts, chart);
}

/* Adds the [value, count] pairs of a stored histogram; anything else is passed over. */
static void merge_stored(struct histogram *histogram, const cJSON *result, const char *phase)
{
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(result, "phases");
    const cJSON *stored = cJSON_GetObjectItemCaseSensitive(phases, phase);
    const cJSON *pair;

    cJSON_ArrayForEach (pair, cJSON_GetObjectItemCaseSensitive(stored, "histogram")) {
        const cJSON *value = cJSON_GetArrayItem(pair, 0);
        const cJSON *count = cJSON_GetArrayItem(pair, 1);
        bool good = cJSON_IsNumber(value) && cJSON_IsNumber(count) && value->valuedouble >= 0 &&
                    value->valuedouble < COUNT_MAX && count->valuedouble >= 1 &&
                    count->valuedouble < COUNT_MAX;
        if (good)
            histogram_record_many(histogram, (uint64_t)value->valuedouble,
                                  (uint64_t)count->valuedouble);
    }
}

/* All rounds of a target together; NULL = no memory or nothing there. The caller frees it. */
static struct histogram *merge_rounds(const struct comparison *comparison, size_t target,
                                      const char *phase)
{
    struct histogram *histogram = malloc(sizeof *histogram);

    if (histogram == NULL)
        return NULL;
    histogram_init(histogram);
    for (size_t i = 0; i < comparison->run_count; i++) {
        if (comparison->runs[i].target == target && comparison->runs[i].result != NULL)
            merge_stored(histogram, comparison->runs[i].result, phase);
    }
    if (histogram->count > 0)
        return histogram;
    free(histogram);
    return NULL;
}

/* x = 1 / (1 - percentile): the sample of rank r of n is one in n / (n - r + 1). */
static void add_curve(cJSON *series, const struct histogram *histogram)
{
    uint64_t rank = 0;
    double last = 0;
    double total = (double)histogram->count;

    for (uint32_t slot = histogram->low_slot; slot <= histogram->high_slot; slot++) {
        if (histogram->counts[slot] == 0)
            continue;
        rank += histogram->counts[slot];
        double x = total / (total - (double)rank + 1);
        if (x < last * CURVE_STEP && rank < histogram->count)
            continue;
        /* Two points must not have the same x. */
        x = x <= last ? last * CURVE_STEP : x;
        report_add_point(series, x, (double)histogram_slot_highest(slot) / 1e6);
        last = x;
    }
}

static void add_percentile_chart(cJSON *charts, const struct comparison *comparison, size_t section)
{
    bool open = measures_latency(comparison);
    cJSON *chart = report_new_chart(
        "percentile", section, open ? "Latency by percentile" : "Service time by percentile", "ms");

    cJSON_AddStringToObject(chart, "note",
                            open ? "completion minus scheduled time; all rounds together"
                                 : "closed loop: not a latency measurement; all rounds together");
    cJSON_AddBoolToObject(chart, "log", true);
    for (size_t target = 0; target < comparison->target_count; target++) {
        struct histogram *histogram =
            merge_rounds(comparison, target, open ? "latency" : "service");
        if (histogram == NULL)
            continue;
        cJSON *series = new_series(comparison, target, "", 0);
        add_curve(series, histogram);
        report_keep_line(chart, series, true);
        free(histogram);
    }
    report_keep_chart(charts, chart);
}

cJSON *report_make_charts(const struct report *report)
{
    cJSON *charts = cJSON_CreateArray();

    for (size_t i = 0; i < report->section_count; i++) {
        const struct comparison *section = &report->sections[i];
        if (strcmp(section->mode, "latency") == 0 || strcmp(section->mode, "conn") == 0)
            add_percentile_chart(charts, section, i);
        for (size_t k = 0; k < sizeof time_charts / sizeof time_charts[0]; k++)
            add_time_chart(charts, section, i, &time_charts[k]);
    }
    report_add_verify_charts(report, charts);
    return charts;
}

void report_put_percentiles(const struct comparison *comparison, FILE *out)
{
    static const double percentiles[] = {50, 90, 99, 99.9, 99.99, 100};
    const size_t columns = sizeof percentiles / sizeof percentiles[0];
    bool open = measures_latency(comparison);
    bool any = false;

    for (size_t target = 0; target < comparison->target_count; target++) {
        struct histogram *histogram =
            merge_rounds(comparison, target, open ? "latency" : "service");
        if (histogram == NULL)
            continue;
        if (!any)
            fprintf(
                out,
                "<table class=\"percentiles\"><caption>%s of all rounds together, ms</caption>\n"
                "<thead><tr><td></td><th scope=\"col\">count</th><th scope=\"col\">p50</th>"
                "<th scope=\"col\">p90</th><th scope=\"col\">p99</th>"
                "<th scope=\"col\">p99.9</th><th scope=\"col\">p99.99</th>"
                "<th scope=\"col\">max</th></tr></thead>\n<tbody>\n",
                open ? "Latency" : "Service time (closed loop: no latency)");
        any = true;
        fputs("<tr><th scope=\"row\">", out);
        report_put_text(out, comparison->targets[target].name);
        fprintf(out, "</th><td>%llu</td>", (unsigned long long)histogram->count);
        for (size_t i = 0; i < columns; i++) {
            char text[COMPARE_TEXT];
            double value = (double)histogram_percentile(histogram, percentiles[i]) / 1e6;
            fprintf(out, "<td>%s</td>", compare_format(value, text));
        }
        fputs("</tr>\n", out);
        free(histogram);
    }
    if (any)
        fputs("</tbody></table>\n", out);
}
