/* Results of torture, side by side: how many cases each router got right, then case by case. */

#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "bench/report_grid.h"

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(value) ? value->valuestring : "";
}

static const cJSON *cases_of(const struct report_finding *finding)
{
    return cJSON_GetObjectItemCaseSensitive(finding->document, "cases");
}

static const cJSON *find_case(const struct report_finding *finding, const char *name)
{
    const cJSON *one;

    cJSON_ArrayForEach (one, cases_of(finding)) {
        if (strcmp(text_of(one, "case"), name) == 0)
            return one;
    }
    return NULL;
}

/* "alert 50", "close: the backend got 3 of 5 bytes" */
static void describe(const cJSON *one, char *text, size_t cap)
{
    const cJSON *alert = cJSON_GetObjectItemCaseSensitive(one, "alert");
    const char *problem = text_of(one, "problem");
    char outcome[64];

    snprintf(outcome, sizeof outcome, "%.40s", text_of(one, "outcome"));
    for (char *at = strchr(outcome, '_'); at != NULL; at = strchr(at, '_'))
        *at = ' ';
    if (cJSON_IsNumber(alert) && alert->valuedouble >= 0 && alert->valuedouble < 256)
        snprintf(outcome, sizeof outcome, "alert %.0f", alert->valuedouble);
    snprintf(text, cap, "%s%s%s", outcome, problem[0] == '\0' ? "" : ": ", problem);
}

static void add_outcome(struct report_grid *grid, size_t column, const cJSON *one)
{
    char text[300];

    if (one == NULL) {
        report_grid_cell(grid, column, REPORT_NONE, NULL, "%s", "");
        return;
    }
    describe(one, text, sizeof text);
    if (compare_says(one, "deviates"))
        report_grid_cell(grid, column, REPORT_BAD, "deviates", "%s", text);
    else if (compare_says(one, "best"))
        report_grid_cell(grid, column, REPORT_GOOD, "best", "%s", text);
    else
        report_grid_cell(grid, column, REPORT_FAIR, "ok", "%s", text);
}

/* Columns: what is expected, each router, why. */
static void add_case(struct report_grid *grid, const struct report_findings *all, const cJSON *one)
{
    const char *name = text_of(one, "case");

    report_grid_row(grid, name, text_of(one, "what"));
    report_grid_cell(grid, 0, REPORT_PLAIN, NULL, "%s", text_of(one, "expected"));
    for (size_t i = 0; i < all->count; i++)
        add_outcome(grid, i + 1, find_case(&all->items[i], name));
    report_grid_cell(grid, all->count + 1, REPORT_PLAIN, NULL, "%s", text_of(one, "why"));
}

static bool is_new(const struct report_findings *all, size_t index, const char *name)
{
    for (size_t i = 0; i < index; i++) {
        if (find_case(&all->items[i], name) != NULL)
            return false;
    }
    return true;
}

/* Every case that any router has played, in the order of the first result that has it. */
static struct report_grid *make_cases(const struct report_findings *all)
{
    const cJSON *one;
    struct report_grid *grid = report_grid_new("Case by case", all->count + 2);

    report_grid_head(grid, 0, 0, "a careful router");
    report_grid_head(grid, all->count + 1, 0, "why");
    for (size_t i = 0; i < all->count; i++)
        report_grid_head(grid, i + 1, report_finding_color(i), all->items[i].name);
    for (size_t i = 0; i < all->count; i++) {
        cJSON_ArrayForEach (one, cases_of(&all->items[i])) {
            if (is_new(all, i, text_of(one, "case")))
                add_case(grid, all, one);
        }
    }
    return grid;
}

static size_t count_cases(const struct report_finding *finding, const char *key)
{
    const cJSON *one;
    size_t count = 0;

    cJSON_ArrayForEach (one, cases_of(finding))
        count += key == NULL || compare_says(one, key);
    return count;
}

static struct report_grid *make_summary(const struct report_findings *all)
{
    struct report_grid *grid = report_grid_new("What they did with strange clients", all->count);

    for (size_t i = 0; i < all->count; i++)
        report_grid_head(grid, i, report_finding_color(i), all->items[i].name);
    report_grid_row(grid, "deviations", "cases in which it did what a careful router does not");
    for (size_t i = 0; i < all->count; i++) {
        size_t count = count_cases(&all->items[i], "deviates");
        report_grid_cell(grid, i, count == 0 ? REPORT_GOOD : REPORT_BAD,
                         count == 0 ? "ok" : "deviates", "%zu of %zu", count,
                         count_cases(&all->items[i], NULL));
    }
    report_grid_row(grid, "at its best", "the answer that tells the client most");
    for (size_t i = 0; i < all->count; i++)
        report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%zu of %zu",
                         count_cases(&all->items[i], "best"), count_cases(&all->items[i], NULL));
    report_grid_row(grid, "target", NULL);
    for (size_t i = 0; i < all->count; i++)
        report_grid_cell(grid, i, REPORT_PLAIN, NULL, "%.200s%s",
                         text_of(all->items[i].document, "target"),
                         compare_says(all->items[i].document, "strict") ? " (strict)" : "");
    return grid;
}

void report_write_torture(const struct report *report, enum report_form form, FILE *out)
{
    if (report->tortures.count == 0)
        return;
    struct report_grid *summary = make_summary(&report->tortures);
    struct report_grid *cases = make_cases(&report->tortures);
    if (form == REPORT_HTML)
        fputs("<section id=\"torture\"><h2>Torture</h2>\n", out);
    report_grid_write(summary, form, out);
    report_grid_write(cases, form, out);
    if (form == REPORT_HTML)
        fputs("</section>\n", out);
    report_grid_free(summary);
    report_grid_free(cases);
}
