/* What a torture run has found out, as a table; and the catalogue. */

#include "bench/torture.h"
#include "config/text/units.h"

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

#define END_ROWS (sizeof end_rows / sizeof end_rows[0])

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

void torture_print_expected(const struct torture_case *one, FILE *out)
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

void torture_print_catalogue(const struct torture_case *const *cases, size_t count, FILE *out)
{
    fprintf(out, "| case | what the client does | a careful router | why |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct torture_case *one = cases[i];
        fprintf(out, "| `%s` | %s | ", one->name, one->what);
        torture_print_expected(one, out);
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
    torture_print_expected(one, out);
    fputc('\n', out);
    fflush(out);
}

size_t torture_count_deviations(const struct torture_report *report)
{
    size_t count = 0;

    for (size_t i = 0; i < report->count; i++)
        count += report->outcomes[i].deviates;
    return count;
}

void torture_print_end(const struct torture_report *report, FILE *out)
{
    size_t deviations = torture_count_deviations(report);
    size_t best = 0;

    for (size_t i = 0; i < report->count; i++) {
        const struct torture_case *one = report->cases[i];
        best += report->outcomes[i].best;
        if (!report->outcomes[i].deviates)
            continue;
        fprintf(out, "\n%s: %s.\n  Expected: ", one->name, one->what);
        torture_print_expected(one, out);
        fprintf(out, ". %s.\n", one->why);
    }
    fprintf(out, "\n%zu of %zu cases as expected, %zu of them at their best; %zu deviate\n",
            report->count - deviations, report->count, best, deviations);
}

void torture_each_end(unsigned set, void (*add)(void *data, const char *word), void *data)
{
    for (size_t i = 0; i < END_ROWS; i++) {
        if ((set & end_rows[i].end) != 0)
            add(data, end_rows[i].word);
    }
}
