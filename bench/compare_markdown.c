/* A comparison as a Markdown table, to paste into a document or an issue. */

#include "bench/compare.h"

#include <stdint.h>

#include "bench/report.h"

static void print_head(const struct comparison *comparison, FILE *out)
{
    fputs("| |", out);
    for (size_t i = 0; i < comparison->target_count; i++) {
        fputc(' ', out);
        report_put_markdown(out, comparison->targets[i].name);
        fputs(" |", out);
    }
    fputs("\n|---|", out);
    for (size_t i = 0; i < comparison->target_count; i++)
        fputs("---:|", out);
    fputc('\n', out);
}

static void put_ratio(struct compare_ratio ratio, const char *before, const char *to, FILE *out)
{
    char text[COMPARE_TEXT];

    if (ratio.known)
        fprintf(out, "%s %s%s×%s%s", before, ratio.within_noise ? "≈ " : "**",
                compare_format(ratio.ratio, text), to, ratio.within_noise ? "" : "**");
}

static void print_value(const struct comparison *comparison, const struct compare_metric *metric,
                        size_t target, FILE *out)
{
    struct compare_spread spread;
    char a[COMPARE_TEXT];
    char b[COMPARE_TEXT];
    char c[COMPARE_TEXT];

    if (!comparison_spread(comparison, metric, target, &spread)) {
        fputs(" – |", out);
        return;
    }
    fprintf(out, " %s", compare_format(spread.median, a));
    if (spread.count > 1)
        fprintf(out, " (%s..%s)", compare_format(spread.min, b), compare_format(spread.max, c));
    struct compare_ratio to_first =
        comparison_ratio(comparison, metric, target, comparison_first(comparison));
    put_ratio(to_first, "", "", out);
    put_ratio(comparison_ratio(comparison, metric, target, comparison_direct(comparison)),
              to_first.known ? "," : "", " direct", out);
    if (comparison_is_doubtful(comparison, metric, target))
        fputs(" ‡", out);
    if (comparison_failed(comparison, target) > 0)
        fputs(" †", out);
    fputs(" |", out);
}

/* What the marks stand for, where there are any. */
static void print_remarks(const struct comparison *comparison, FILE *out)
{
    size_t limited = 0;
    size_t failed = 0;

    for (size_t i = 0; i < comparison->target_count; i++) {
        limited += comparison_limited(comparison, i);
        failed += comparison_failed(comparison, i);
    }
    if (limited > 0)
        fprintf(out,
                "‡ = the load tool was the limit in some of these runs (%zu of %zu in all): costs "
                "hold, rates and latencies do not.\n",
                limited, comparison->run_count);
    if (failed > 0)
        fprintf(out, "† = some of these runs failed (%zu of %zu in all).\n", failed,
                comparison->run_count);
    if (!comparison->loose && comparison->rounds < COMPARE_ROUNDS_MIN)
        fprintf(out, "Fewer than %d rounds: too few to know the noise.\n", COMPARE_ROUNDS_MIN);
    if (comparison->interrupted)
        fputs("Interrupted.\n", out);
    if (!comparison_is_valid(comparison))
        fputs("Not valid.\n", out);
}

void compare_print_markdown(const struct comparison *comparison, FILE *out)
{
    size_t first = comparison_first(comparison);

    fputs("### ", out);
    report_put_markdown(out, comparison->title);
    fputs("\n\n", out);
    print_head(comparison, out);
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (!comparison_tells(comparison, metric))
            continue;
        fprintf(out, "| %s%s%s |", metric->label, metric->unit[0] == '\0' ? "" : ", ",
                metric->unit);
        for (size_t i = 0; i < comparison->target_count; i++)
            print_value(comparison, metric, i, out);
        fputc('\n', out);
    }
    char rounds[COMPARE_ROUNDS_TEXT];
    fprintf(out, "\n%s%s", comparison->run_count > comparison->target_count ? "Median of " : "",
            comparison_rounds_text(comparison, rounds));
    if (comparison->run_count > comparison->target_count)
        fputs(" (smallest..largest)", out);
    if (first != COMPARE_NONE) {
        fputs("; × = ratio to ", out);
        report_put_markdown(out, comparison->targets[first].name);
        if (comparison_direct(comparison) != COMPARE_NONE)
            fputs(", × direct = ratio to no router", out);
        fputs(", ≈ = within noise (the ranges overlap)", out);
    }
    fputs(".\n", out);
    print_remarks(comparison, out);
    fputc('\n', out);
    fflush(out);
}
