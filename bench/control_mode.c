/* A load mode as the command line has it: run, print, write the files, answer with the exit code.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/control.h"
#include "bench/exit.h"
#include "bench/report.h"

static bool write_page(const struct result *result, const char *path)
{
    cJSON *document = result_make_json(result);
    bool good = document != NULL && report_write_document(document, path);
    cJSON_Delete(document);
    return good;
}

/* Writes what was asked for; the first failure is the answer. */
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

static bool any_condition_holds(const struct result *result)
{
    const struct text_list *conditions = &result->options->out.fail_if;
    bool any = false;
    for (size_t i = 0; i < conditions->count; i++) {
        double seen;
        if (result_condition_holds(result, conditions->items[i], &seen)) {
            fprintf(stderr, "sni-bench: --fail-if '%s' holds: %.6g\n", conditions->items[i], seen);
            any = true;
        }
    }
    return any;
}

static bool check_conditions(const struct options *options)
{
    for (size_t i = 0; i < options->out.fail_if.count; i++) {
        if (!result_check_condition(options->out.fail_if.items[i])) {
            fprintf(stderr,
                    "sni-bench: --fail-if '%s': write it as p99>5ms or errors>0; known: %s\n",
                    options->out.fail_if.items[i], result_condition_words());
            return false;
        }
    }
    return true;
}

int control_run_mode(const struct options *options)
{
    struct load load = {0};
    struct result result;
    if (!check_conditions(options))
        return BENCH_USAGE;
    if (!control_run(options, &load, &result)) {
        control_free_result(&load, &result);
        return BENCH_FAILED;
    }
    bool color = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL && !options->out.no_color;
    bool json_on_stdout = options->out.json != NULL && strcmp(options->out.json, "-") == 0;
    result_print(&result, json_on_stdout ? stderr : stdout, color);
    int code = BENCH_OK;
    bool written = write_files(&result);
    if (any_condition_holds(&result))
        code = BENCH_FAIL_IF;
    else if (result.failed || !written)
        code = BENCH_FAILED;
    else if (!result.valid)
        code = BENCH_INVALID;
    control_free_result(&load, &result);
    return code;
}
