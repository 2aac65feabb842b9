/* A comparison as a Markdown table, to paste into a document or an issue. */

#include "bench/compare.h"

#include <stdint.h>
#include <string.h>

/* Names may come from a file: nothing in them is markup, or ends the cell. */
static void put_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f)
            fputc(' ', out);
        else if (byte == '<' || byte == '&' || byte == '>')
            fputs(byte == '<' ? "&lt;" : byte == '&' ? "&amp;" : "&gt;", out);
        else if (strchr("|\\`*_[]#!~", byte) != NULL)
            fprintf(out, "\\%c", byte);
        else
            fputc(byte, out);
    }
}

static void print_head(const struct comparison *comparison, FILE *out)
{
    fputs("| |", out);
    for (size_t i = 0; i < comparison->target_count; i++) {
        fputc(' ', out);
        put_cell(out, comparison->targets[i].name);
        fputs(" |", out);
    }
    fputs("\n|---|", out);
    for (size_t i = 0; i < comparison->target_count; i++)
        fputs("---:|", out);
    fputc('\n', out);
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
    struct compare_ratio ratio =
        comparison_ratio(comparison, metric, target, comparison_first(comparison));
    if (ratio.known)
        fprintf(out, " %s%s×%s", ratio.within_noise ? "≈ " : "**", compare_format(ratio.ratio, a),
                ratio.within_noise ? "" : "**");
    fputs(" |", out);
}

void compare_print_markdown(const struct comparison *comparison, FILE *out)
{
    size_t first = comparison_first(comparison);
    fputs("### ", out);
    put_cell(out, comparison->title);
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
    fprintf(out, "\nMedian of %zu %s (smallest..largest)", comparison->rounds,
            comparison->loose ? "runs or fewer" : "rounds in turns");
    if (first != COMPARE_NONE) {
        fputs("; × = ratio to ", out);
        put_cell(out, comparison->targets[first].name);
        fputs(", ≈ = within noise (the ranges overlap)", out);
    }
    fputs(".\n", out);
    if (!comparison_is_valid(comparison))
        fputs("Not valid: some runs were limited by the load tool, or there were too few; "
              "compare the costs only.\n",
              out);
    fputc('\n', out);
    fflush(out);
}
