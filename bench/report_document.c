/*
 * What the results of verify and torture have in common: their beginning, and how they are written.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/environment.h"
#include "bench/report.h"
#include "bench/result.h"

static void add_labels(cJSON *root, const struct text_list *labels)
{
    cJSON *object = cJSON_AddObjectToObject(root, "labels");

    for (size_t i = 0; i < labels->count; i++) {
        char key[128];
        const char *text = labels->items[i];
        size_t len = strcspn(text, "=");
        snprintf(key, sizeof key, "%.*s", (int)len, text);
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
        cJSON_AddStringToObject(object, key, text[len] == '=' ? text + len + 1 : "");
    }
}

static void add_environment(cJSON *root)
{
    struct environment environment;

    environment_read(&environment);
    cJSON *object = cJSON_AddObjectToObject(root, "environment");
    cJSON_AddStringToObject(object, "kernel", environment.kernel);
    cJSON_AddStringToObject(object, "cpu", environment.cpu);
    cJSON_AddNumberToObject(object, "cpus", (double)environment.cpus);
}

cJSON *report_new_document(const struct options *options, double wall_start)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)wall_start;

    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    cJSON *root = cJSON_CreateObject();
    if (root == NULL)
        return NULL;
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "tool", "sni-bench");
    cJSON_AddStringToObject(root, "version", SNI_ROUTER_VERSION);
    cJSON_AddStringToObject(root, "mode", options->mode->name);
    cJSON *command = cJSON_AddArrayToObject(root, "command");
    for (int i = 0; i < options->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(options->argv[i]));
    add_labels(root, &options->out.labels);
    cJSON_AddStringToObject(root, "started", text);
    cJSON_AddStringToObject(root, "target", options->ask.target);
    add_environment(root);
    return root;
}

static bool write_json(const cJSON *document, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

    if (file == NULL) {
        fprintf(stderr, "sni-bench: --json %s: %s\n", path, strerror(errno));
        return false;
    }
    char *text = cJSON_Print(document);
    bool good = text != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0;
    free(text);
    if (file != stdout)
        good = fclose(file) == 0 && good;
    if (!good)
        fprintf(stderr, "sni-bench: --json %s: could not be written\n", path);
    return good;
}

bool report_check_outputs(const struct options *options)
{
    bool json = result_check_path("--json", options->out.json);

    return result_check_path("--html", options->out.html) && json;
}

FILE *report_text_output(const struct options *options)
{
    bool json = options->out.json != NULL && strcmp(options->out.json, "-") == 0;
    bool html = options->out.html != NULL && strcmp(options->out.html, "-") == 0;

    return json || html ? stderr : stdout;
}

bool report_write_outputs(const struct options *options, cJSON *document)
{
    bool good = document != NULL;

    if (!good)
        fprintf(stderr, "sni-bench: %s: out of memory for the result\n", options->mode->name);
    if (good && options->out.json != NULL)
        good = write_json(document, options->out.json);
    if (document != NULL && options->out.html != NULL)
        good = report_write_document(document, options->out.html) && good;
    cJSON_Delete(document);
    return good;
}

void report_print_lines(const char *const *lines, FILE *out)
{
    for (; *lines != NULL; lines++)
        fprintf(out, "%s\n", *lines);
}
