/*
 * The page. In the document itself: the tables, first of all; the places of the charts; the
 * machine. Then, for the script, what the charts show and the raw results as JSON.
 */

#include "bench/report.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The parts of the page whose hashes its content security policy lists. */
struct page_text {
    char *style;
    char *scripts[2]; /* uPlot; ours */
};

static void put_asset(FILE *out, struct report_asset asset)
{
    fwrite(asset.text, 1, asset.len, out);
}

static char *make_style(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    put_asset(out, report_uplot_css());
    put_asset(out, report_page_css());
    for (size_t i = 0; report_palette(i) != NULL; i++)
        fprintf(out, ".c%zu { background: %s; }\n", i, report_palette(i));
    return fclose(out) == 0 ? text : NULL;
}

/* The chart library with its licence in front. */
static char *make_uplot(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    fputs("/*! uPlot. ", out);
    put_asset(out, report_uplot_license());
    fputs("*/\n", out);
    put_asset(out, report_uplot_js());
    return fclose(out) == 0 ? text : NULL;
}

static char *make_script(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    put_asset(out, report_page_js());
    return fclose(out) == 0 ? text : NULL;
}

/* 'sha256-..' of the element's content, as a content security policy wants it. */
static void put_hash(FILE *out, const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char base64[2 * EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL) != 1)
        return;
    EVP_EncodeBlock(base64, digest, (int)len);
    fprintf(out, " 'sha256-%s'", (const char *)base64);
}

static void put_head(FILE *out, const char *title, const struct page_text *text)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "base-uri 'none'; form-action 'none'; style-src",
          out);
    put_hash(out, text->style);
    fputs("; script-src", out);
    put_hash(out, text->scripts[0]);
    put_hash(out, text->scripts[1]);
    fputs("\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    report_put_text(out, title);
    fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<header>\n<h1>", text->style);
    report_put_text(out, title);
    fputs("</h1>\n", out);
}

/* Writes the warnings that a reader must see before any number. */
static void put_lead(FILE *out, const struct report *report)
{
    const cJSON *environment = report_environment(report);
    const cJSON *cpu = cJSON_GetObjectItemCaseSensitive(environment, "cpu");
    const cJSON *kernel = cJSON_GetObjectItemCaseSensitive(environment, "kernel");
    double cpus = compare_number(environment, NULL, "cpus");

    fputs("<p class=\"lead\">", out);
    if (cJSON_IsString(cpu)) {
        report_put_text(out, cpu->valuestring);
        fputs(", ", out);
    }
    if (cpus >= 1 && cpus < 1e6)
        fprintf(out, "%.0f CPUs shared by generator, routers and backends", cpus);
    if (cJSON_IsString(kernel)) {
        fputs(", ", out);
        report_put_text(out, kernel->valuestring);
    }
    if (report->section_count > 0)
        fputs(
            ". Compare ratios, not absolutes; costs hold better on a noisy machine than rates and "
            "latencies.",
            out);
    else
        fputs(". What routers do, not how fast: a word stands beside each colour.", out);
    fputs("</p>\n</header>\n<main>\n", out);
}

static void put_column_heads(FILE *out, const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        fprintf(out, "<th scope=\"col\"><span class=\"swatch c%zu\"></span>",
                report_color_class(comparison, i));
        report_put_text(out, comparison->targets[i].name);
        fputs("</th>", out);
    }
}

static void put_ratio(FILE *out, struct compare_ratio ratio, const char *to)
{
    char text[COMPARE_TEXT];

    if (!ratio.known)
        return;
    fprintf(out, "<span class=\"ratio%s\">%s× ", ratio.within_noise ? " noise" : "",
            compare_format(ratio.ratio, text));
    report_put_text(out, to);
    fputs(ratio.within_noise ? ", within noise</span>" : "</span>", out);
}

