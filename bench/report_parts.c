/* Parts of the page that are the same for every report: remarks, machine, commands, colours. */

#include "bench/report.h"

#include <stdint.h>

/*
 * The first colour is for the direct target; the others can be told apart also by the colour-blind.
 */
static const char *const palette[] = {"#6b7280", "#0b62d6", "#d9730d", "#12805c", "#8b3fc7",
                                      "#c2255c", "#0c8599", "#7a5c00", "#2b2b2b"};
#define PALETTE_COUNT (sizeof palette / sizeof palette[0])

const char *report_palette(size_t n)
{
    return n < PALETTE_COUNT ? palette[n] : NULL;
}

size_t report_color_class(const struct comparison *comparison, size_t target)
{
    size_t routers = 0;

    if (comparison->targets[target].direct)
        return 0;
    for (size_t i = 0; i < target; i++)
        routers += !comparison->targets[i].direct;
    return 1 + routers % (PALETTE_COUNT - 1);
}

const char *report_color(const struct comparison *comparison, size_t target)
{
    return palette[report_color_class(comparison, target)];
}

/* "name: 2 of 5 runs", and how it goes on. */
static void put_count(FILE *out, const char *mark, const char *name, size_t count, size_t runs,
                      const char *what)
{
    if (count == 0)
        return;
    fprintf(out, "<li class=\"bad\">%s", mark);
    report_put_text(out, name);
    fprintf(out, ": %zu of %zu run%s %s</li>\n", count, runs, runs == 1 ? "" : "s", what);
}

/* The reasons of the target's first run that is not valid. */
static void put_reasons(FILE *out, const struct comparison *comparison, size_t target)
{
    const cJSON *reason;

    for (size_t i = 0; i < comparison->run_count; i++) {
        const struct compare_run *run = &comparison->runs[i];
        if (run->target != target || compare_run_is_valid(run))
            continue;
        cJSON_ArrayForEach (reason, cJSON_GetObjectItemCaseSensitive(run->result, "reasons")) {
            if (!cJSON_IsString(reason))
                continue;
            fputs("<li class=\"bad\">", out);
            report_put_text(out, comparison->targets[target].name);
            fprintf(out, ", round %zu: ", run->round + 1);
            report_put_text(out, reason->valuestring);
            fputs("</li>\n", out);
        }
        return;
    }
}

void report_put_remarks(const struct comparison *comparison, FILE *out)
{
    char rounds[COMPARE_ROUNDS_TEXT];

    fprintf(out, "<ul class=\"remarks\">\n<li>%s; median (smallest–largest).</li>\n",
            comparison_rounds_text(comparison, rounds));
    if (!comparison->loose && comparison->rounds < COMPARE_ROUNDS_MIN)
        fprintf(out,
                "<li class=\"bad\">Not valid: fewer than %d rounds say too little about the "
                "noise.</li>\n",
                COMPARE_ROUNDS_MIN);
    if (comparison->interrupted)
        fputs("<li class=\"bad\">Not valid: the comparison was interrupted.</li>\n", out);
    for (size_t i = 0; i < comparison->target_count; i++) {
        const char *name = comparison->targets[i].name;
        size_t runs = comparison_runs_of(comparison, i);
        size_t limited = comparison_limited(comparison, i);
        size_t invalid = comparison_invalid(comparison, i);
        put_count(out, "† ", name, comparison_failed(comparison, i), runs, "failed.");
        put_count(out, "‡ ", name, limited, runs,
                  "limited by the load tool: costs hold, rates and latencies do not.");
        put_count(out, "", name, invalid > limited ? invalid - limited : 0, runs,
                  "not valid for another reason.");
        put_reasons(out, comparison, i);
    }
    fputs("</ul>\n", out);
}

size_t report_finding_color(size_t index)
{
    return 1 + index % (PALETTE_COUNT - 1);
}

static const cJSON *environment_of(const struct report_findings *findings)
{
    const cJSON *found = NULL;

    for (size_t i = 0; i < findings->count && found == NULL; i++)
        found = cJSON_GetObjectItemCaseSensitive(findings->items[i].document, "environment");
    return cJSON_IsObject(found) ? found : NULL;
}

const cJSON *report_environment(const struct report *report)
{
    for (size_t i = 0; i < report->section_count; i++) {
        const struct comparison *section = &report->sections[i];
        for (size_t k = 0; k < section->run_count; k++) {
            const cJSON *found =
                cJSON_GetObjectItemCaseSensitive(section->runs[k].result, "environment");
            if (cJSON_IsObject(found))
                return found;
        }
    }
    const cJSON *found = environment_of(&report->tortures);
    return found != NULL ? found : environment_of(&report->verifies);
}

/* One row per value; an object inside gets its own rows, one level deep. */
static void put_rows(const cJSON *object, const char *prefix, FILE *out)
{
    const cJSON *value;

    cJSON_ArrayForEach (value, object) {
        if (cJSON_IsObject(value) && prefix[0] == '\0') {
            put_rows(value, value->string, out);
            continue;
        }
        if (!cJSON_IsString(value) && !cJSON_IsNumber(value))
            continue;
        fputs("<tr><th scope=\"row\">", out);
        report_put_text(out, prefix);
        fputs(prefix[0] == '\0' ? "" : " ", out);
        report_put_text(out, value->string);
        fputs("</th><td>", out);
        if (cJSON_IsString(value))
            report_put_text(out, value->valuestring);
        else
            fprintf(out, "%.15g", value->valuedouble);
        fputs("</td></tr>\n", out);
    }
}

void report_put_environment(const struct report *report, FILE *out)
{
    const cJSON *environment = report_environment(report);

    if (environment == NULL)
        return;
    fputs("<section id=\"environment\"><h2>Machine</h2>\n<table class=\"facts\"><tbody>\n", out);
    put_rows(environment, "", out);
    fputs("</tbody></table></section>\n", out);
}

void report_put_commands(const struct report *report, FILE *out)
{
    const cJSON *entry;

    fputs("<section id=\"commands\"><h2>Commands</h2>\n<ul>\n", out);
    cJSON_ArrayForEach (entry, report->documents) {
        const cJSON *word;
        const cJSON *document = cJSON_GetObjectItemCaseSensitive(entry, "document");
        const cJSON *file = cJSON_GetObjectItemCaseSensitive(entry, "file");
        const cJSON *started = cJSON_GetObjectItemCaseSensitive(document, "started");
        fputs("<li><code>sni-bench", out);
        cJSON_ArrayForEach (word, cJSON_GetObjectItemCaseSensitive(document, "command")) {
            fputc(' ', out);
            if (cJSON_IsString(word))
                report_put_text(out, word->valuestring);
        }
        fputs("</code> (", out);
        report_put_text(out, file->valuestring);
        if (cJSON_IsString(started)) {
            fputs(", ", out);
            report_put_text(out, started->valuestring);
        }
        fputs(")</li>\n", out);
    }
    fputs("</ul></section>\n", out);
}
