/* What a torture run has found out, as a table and as JSON; and the catalogue. */

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/clock.h"
#include "bench/torture.h"
#include "bench/units.h"

#define NAME_WIDTH    24
#define OUTCOME_WIDTH 24
#define TEXT          160

struct end_row {
    enum torture_end end;
    const char *word;
    const char *text;
};

static const struct end_row end_rows[] = {
    {TORTURE_ROUTED, "backend", "backend, byte for byte"},
    {TORTURE_OTHER, "other_backend", "the other backend"},
    {TORTURE_ALERT, "alert", "alert"},
    {TORTURE_CLOSED, "close", "close"},
    {TORTURE_RESET, "reset", "reset"},
    {TORTURE_ANSWERED, "answer", "an answer of its own"},
    {TORTURE_HELD, "timeout", "nothing (timeout)"},
    {TORTURE_ALONE, "no_backend", "no backend"},
};

#define END_ROWS (sizeof(end_rows) / sizeof(end_rows[0]))

static const struct end_row *row_of(enum torture_end end)
{
    size_t i = 0;
    while (i + 1 < END_ROWS && end_rows[i].end != end)
        i++;
    return &end_rows[i];
}

const char *torture_end_word(enum torture_end end)
{
    return row_of(end)->word;
}

/* "alert 50 or 47" */
static void put_alerts(FILE *out, const uint8_t alerts[4])
{
    fprintf(out, "alert %u", alerts[0]);
    for (int i = 1; i < 4 && alerts[i] != 0; i++)
        fprintf(out, "%s%u", i < 3 && alerts[i + 1] != 0 ? ", " : " or ", alerts[i]);
}

static const char *text_of_set(unsigned may)
{
    switch (may) {
    case TORTURE_ROUTED:
        return "backend";
    case TORTURE_OTHER:
        return "other backend";
    case TORTURE_ROUTED | TORTURE_REFUSED:
        return "backend, or refuse";
    case TORTURE_REFUSED | TORTURE_ANSWERED:
        return "refuse or answer";
    case TORTURE_ALONE:
        return "no backend";
    default:
        return "refuse";
    }
}

static void put_best(FILE *out, const struct torture_case *one)
{
    bool both = (one->best & TORTURE_ALERT) != 0 && (one->best & TORTURE_CLOSED) != 0;
    if (both)
        fputs("close, or ", out);
    if ((one->best & TORTURE_ALERT) != 0)
        put_alerts(out, one->alerts);
    else
        fputs(text_of_set(one->best), out);
}

static void put_expected(FILE *out, const struct torture_case *one)
{
    fputs(text_of_set(one->may), out);
    if (one->best == one->may)
        return;
    fputs("; best: ", out);
    if (one->best == TORTURE_CLOSED)
        fputs("close", out);
    else
        put_best(out, one);
}

void torture_print_catalogue(FILE *out)
{
    fprintf(out, "| case | what the client does | a careful router | why |\n|---|---|---|---|\n");
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++) {
        fprintf(out, "| `%s` | %s | ", one->name, one->what);
        put_expected(out, one);
        fprintf(out, " | %s |\n", one->why);
    }
}

void torture_print_heading(FILE *out)
{
    fprintf(out, "%-*s %-*s %9s  %s\n", NAME_WIDTH, "case", OUTCOME_WIDTH, "this router", "time",
            "a careful router");
    fflush(out);
}

static const char *outcome_text(const struct torture_outcome *outcome, char text[TEXT])
{
    if (outcome->end == TORTURE_ALERT)
        snprintf(text, TEXT, "alert %u", outcome->alert);
    else if (outcome->end == TORTURE_ROUTED && outcome->problem[0] != '\0')
        snprintf(text, TEXT, "backend");
    else
        snprintf(text, TEXT, "%s", row_of(outcome->end)->text);
    return text;
}

