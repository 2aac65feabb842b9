/* A comparison as tables for a terminal: a block per metric, a line per target. */

#include "bench/compare.h"

#include <stdint.h>
#include <string.h>

#include "config/text/terminal.h"

#define NAME_WIDTH 16

/* Names may come from a file. */
static void put_plain(FILE *out, const char *text, size_t width)
{
    terminal_put_column(out, text, SIZE_MAX, width);
}

static void print_line(const struct comparison *comparison, const struct compare_metric *metric,
                       size_t target, FILE *out)
{
    struct compare_spread spread;
    char a[COMPARE_TEXT];
    char b[COMPARE_TEXT];
    char c[COMPARE_TEXT];

    if (!comparison_spread(comparison, metric, target, &spread))
        return;
    fputs(comparison_failed(comparison, target) > 0 ? "! " : "  ", out);
    put_plain(out, comparison->targets[target].name, NAME_WIDTH);
    fprintf(out, "%s%9s %9s .. %-9s",
            comparison_is_doubtful(comparison, metric, target) ? "*" : " ",
            compare_format(spread.median, a), compare_format(spread.min, b),
            compare_format(spread.max, c));
    struct compare_ratio direct =
        comparison_ratio(comparison, metric, target, comparison_direct(comparison));
    struct compare_ratio first =
        comparison_ratio(comparison, metric, target, comparison_first(comparison));
    fprintf(out, " %-21s %s\n", compare_format_ratio(direct, a), compare_format_ratio(first, b));
}

static void print_metric(const struct comparison *comparison, const struct compare_metric *metric,
                         FILE *out)
{
    size_t first = comparison_first(comparison);
    char to_first[64] = "";

    fprintf(out, "%s%s%s\n", metric->label, metric->unit[0] == '\0' ? "" : ", ", metric->unit);
    if (first != COMPARE_NONE)
        snprintf(to_first, sizeof to_first, "to %.40s", comparison->targets[first].name);
    fprintf(out, "  %-*s %9s %9s .. %-9s %-21s ", NAME_WIDTH, "", "median", "min", "max",
            comparison_direct(comparison) == COMPARE_NONE ? "" : "to direct");
    put_plain(out, to_first, 0);
    fputc('\n', out);
    for (size_t i = 0; i < comparison->target_count; i++)
        print_line(comparison, metric, i, out);
    fputc('\n', out);
}

void compare_put_errors(const struct compare_run *runs, size_t count, size_t target, FILE *out)
{
    cJSON *sums = cJSON_CreateObject();
    const cJSON *error;
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (runs[i].target != target)
            continue;
        cJSON_ArrayForEach (error, cJSON_GetObjectItemCaseSensitive(runs[i].result, "errors")) {
            cJSON *sum = cJSON_GetObjectItemCaseSensitive(sums, error->string);
            if (sum != NULL)
                cJSON_SetNumberValue(sum, sum->valuedouble + error->valuedouble);
            else if (cJSON_IsNumber(error))
                cJSON_AddNumberToObject(sums, error->string, error->valuedouble);
        }
    }
    cJSON_ArrayForEach (error, sums) {
        if (!(error->valuedouble > 0))
            continue;
        fputs(any ? ", " : ": ", out);
        put_plain(out, error->string, 0);
        fprintf(out, " %.0f", error->valuedouble);
        any = true;
    }
    cJSON_Delete(sums);
}

/* The reasons of the first run that is not valid. */
static void print_reasons(const struct comparison *comparison, size_t target, FILE *out)
{
    const struct compare_run *run = comparison->runs;
    const struct compare_run *end = run + comparison->run_count;
    const cJSON *reason;

    while (run < end && (run->target != target || compare_run_is_valid(run)))
        run++;
    if (run == end || run->result == NULL)
        return;
    cJSON_ArrayForEach (reason, cJSON_GetObjectItemCaseSensitive(run->result, "reasons")) {
        if (!cJSON_IsString(reason))
            continue;
        fprintf(out, "      round %zu: ", run->round + 1);
        put_plain(out, reason->valuestring, 0);
        fputc('\n', out);
    }
}

static void print_remark(const struct comparison *comparison, size_t target, FILE *out)
{
    size_t runs = comparison_runs_of(comparison, target);
    size_t invalid = comparison_invalid(comparison, target);
    size_t limited = comparison_limited(comparison, target);
    size_t failed = comparison_failed(comparison, target);
    const char *name = comparison->targets[target].name;

    if (failed > 0) {
        fputs("! ", out);
        put_plain(out, name, NAME_WIDTH);
        fprintf(out, " %zu of %zu runs FAILED", failed, runs);
        compare_put_errors(comparison->runs, comparison->run_count, target, out);
        fputc('\n', out);
    }
    if (limited > 0) {
        fputs("* ", out);
        put_plain(out, name, NAME_WIDTH);
        fprintf(out,
                " %zu of %zu runs were limited by the load tool: costs hold, rates and latencies"
                " do not\n",
                limited, runs);
    } else if (invalid > failed) {
        fputs("  ", out);
        put_plain(out, name, NAME_WIDTH);
        fprintf(out, " %zu of %zu runs are not valid\n", invalid, runs);
    }
    print_reasons(comparison, target, out);
}

static void print_remarks(const struct comparison *comparison, FILE *out)
{
    for (size_t i = 0; i < comparison->target_count; i++)
        print_remark(comparison, i, out);
    if (!comparison->loose && comparison->rounds < COMPARE_ROUNDS_MIN)
        fprintf(out, "  fewer than %d rounds: too few to know the noise\n", COMPARE_ROUNDS_MIN);
    if (comparison->interrupted)
        fprintf(out, "  interrupted\n");
}

void compare_print(const struct comparison *comparison, FILE *out)
{
    char rounds[COMPARE_ROUNDS_TEXT];

    fputc('\n', out);
    put_plain(out, comparison->title, 0);
    fprintf(out, ": %s, medians; within noise = the ranges overlap\n\n",
            comparison_rounds_text(comparison, rounds));
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (comparison_tells(comparison, metric))
            print_metric(comparison, metric, out);
    }
    print_remarks(comparison, out);
    fprintf(out, "valid     %s\n", comparison_is_valid(comparison) ? "yes" : "NO, see above");
    if (comparison_has_failed(comparison))
        fprintf(out, "failed    YES, see above\n");
    fflush(out);
}
