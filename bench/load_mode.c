/* A load mode as the command line has it: run, print, write the files, answer with the exit code.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/exit.h"
#include "bench/fail_if.h"
#include "bench/load_control.h"
#include "bench/report.h"

static bool write_page(const struct result *result, const char *path)
{
    cJSON *document = result_make_json(result);
    bool good = document != NULL && report_write_document(document, path);

    cJSON_Delete(document);
    return good;
}

/* Writes the files that were asked for; false = one of them could not be written. */
static bool write_files(const struct result *result)
{
    const struct options *options = result->options;
    bool good = true;

    if (options->out.json != NULL)
        good = result_write_json(result, options->out.json);
    if (options->out.hgrm != NULL)
        good = result_write_hgrm(result, options->out.hgrm) && good;
    if (options->out.html != NULL)
        good = write_page(result, options->out.html) && good;
    return good;
}

static bool check_paths(const struct options *options)
{
    return result_check_path("--json", options->out.json) &&
           result_check_path("--hgrm", options->out.hgrm) &&
           result_check_path("--html", options->out.html);
}

int load_run_mode(const struct options *options)
{
    struct load load = {0};
    struct result result;

    if (!fail_if_check(options, stderr))
        return BENCH_USAGE;
    if (!check_paths(options))
        return BENCH_FAILED;
    int code = (int)load_control_run(options, &load, &result);
    if (code != BENCH_OK) {
        load_control_free_result(&load, &result);
        return code;
    }
    bool color = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL && !options->out.no_color;
    bool json_on_stdout = options->out.json != NULL && strcmp(options->out.json, "-") == 0;
    result_print(&result, json_on_stdout ? stderr : stdout, color);
    bool written = write_files(&result);
    if (fail_if_holds(&result, stderr))
        code = BENCH_FAIL_IF;
    else if (result.failed || !written)
        code = BENCH_FAILED;
    else if (!result.valid)
        code = BENCH_INVALID;
    load_control_free_result(&load, &result);
    return code;
}
