/* The result of a verify run as JSON, with its series. */

#include <stdlib.h>

#include "bench/report.h"
#include "bench/verify.h"

/* The result lists at most this many names. */
#define BACKENDS_TOLD 1000u
#define POINTS_MAX    100000u

void verify_add_point(struct verify *verify, uint64_t now_ns)
{
    struct verify_point *before = &verify->before;
    double at_s = (double)(now_ns - verify->begun_ns) / 1e9;

    if (verify->point_count == verify->point_cap) {
        size_t cap = verify->point_cap == 0 ? 64 : 2 * verify->point_cap;
        struct verify_point *larger =
            cap > POINTS_MAX ? NULL : realloc(verify->points, cap * sizeof *larger);
        if (larger == NULL)
            return;
        verify->points = larger;
        verify->point_cap = cap;
    }
    struct verify_point sums = {.at_s = at_s,
                                .active = verify->active,
                                .whole = verify_whole_count(verify),
                                .faults = verify_fault_count(verify),
                                .reloads = verify->reloads,
                                .bytes_up = verify->bytes_up,
                                .bytes_down = verify->bytes_down};
    struct verify_point *point = &verify->points[verify->point_count++];
    *point = sums;
    point->seconds = at_s - before->at_s;
    point->whole -= before->whole;
    point->faults -= before->faults;
    point->reloads -= before->reloads;
    point->bytes_up -= before->bytes_up;
    point->bytes_down -= before->bytes_down;
    *before = sums;
}

static void add_count(cJSON *object, const char *key, uint64_t count)
{
    cJSON_AddNumberToObject(object, key, (double)count);
}

static void add_faults(cJSON *root, const struct verify *verify)
{
    cJSON *faults = cJSON_AddObjectToObject(root, "faults");

    for (int i = 0; i < VERIFY_FAULTS; i++)
        add_count(faults, verify_fault_word((enum verify_fault)i), verify->faults[i]);
    cJSON *first = cJSON_AddArrayToObject(root, "first_faults");
    for (size_t i = 0; i < verify->note_count; i++) {
        cJSON *note = cJSON_CreateObject();
        cJSON_AddItemToArray(first, note);
        cJSON_AddNumberToObject(note, "at_s", verify->notes[i].at_s);
        cJSON_AddStringToObject(note, "fault", verify_fault_word(verify->notes[i].fault));
        cJSON_AddStringToObject(note, "text", verify->notes[i].text);
    }
}

static void add_work(cJSON *root, const struct verify *verify)
{
    cJSON *whole = cJSON_AddObjectToObject(root, "whole");

    for (int i = 0; i <= VERIFY_KINDS; i++)
        add_count(whole, verify_kind_word(i), verify->whole[i]);
    add_count(root, "started_streams", verify->started);
    add_count(root, "exchanges", verify->exchanges);
    add_count(root, "nameless", verify->nameless);
    add_count(root, "bytes_up", verify->bytes_up);
    add_count(root, "bytes_down", verify->bytes_down);
    cJSON *reloads = cJSON_AddObjectToObject(root, "reloads");
    add_count(reloads, "done", verify->reloads);
    add_count(reloads, "failed", verify->reloads_failed);
    add_count(reloads, "left_out", verify->reloads_late);
}

static void add_backends(cJSON *root, const struct verify *verify)
{
    uint32_t told = verify->names.count < BACKENDS_TOLD ? verify->names.count : BACKENDS_TOLD;
    char buffer[NAMES_MAX_LENGTH + 1];
    cJSON *array = cJSON_AddArrayToObject(root, "backends");

    for (uint32_t i = 0; i < told; i++) {
        cJSON *backend = cJSON_CreateObject();
        cJSON_AddItemToArray(array, backend);
        cJSON_AddStringToObject(backend, "name", names_text(&verify->names, i, buffer));
        add_count(backend, "whole", verify->tallies[i].whole);
        add_count(backend, "faults", verify->tallies[i].faults);
    }
    add_count(root, "backends_left_out", verify->names.count - told);
}

static void add_series(cJSON *root, const struct verify *verify)
{
    cJSON *series = cJSON_AddArrayToObject(root, "series");

    for (size_t i = 0; i < verify->point_count; i++) {
        const struct verify_point *point = &verify->points[i];
        double seconds = point->seconds > 0 ? point->seconds : 1;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(series, object);
        cJSON_AddNumberToObject(object, "at_s", point->at_s);
        cJSON_AddNumberToObject(object, "seconds", point->seconds);
        add_count(object, "active", point->active);
        cJSON_AddNumberToObject(object, "streams_per_s", (double)point->whole / seconds);
        cJSON_AddNumberToObject(object, "up_bytes_per_s", (double)point->bytes_up / seconds);
        cJSON_AddNumberToObject(object, "down_bytes_per_s", (double)point->bytes_down / seconds);
        add_count(object, "faults", point->faults);
        add_count(object, "reloads", point->reloads);
    }
}

static void add_config(cJSON *root, const struct verify *verify)
{
    const struct options *options = verify->options;
    cJSON *config = cJSON_AddObjectToObject(root, "config");

    cJSON_AddBoolToObject(config, "tls", verify->tls != NULL);
    add_count(config, "names", verify->names.count);
    add_count(config, "connections", verify->count - options->verify.long_lived);
    add_count(config, "long", options->verify.long_lived);
    add_count(config, "max_bytes", options->verify.max_bytes);
    add_count(config, "seed", options->load.seed);
    const char *command = options->verify.reload_cmd;
    if (command == NULL) {
        cJSON_AddNullToObject(config, "reload_cmd");
        cJSON_AddNullToObject(config, "reload_every_s");
        return;
    }
    cJSON_AddStringToObject(config, "reload_cmd", command);
    cJSON_AddNumberToObject(config, "reload_every_s",
                            (double)verify_reload_every_ns(options) / 1e9);
}

/* Adds whether the run would have seen every fault, and if not, why. */
static void add_validity(cJSON *root, const struct verify *verify)
{
    const char *const why[] = {verify_weakness(verify), verify_blindness(verify)};

    cJSON_AddBoolToObject(root, "valid", why[0] == NULL && why[1] == NULL);
    cJSON *reasons = cJSON_AddArrayToObject(root, "reasons");
    for (size_t i = 0; i < sizeof why / sizeof why[0]; i++) {
        if (why[i] != NULL)
            cJSON_AddItemToArray(reasons, cJSON_CreateString(why[i]));
    }
}

cJSON *verify_to_json(const struct verify *verify)
{
    cJSON *root = report_new_document(verify->options, verify->wall_start);

    if (root == NULL)
        return NULL;
    const char *weakness = verify_weakness(verify);
    cJSON_AddNumberToObject(root, "seconds", verify_seconds(verify));
    cJSON_AddBoolToObject(root, "failed", verify_has_failed(verify));
    if (weakness == NULL)
        cJSON_AddNullToObject(root, "proves_nothing");
    else
        cJSON_AddStringToObject(root, "proves_nothing", weakness);
    add_validity(root, verify);
    cJSON_AddBoolToObject(root, "interrupted", verify->interrupted);
    add_config(root, verify);
    add_faults(root, verify);
    add_work(root, verify);
    add_backends(root, verify);
    add_series(root, verify);
    return root;
}