static void put_value(FILE *out, const struct comparison *comparison,
                      const struct compare_metric *metric, size_t target)
{
    struct compare_spread spread;
    char a[COMPARE_TEXT];
    char b[COMPARE_TEXT];

    if (!comparison_spread(comparison, metric, target, &spread)) {
        fputs("<td class=\"none\">–</td>", out);
        return;
    }
    fprintf(out, "<td><b>%s</b>", compare_format(spread.median, a));
    if (spread.count > 1)
        fprintf(out, " <span class=\"range\">(%s–%s)</span>", compare_format(spread.min, a),
                compare_format(spread.max, b));
    size_t first = comparison_first(comparison);
    size_t direct = comparison_direct(comparison);
    if (first != COMPARE_NONE && target != direct)
        put_ratio(out, comparison_ratio(comparison, metric, target, first),
                  comparison->targets[first].name);
    put_ratio(out, comparison_ratio(comparison, metric, target, direct), "direct");
    if (comparison_is_doubtful(comparison, metric, target))
        fputs("<span class=\"mark\">‡</span>", out);
    if (comparison_failed(comparison, target) > 0)
        fputs("<span class=\"mark\">†</span>", out);
    fputs("</td>", out);
}

static void put_row(FILE *out, const struct comparison *comparison,
                    const struct compare_metric *metric, const char *label)
{
    fputs("<tr><th scope=\"row\">", out);
    report_put_text(out, label == NULL ? metric->label : label);
    const char *comma = label != NULL && metric->unit[0] != '\0' ? ", " : "";
    fprintf(out, "<span class=\"unit\">%s%s%s</span></th>", label == NULL ? "" : metric->label,
            comma, metric->unit);
    for (size_t i = 0; i < comparison->target_count; i++)
        put_value(out, comparison, metric, i);
    fputs("</tr>\n", out);
}

static bool same_targets(const struct comparison *a, const struct comparison *b)
{
    bool same = a->target_count == b->target_count;

    for (size_t i = 0; same && i < a->target_count; i++)
        same = strcmp(a->targets[i].name, b->targets[i].name) == 0;
    return same;
}

/*
 * For several comparisons: a row per section with its main metric; a new head when the targets
 * change.
 */
static void put_overview(FILE *out, const struct report *report)
{
    const struct comparison *before = NULL;

    fputs("<section id=\"overview\"><h2>Comparison</h2>\n<table class=\"comparison\">\n", out);
    for (size_t i = 0; i < report->section_count; i++) {
        const struct comparison *section = &report->sections[i];
        const struct compare_metric *metric = comparison_main_metric(section);
        if (metric == NULL)
            continue;
        if (before == NULL || !same_targets(before, section)) {
            fputs(before == NULL ? "" : "</tbody>\n", out);
            fputs("<tbody><tr><td></td>", out);
            put_column_heads(out, section);
            fputs("</tr>\n", out);
        }
        put_row(out, section, metric, section->title);
        before = section;
    }
    fputs(before == NULL ? "" : "</tbody>", out);
    fputs("</table></section>\n", out);
}

static void put_tables(FILE *out, const struct comparison *comparison)
{
    fputs("<table class=\"comparison\">\n<thead><tr><td></td>", out);
    put_column_heads(out, comparison);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (comparison_tells(comparison, metric))
            put_row(out, comparison, metric, NULL);
    }
    fputs("</tbody></table>\n", out);
    report_put_remarks(comparison, out);
}

void report_put_charts(const cJSON *charts, size_t section, FILE *out)
{
    const cJSON *chart;
    int number = 0;

    fputs("<div class=\"charts\">\n", out);
    cJSON_ArrayForEach (chart, charts) {
        if ((size_t)compare_number(chart, NULL, "section") == section) {
            fprintf(out, "<figure class=\"chart\" data-chart=\"%d\"><figcaption><b>", number);
            report_put_text(out, cJSON_GetObjectItemCaseSensitive(chart, "title")->valuestring);
            fputs("</b> <span class=\"unit\">", out);
            report_put_text(out, cJSON_GetObjectItemCaseSensitive(chart, "unit")->valuestring);
            fputs("</span><span class=\"note\">", out);
            report_put_text(out, cJSON_GetObjectItemCaseSensitive(chart, "note")->valuestring);
            fputs("</span></figcaption><div class=\"plot\"></div></figure>\n", out);
        }
        number++;
    }
    fputs("</div>\n", out);
}

