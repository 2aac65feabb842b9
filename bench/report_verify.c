/* Results of verify, side by side: faults by kind first, then what was done, then by name. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "bench/report_grid.h"
#include "config/text/units.h"

/* More names than these are in the raw result only. */
#define NAMES_SHOWN 200

static const struct {
    const char *word;
    const char *sentence;
} faults[] = {
    {"misrouted", "another backend answered, or another certificate was shown"},
    {"corrupt", "a byte differs, or there are too many"},
    {"truncated", "an end before the last byte"},
    {"dropped", "refused, reset, an alert, or closed without an answer"},
    {"stalled", "nothing moved for --timeout"},
};

#define FAULT_COUNT (sizeof faults / sizeof faults[0])
/* The fault that cannot be seen when backends have no names. */
#define MISROUTED 0

static const struct {
    const char *word;
    const char *sentence;
} kinds[] = {
    {"half_close", "both ways; the client ends its side first"},
    {"counted", "both ways; the backend ends when all has arrived"},
    {"up", "up only"},
    {"down", "down only"},
    {"early_fin", "the client's end is behind its request"},
    {"long", "lived as long as the run"},
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(value) ? value->valuestring : "";
}

static double sum_faults(const cJSON *document)
{
    double sum = 0;

    for (size_t i = 0; i < FAULT_COUNT; i++)
        sum += compare_number(document, "faults", faults[i].word);
    return sum;
}

static struct report_grid *new_grid(const struct report_findings *all, const char *caption)
{
    struct report_grid *grid = report_grid_new(caption, all->count);

    for (size_t i = 0; i < all->count; i++)
        report_grid_head(grid, i, report_finding_color(i), all->items[i].name);
    return grid;
}

/* `seen`: the run would have noticed the fault. */
static void add_fault_cell(struct report_grid *grid, size_t column, double count, bool seen)
{
    if (isnan(count))
        report_grid_cell(grid, column, REPORT_NONE, NULL, "%s", "");
    else if (count > 0)
        report_grid_cell(grid, column, REPORT_BAD, "fault", "%.15g", count);
    else if (!seen)
        report_grid_cell(grid, column, REPORT_FAIR, "not seen", "0");
    else
        report_grid_cell(grid, column, REPORT_GOOD, "ok", "0");
}

static const char *first_reason(const cJSON *document)
{
    const cJSON *reasons = cJSON_GetObjectItemCaseSensitive(document, "reasons");
    const cJSON *first = cJSON_GetArrayItem(reasons, 0);

    return cJSON_IsString(first) ? first->valuestring : "";
}

static void add_verdict(struct report_grid *grid, size_t column, const cJSON *document)
{
    const char *nothing = text_of(document, "proves_nothing");
    double sum = sum_faults(document);

    if (sum > 0)
        report_grid_cell(grid, column, REPORT_BAD, "failed", "%.15g fault%s", sum,
                         sum == 1 ? "" : "s");
    else if (compare_says(document, "failed"))
        report_grid_cell(grid, column, REPORT_BAD, "failed", "%.300s", nothing);
    else if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(document, "valid")))
        report_grid_cell(grid, column, REPORT_BAD, "not valid", "%.300s", first_reason(document));
    else
        report_grid_cell(grid, column, REPORT_GOOD, "ok", "0 faults");
}

static struct report_grid *make_faults(const struct report_findings *all)
{
    struct report_grid *grid = new_grid(all, "Faults");

    report_grid_row(grid, "verdict", NULL);
    for (size_t i = 0; i < all->count; i++)
        add_verdict(grid, i, all->items[i].document);
    for (size_t k = 0; k < FAULT_COUNT; k++) {
        report_grid_row(grid, faults[k].word, faults[k].sentence);
        for (size_t i = 0; i < all->count; i++) {
            const cJSON *document = all->items[i].document;
            bool blind = k == MISROUTED && compare_number(document, NULL, "nameless") > 0;
            add_fault_cell(grid, i, compare_number(document, "faults", faults[k].word), !blind);
        }
    }
    return grid;
}