void torture_print_row(const struct torture_case *one, const struct torture_outcome *outcome,
                       FILE *out)
{
    char text[TEXT];
    char time_text[UNITS_TEXT];
    fprintf(out, "%-*s %-*s %9s  ", NAME_WIDTH, one->name, OUTCOME_WIDTH,
            outcome_text(outcome, text), units_format_time((double)outcome->ns, time_text));
    fputs(outcome->deviates ? "DEVIATES: " : "ok: ", out);
    if (outcome->problem[0] != '\0')
        fprintf(out, "%s; ", outcome->problem);
    put_expected(out, one);
    fputc('\n', out);
    fflush(out);
}

static size_t count_deviations(const struct torture_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->outcomes[i].deviates;
    return count;
}

void torture_print_end(const struct torture_report *report, FILE *out)
{
    size_t deviations = count_deviations(report);
    size_t best = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct torture_case *one = report->cases[i];
        best += report->outcomes[i].best;
        if (!report->outcomes[i].deviates)
            continue;
        fprintf(out, "\n%s: %s.\n  Expected: ", one->name, one->what);
        put_expected(out, one);
        fprintf(out, ". %s.\n", one->why);
    }
    fprintf(out, "\n%zu of %zu cases as expected, %zu of them at their best; %zu deviate\n",
            report->count - deviations, report->count, best, deviations);
}

static void add_set(cJSON *object, const char *key, unsigned set)
{
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; i < END_ROWS; i++) {
        if ((set & end_rows[i].end) != 0)
            cJSON_AddItemToArray(array, cJSON_CreateString(end_rows[i].word));
    }
}

static void add_case(cJSON *cases, const struct torture_case *one,
                     const struct torture_outcome *outcome)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(cases, object);
    cJSON_AddStringToObject(object, "case", one->name);
    cJSON_AddStringToObject(object, "outcome", torture_end_word(outcome->end));
    if (outcome->end == TORTURE_ALERT)
        cJSON_AddNumberToObject(object, "alert", outcome->alert);
    else
        cJSON_AddNullToObject(object, "alert");
    cJSON_AddBoolToObject(object, "deviates", outcome->deviates);
    cJSON_AddBoolToObject(object, "best", outcome->best);
    cJSON_AddStringToObject(object, "problem", outcome->problem);
    cJSON_AddNumberToObject(object, "ms", (double)outcome->ns / 1e6);
    cJSON_AddStringToObject(object, "what", one->what);
    add_set(object, "may", one->may);
    add_set(object, "best_outcomes", one->best);
    cJSON *alerts = cJSON_AddArrayToObject(object, "best_alerts");
    for (int i = 0; i < 4 && one->alerts[i] != 0; i++)
        cJSON_AddItemToArray(alerts, cJSON_CreateNumber(one->alerts[i]));
    cJSON_AddStringToObject(object, "why", one->why);
}

static cJSON *make_json(const struct torture_report *report)
{
    const struct options *options = report->options;
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)report->wall_start;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    size_t deviations = count_deviations(report);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "tool", "sni-bench");
    cJSON_AddStringToObject(root, "version", SNI_ROUTER_VERSION);
    cJSON_AddStringToObject(root, "mode", options->mode->name);
    cJSON *command = cJSON_AddArrayToObject(root, "command");
    for (int i = 0; i < options->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(options->argv[i]));
    cJSON_AddStringToObject(root, "started", text);
    cJSON_AddBoolToObject(root, "failed", deviations > 0);
    cJSON_AddNumberToObject(root, "deviations", (double)deviations);
    cJSON *cases = cJSON_AddArrayToObject(root, "cases");
    for (size_t i = 0; i < report->count; i++)
        add_case(cases, report->cases[i], &report->outcomes[i]);
    return root;
}

bool torture_write_json(const struct torture_report *report, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (file == NULL) {
        fprintf(stderr, "sni-bench: --json %s: %s\n", path, strerror(errno));
        return false;
    }
    cJSON *root = make_json(report);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    bool good = text != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0;
    free(text);
    if (file != stdout)
        good = fclose(file) == 0 && good;
    if (!good)
        fprintf(stderr, "sni-bench: --json %s: could not be written\n", path);
    return good;
}