static void put_section(FILE *out, const struct report *report, size_t index, const cJSON *charts)
{
    const struct comparison *comparison = &report->sections[index];

    fprintf(out, "<section id=\"section-%zu\">\n<h2>", index);
    report_put_text(out, comparison->title);
    fputs("</h2>\n", out);
    put_tables(out, comparison);
    report_put_charts(charts, index, out);
    report_put_percentiles(comparison, out);
    fputs("</section>\n", out);
}

static void put_data(FILE *out, const char *id, const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    fprintf(out, "<script type=\"application/json\" id=\"%s\">", id);
    report_put_json(out, text == NULL ? "null" : text);
    fputs("</script>\n", out);
    free(text);
}

static void put_tail(FILE *out, const struct report *report, const cJSON *charts,
                     const struct page_text *text)
{
    fputs("<section id=\"results\"><h2>Raw results</h2>\n"
          "<p><a id=\"download\" download=\"sni-bench.json\" hidden>Download the results as JSON"
          "</a></p>\n<p>They are in this file, in the script element with the id <code>raw</code>: "
          "each file that the report was made from, whole.</p></section>\n</main>\n"
          "<noscript><p>Charts need scripts; every number is in the tables.</p></noscript>\n"
          "<footer><p>Made by sni-bench " SNI_ROUTER_VERSION ". Charts: uPlot.</p>\n"
          "<details><summary>Licence of uPlot</summary><pre>",
          out);
    put_asset(out, report_uplot_license());
    fputs("</pre></details></footer>\n", out);
    put_data(out, "charts", charts);
    put_data(out, "raw", report->documents);
    fprintf(out, "<script>%s</script>\n<script>%s</script>\n</body>\n</html>\n", text->scripts[0],
            text->scripts[1]);
}

/* The title: of the only section, or a general one. */
static void write_title(const struct report *report, char *title, size_t cap)
{
    const struct report_findings *tortures = &report->tortures;
    const struct report_findings *verifies = &report->verifies;
    size_t things = report->section_count + tortures->count + verifies->count;

    if (things == 1 && report->section_count == 1)
        snprintf(title, cap, "sni-bench: %s", report->sections[0].title);
    else if (things == tortures->count)
        snprintf(title, cap, "sni-bench: torture");
    else if (things == verifies->count)
        snprintf(title, cap, "sni-bench: verify");
    else
        snprintf(title, cap, "sni-bench report");
}

static void put_page(FILE *out, const struct report *report, const struct page_text *text)
{
    cJSON *charts = report_make_charts(report);
    char title[320];

    write_title(report, title, sizeof title);
    put_head(out, title, text);
    put_lead(out, report);
    if (report->section_count > 1)
        put_overview(out, report);
    for (size_t i = 0; i < report->section_count; i++)
        put_section(out, report, i, charts);
    report_write_torture(report, REPORT_HTML, out);
    report_write_verify(report, REPORT_HTML, charts, out);
    report_put_environment(report, out);
    report_put_commands(report, out);
    put_tail(out, report, charts, text);
    cJSON_Delete(charts);
}

bool report_write_html(const struct report *report, const char *path)
{
    struct page_text text = {make_style(), {make_uplot(), make_script()}};
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool made = text.style != NULL && text.scripts[0] != NULL && text.scripts[1] != NULL;

    if (out != NULL && made)
        put_page(out, report, &text);
    bool good = out != NULL && made && ferror(out) == 0 && fflush(out) == 0;
    int failure = errno;
    if (out != NULL && out != stdout && fclose(out) != 0) {
        failure = errno;
        good = false;
    }
    if (!good)
        fprintf(stderr, "sni-bench: --html %s: %s\n", path, strerror(failure));
    free(text.style);
    free(text.scripts[0]);
    free(text.scripts[1]);
    return good;
}