static void add_number(struct report_grid *grid, const struct report_findings *all,
                       const char *label, const char *object, const char *field)
{
    report_grid_row(grid, label, NULL);
    for (size_t i = 0; i < all->count; i++) {
        double value = compare_number(all->items[i].document, object, field);
        if (isnan(value))
            report_grid_cell(grid, i, REPORT_NONE, NULL, "%s", "");
        else
            report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%.15g", value);
    }
}

static void add_bytes(struct report_grid *grid, const struct report_findings *all,
                      const char *label, const char *field)
{
    char text[UNITS_TEXT];

    report_grid_row(grid, label, NULL);
    for (size_t i = 0; i < all->count; i++) {
        double value = compare_number(all->items[i].document, NULL, field);
        if (!isnan(value))
            report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%s", units_format_bytes(value, text));
    }
}

static void add_kinds(struct report_grid *grid, const struct report_findings *all)
{
    char label[64];

    for (size_t k = 0; k < KIND_COUNT; k++) {
        snprintf(label, sizeof label, "streams whole: %s", kinds[k].word);
        report_grid_row(grid, label, kinds[k].sentence);
        for (size_t i = 0; i < all->count; i++) {
            double value = compare_number(all->items[i].document, "whole", kinds[k].word);
            if (!isnan(value))
                report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%.15g", value);
        }
    }
}

static struct report_grid *make_work(const struct report_findings *all)
{
    struct report_grid *grid = new_grid(all, "What was done");

    report_grid_row(grid, "target", NULL);
    for (size_t i = 0; i < all->count; i++) {
        const cJSON *document = all->items[i].document;
        const cJSON *config = cJSON_GetObjectItemCaseSensitive(document, "config");
        report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%.200s%s", text_of(document, "target"),
                         compare_says(config, "tls") ? " (TLS)" : "");
    }
    report_grid_row(grid, "seconds", NULL);
    for (size_t i = 0; i < all->count; i++)
        report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%.1f",
                         compare_number(all->items[i].document, NULL, "seconds"));
    add_number(grid, all, "streams begun", NULL, "started_streams");
    add_kinds(grid, all);
    add_number(grid, all, "exchanges on long-lived ones", NULL, "exchanges");
    add_number(grid, all, "answers without a name", NULL, "nameless");
    add_bytes(grid, all, "bytes up", "bytes_up");
    add_bytes(grid, all, "bytes down", "bytes_down");
    add_number(grid, all, "reloads", "reloads", "done");
    add_number(grid, all, "reloads that failed", "reloads", "failed");
    add_number(grid, all, "reloads left out, as one was running", "reloads", "left_out");
    return grid;
}

/* The first faults of every run, one by one; NULL = there are none. */
static struct report_grid *make_notes(const struct report_findings *all)
{
    struct report_grid *grid = NULL;

    for (size_t i = 0; i < all->count; i++) {
        const cJSON *note;
        const cJSON *notes =
            cJSON_GetObjectItemCaseSensitive(all->items[i].document, "first_faults");
        cJSON_ArrayForEach (note, notes) {
            char label[64];
            if (grid == NULL)
                grid = new_grid(all, "The first faults");
            snprintf(label, sizeof label, "%.3f s", compare_number(note, NULL, "at_s"));
            report_grid_row(grid, label, NULL);
            report_grid_cell(grid, i, REPORT_BAD, text_of(note, "fault"), "%s",
                             text_of(note, "text"));
        }
    }
    return grid;
}

static const cJSON *find_backend(const cJSON *document, const char *name)
{
    const cJSON *one;

    cJSON_ArrayForEach (one, cJSON_GetObjectItemCaseSensitive(document, "backends")) {
        if (strcmp(text_of(one, "name"), name) == 0)
            return one;
    }
    return NULL;
}

static void add_backend(struct report_grid *grid, const struct report_findings *all,
                        const char *name)
{
    report_grid_row(grid, name, NULL);
    for (size_t i = 0; i < all->count; i++) {
        const cJSON *one = find_backend(all->items[i].document, name);
        double bad = compare_number(one, NULL, "faults");
        double whole = compare_number(one, NULL, "whole");
        if (isnan(bad) || isnan(whole))
            report_grid_cell(grid, i, REPORT_NONE, NULL, "%s", "");
        else if (bad > 0)
            report_grid_cell(grid, i, REPORT_BAD, "fault", "%.15g; %.15g whole", bad, whole);
        else
            report_grid_cell(grid, i, REPORT_GOOD, "ok", "%.15g whole", whole);
    }
}

