/*
 * From files to sections. Nothing in a file is trusted: a missing value counts as not measured, a
 * value of another type than its schema says is refused.
 */

#include "bench/report.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Larger files cannot come from sni-bench. */
#define FILE_MAX_BYTES (256l * 1024 * 1024)
/* Room for the text that says what is wrong in a file, and where. */
#define WRONG_TEXT 400

bool report_init(struct report *report)
{
    memset(report, 0, sizeof *report);
    report->documents = cJSON_CreateArray();
    return report->documents != NULL;
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->section_count; i++)
        comparison_free(&report->sections[i]);
    cJSON_Delete(report->documents);
    memset(report, 0, sizeof *report);
}

static const char *text_of(const cJSON *object, const char *key, const char *otherwise)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(value) ? value->valuestring : otherwise;
}

static bool is_load_mode(const char *mode)
{
    return strcmp(mode, "conn") == 0 || strcmp(mode, "bulk") == 0 || strcmp(mode, "latency") == 0 ||
           strcmp(mode, "idle") == 0;
}

static struct comparison *new_section(struct report *report, const char *title, const char *mode)
{
    if (report->section_count == REPORT_SECTIONS_MAX)
        return NULL;
    struct comparison *section = &report->sections[report->section_count];
    if (!comparison_init(section, title, mode)) {
        comparison_free(section);
        return NULL;
    }
    report->section_count++;
    return section;
}

/* The run's label, or its file name. */
static const char *name_of_run(const cJSON *document, const char *file)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(document, "labels");
    const char *slash = strrchr(file, '/');

    return text_of(labels, "router", slash == NULL ? file : slash + 1);
}

/* Single runs of one mode and title form a section; the same name again is a further round. */
static bool add_run(struct report *report, const cJSON *document, const char *file)
{
    char title[256];
    const char *mode = text_of(document, "mode", "");
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(document, "labels");
    const char *name = name_of_run(document, file);
    struct comparison *section = NULL;

    snprintf(title, sizeof title, "%s", text_of(labels, "title", mode));
    for (size_t i = 0; i < report->section_count; i++) {
        struct comparison *candidate = &report->sections[i];
        bool same = strcmp(candidate->mode, mode) == 0 && strcmp(candidate->title, title) == 0;
        if (candidate->loose && same)
            section = candidate;
    }
    if (section == NULL)
        section = new_section(report, title, mode);
    if (section == NULL)
        return false;
    section->loose = true;
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(document, "config");
    size_t target = comparison_add_target(section, name, text_of(config, "target", ""),
                                          text_of(config, "pid", ""), strcmp(name, "direct") == 0);
    if (target == COMPARE_NONE)
        return false;
    size_t round = comparison_runs_of(section, target);
    section->rounds = round + 1 > section->rounds ? round + 1 : section->rounds;
    return comparison_add_run(section, target, round, 0, cJSON_Duplicate(document, true));
}

static bool add_runs_of_comparison(struct comparison *section, const cJSON *runs)
{
    const cJSON *run;

    cJSON_ArrayForEach (run, runs) {
        size_t target = comparison_find_target(section, text_of(run, "target", ""));
        const cJSON *result = cJSON_GetObjectItemCaseSensitive(run, "result");
        double round = compare_number(run, NULL, "round");
        if (target == COMPARE_NONE)
            continue;
        size_t index = round >= 1 && round <= COMPARE_ROUNDS_MAX ? (size_t)round - 1 : 0;
        cJSON *copy = cJSON_IsObject(result) ? cJSON_Duplicate(result, true) : NULL;
        if (!comparison_add_run(section, target, index, 0, copy))
            return false;
    }
    return true;
}

static bool add_comparison(struct report *report, const cJSON *document)
{
    const cJSON *target;
    struct comparison *section = new_section(report, text_of(document, "title", "comparison"),
                                             text_of(document, "run_mode", ""));

    if (section == NULL)
        return false;
    double rounds = compare_number(document, NULL, "rounds");
    section->rounds = rounds >= 1 && rounds <= COMPARE_ROUNDS_MAX ? (size_t)rounds : 0;
    section->interrupted = compare_says(document, "interrupted");
    cJSON_ArrayForEach (target, cJSON_GetObjectItemCaseSensitive(document, "targets")) {
        size_t added = comparison_add_target(
            section, text_of(target, "name", "?"), text_of(target, "address", ""),
            text_of(target, "pid", ""), compare_says(target, "direct"));
        if (added == COMPARE_NONE)
            return false;
    }
    return add_runs_of_comparison(section, cJSON_GetObjectItemCaseSensitive(document, "runs"));
}

