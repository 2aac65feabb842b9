/* A comparison as tables for a terminal: a block per metric, a line per target. */

#include "bench/compare.h"

#include <stdint.h>
#include <string.h>

#define NAME_WIDTH 16

/* Names may come from a file: what a terminal would obey is shown as '?'. */
static void put_name(FILE *out, const char *name, int width)
{
    char plain[64];
    size_t len = 0;
    for (; name[len] != '\0' && len + 1 < sizeof(plain); len++) {
        unsigned char byte = (unsigned char)name[len];
        plain[len] = byte < 0x20 || byte >= 0x7f ? '?' : name[len];
    }
    plain[len] = '\0';
    fprintf(out, "%-*s", width, plain);
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
    fputs("  ", out);
    put_name(out, comparison->targets[target].name, NAME_WIDTH);
    fprintf(out, " %9s %9s .. %-9s", compare_format(spread.median, a),
            compare_format(spread.min, b), compare_format(spread.max, c));
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
        snprintf(to_first, sizeof(to_first), "to %.40s", comparison->targets[first].name);
    fprintf(out, "  %-*s %9s %9s .. %-9s %-21s ", NAME_WIDTH, "", "median", "min", "max",
            comparison_direct(comparison) == COMPARE_NONE ? "" : "to direct");
    put_name(out, to_first, 0);
    fputc('\n', out);
    for (size_t i = 0; i < comparison->target_count; i++)
        print_line(comparison, metric, i, out);
    fputc('\n', out);
}

static void print_remarks(const struct comparison *comparison, FILE *out)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        size_t runs = comparison_runs_of(comparison, i);
        size_t limited = comparison_limited(comparison, i);
        size_t failed = comparison_failed(comparison, i);
        if (limited == 0 && failed == 0)
            continue;
        fputs("  ", out);
        put_name(out, comparison->targets[i].name, NAME_WIDTH);
        if (failed > 0)
            fprintf(out, " %zu of %zu runs FAILED", failed, runs);
        if (limited > 0)
            fprintf(out,
                    "%s %zu of %zu runs were limited by the load tool: costs hold,"
                    " rates and latencies do not",
                    failed > 0 ? ";" : "", limited, runs);
        fputc('\n', out);
    }
    if (!comparison->loose && comparison->rounds < COMPARE_ROUNDS_MIN)
        fprintf(out, "  fewer than %d rounds: too few to know the noise\n", COMPARE_ROUNDS_MIN);
    if (comparison->interrupted)
        fprintf(out, "  interrupted\n");
}

void compare_print(const struct comparison *comparison, FILE *out)
{
    fputc('\n', out);
    put_name(out, comparison->title, 0);
    fprintf(out, ": %zu %s, medians; within noise = the ranges overlap\n\n", comparison->rounds,
            comparison->loose ? "runs or fewer of each" : "rounds in turns");
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (comparison_tells(comparison, metric))
            print_metric(comparison, metric, out);
    }
    print_remarks(comparison, out);
    fprintf(out, "valid     %s\n",
            comparison_is_valid(comparison) ? "yes" : "NO, see above: compare the costs only");
    fflush(out);
}
