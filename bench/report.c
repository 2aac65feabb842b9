/* The report mode: tables on stdout, and the page. */

#include "bench/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/exit.h"

static bool say_all(const struct report *report, const struct options *options)
{
    bool page_on_stdout = options->out.html != NULL && strcmp(options->out.html, "-") == 0;
    FILE *out = page_on_stdout ? stderr : stdout;

    for (size_t i = 0; i < report->section_count; i++) {
        if (options->out.markdown)
            compare_print_markdown(&report->sections[i], out);
        else
            compare_print(&report->sections[i], out);
    }
    enum report_form form = options->out.markdown ? REPORT_MARKDOWN : REPORT_TEXT;
    report_write_torture(report, form, out);
    report_write_verify(report, form, NULL, out);
    return options->out.html == NULL || report_write_html(report, options->out.html);
}

int report_run_mode(const struct options *options)
{
    if (options->rest_count == 0) {
        fprintf(stderr, "sni-bench: report needs files that --json wrote; see sni-bench report "
                        "--help\n");
        return BENCH_USAGE;
    }
    struct report *report = malloc(sizeof *report);
    bool good = report != NULL && report_init(report);
    /* Reads all files even if one is wrong, so that all errors are reported at once. */
    for (size_t i = 0; report != NULL && i < options->rest_count; i++)
        good = report_add_file(report, options->rest[i]) && good;
    good = good && say_all(report, options);
    if (report != NULL)
        report_free(report);
    free(report);
    return good ? BENCH_OK : BENCH_FAILED;
}

bool report_write_document(const cJSON *document, const char *path)
{
    const char *why;
    struct report *report = malloc(sizeof *report);
    cJSON *copy = cJSON_Duplicate(document, true);
    bool good = report != NULL && report_init(report);

    if (good && copy != NULL) {
        good = report_add(report, copy, "this run", &why) && report_write_html(report, path);
    } else {
        cJSON_Delete(copy);
        fprintf(stderr, "sni-bench: --html %s: out of memory\n", path);
        good = false;
    }
    if (report != NULL)
        report_free(report);
    free(report);
    return good;
}