/* Adds a result of torture or verify as a column. */
static bool add_finding(struct report_findings *findings, const cJSON *document, const char *file)
{
    if (findings->count == REPORT_FINDINGS_MAX)
        return false;
    findings->items[findings->count++] =
        (struct report_finding){.name = name_of_run(document, file), .document = document};
    return true;
}

/* Keeps the document with the report, because findings point into it. */
static bool keep_document(struct report *report, cJSON *document, const char *file)
{
    const char *mode = text_of(document, "mode", "");
    cJSON *entry = cJSON_CreateObject();

    if (entry == NULL || !cJSON_AddItemToArray(report->documents, entry)) {
        cJSON_Delete(entry);
        cJSON_Delete(document);
        return false;
    }
    cJSON *kept = cJSON_AddStringToObject(entry, "file", file);
    cJSON_AddItemToObject(entry, "document", document);
    if (strcmp(mode, "torture") == 0)
        return add_finding(&report->tortures, document, kept->valuestring);
    if (strcmp(mode, "verify") == 0)
        return add_finding(&report->verifies, document, kept->valuestring);
    return true;
}

/* Whether the document has the keys that its table needs. */
static bool is_finding(const cJSON *document)
{
    const char *mode = text_of(document, "mode", "");

    if (strcmp(mode, "torture") == 0)
        return cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(document, "cases"));
    return strcmp(mode, "verify") == 0 &&
           cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(document, "faults"));
}

bool report_add(struct report *report, cJSON *document, const char *file, const char **why)
{
    const char *mode = text_of(document, "mode", "");
    bool ours = strcmp(text_of(document, "tool", ""), "sni-bench") == 0;
    bool compares = ours && strcmp(mode, "compare") == 0;
    bool finds = ours && is_finding(document);

    *why = "no result of conn, bulk, latency, idle, compare, verify or torture, as their --json "
           "writes it";
    bool good = compares || finds || (ours && is_load_mode(mode));
    if (good) {
        *why =
            "too many: 64 sections, 16 targets in each, 64 runs of each; 16 of verify and torture";
        if (compares)
            good = add_comparison(report, document);
        else if (!finds)
            good = add_run(report, document, file);
    }
    if (good)
        return keep_document(report, document, file);
    cJSON_Delete(document);
    return false;
}

/* The whole file with a NUL behind it; "-" is stdin. NULL: `errno` says why. */
static char *read_all(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t len = 0;
    size_t cap = 65536;
    bool good = file != NULL;

    while (good) {
        char *larger = cap > FILE_MAX_BYTES ? NULL : realloc(text, cap);
        good = larger != NULL;
        if (!good) {
            errno = EFBIG;
            break;
        }
        text = larger;
        len += fread(text + len, 1, cap - len - 1, file);
        good = ferror(file) == 0;
        if (feof(file) != 0 || !good)
            break;
        cap *= len + 1 == cap ? 2 : 1;
    }
    int failure = errno;
    if (file != NULL && file != stdin)
        fclose(file);
    if (!good) {
        free(text);
        errno = failure;
        return NULL;
    }
    text[len] = '\0';
    return text;
}

bool report_add_file(struct report *report, const char *path)
{
    const char *why = "is not JSON";
    char wrong[WRONG_TEXT];
    char *text = read_all(path);

    if (text == NULL) {
        fprintf(stderr, "sni-bench: report: %s: %s\n", path, strerror(errno));
        return false;
    }
    cJSON *document = cJSON_Parse(text);
    free(text);
    bool good = document != NULL;
    if (good && !report_check(document, wrong, sizeof wrong)) {
        why = wrong;
        good = false;
        cJSON_Delete(document);
    } else if (good) {
        good = report_add(report, document, path, &why);
    }
    if (!good)
        fprintf(stderr, "sni-bench: report: %s: %s\n", path, why);
    return good;
}