/* The first names of the first run. */
static struct report_grid *make_backends(const struct report_findings *all)
{
    const cJSON *one;
    size_t shown = 0;
    struct report_grid *grid = new_grid(all, "Streams by the name they asked for");
    const cJSON *backends = cJSON_GetObjectItemCaseSensitive(all->items[0].document, "backends");

    cJSON_ArrayForEach (one, backends) {
        if (shown++ < NAMES_SHOWN)
            add_backend(grid, all, text_of(one, "name"));
    }
    if (shown > NAMES_SHOWN)
        report_grid_row(grid, "others", "in the raw result");
    return grid;
}

void report_write_verify(const struct report *report, enum report_form form, const cJSON *charts,
                         FILE *out)
{
    const struct report_findings *all = &report->verifies;

    if (all->count == 0)
        return;
    struct report_grid *grids[] = {make_faults(all), make_notes(all), make_work(all),
                                   make_backends(all)};
    size_t count = sizeof grids / sizeof grids[0];
    if (form == REPORT_HTML)
        fputs("<section id=\"verify\"><h2>Verify</h2>\n", out);
    for (size_t i = 0; i < count; i++) {
        /* The page shows all tables; text leaves the last one out. */
        bool shown = form == REPORT_HTML || i + 1 < count;
        if (i == 2 && form == REPORT_HTML)
            report_put_charts(charts, REPORT_VERIFY_SECTION, out);
        if (grids[i] != NULL && shown)
            report_grid_write(grids[i], form, out);
        report_grid_free(grids[i]);
    }
    if (form == REPORT_HTML)
        fputs("</section>\n", out);
}

/* --- charts --- */

struct line {
    const char *field;
    const char *suffix;
    int dash;
};

static void add_line(cJSON *chart, const struct report_finding *finding, size_t index,
                     const struct line *line, double scale)
{
    const cJSON *point;
    char name[160];
    bool any = false;
    double last = -INFINITY;

    snprintf(name, sizeof name, "%.120s%s", finding->name, line->suffix);
    cJSON *series = report_new_line(name, report_palette(report_finding_color(index)), line->dash);
    cJSON_ArrayForEach (point, cJSON_GetObjectItemCaseSensitive(finding->document, "series")) {
        double x = compare_number(point, NULL, "at_s");
        double y = compare_number(point, NULL, line->field) * scale;
        if (!(x > last) || isnan(y))
            continue;
        last = x;
        any = any || y != 0;
        report_add_point(series, x, y);
    }
    report_keep_line(chart, series, any);
}

void report_add_verify_charts(const struct report *report, cJSON *charts)
{
    static const struct {
        const char *title;
        const char *unit;
        double scale;
        struct line lines[2];
    } kinds_of_chart[] = {
        {"Streams that ended whole", "per second", 1, {{"streams_per_s", "", 0}}},
        {"Faults and reloads",
         "in each second",
         1,
         {{"reloads", " reloads", 0}, {"faults", " faults", 2}}},
        {"Bytes", "Gbit/s", 8e-9, {{"up_bytes_per_s", " up", 1}, {"down_bytes_per_s", " down", 0}}},
        {"Connections open", "", 1, {{"active", "", 0}}},
    };

    for (size_t k = 0; k < sizeof kinds_of_chart / sizeof kinds_of_chart[0]; k++) {
        cJSON *chart = report_new_chart("time", REPORT_VERIFY_SECTION, kinds_of_chart[k].title,
                                        kinds_of_chart[k].unit);
        cJSON_AddStringToObject(chart, "note", "0 s = the run begins");
        cJSON_AddBoolToObject(chart, "log", false);
        for (size_t i = 0; i < report->verifies.count; i++) {
            for (size_t n = 0; n < 2 && kinds_of_chart[k].lines[n].field != NULL; n++)
                add_line(chart, &report->verifies.items[i], i, &kinds_of_chart[k].lines[n],
                         kinds_of_chart[k].scale);
        }
        report_keep_chart(charts, chart);
    }
}
