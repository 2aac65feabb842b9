/* What a verify run has found out: a line per second, a text, JSON. */

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/environment.h"
#include "bench/units.h"
#include "bench/verify.h"

struct fault_row {
    const char *word;
    const char *sentence;
};

static const struct fault_row fault_rows[VERIFY_FAULTS] = {
    [VERIFY_MISROUTED] = {"misrouted", "another backend answered"},
    [VERIFY_CORRUPT] = {"corrupt", "a byte differs"},
    [VERIFY_TRUNCATED] = {"truncated", "ended before the last byte"},
    [VERIFY_DROPPED] = {"dropped", "refused, reset, or closed without an answer"},
    [VERIFY_STALLED] = {"stalled", "nothing moved for --timeout"},
};

static const char *const kind_words[VERIFY_KINDS + 1] = {
    [VERIFY_HALF_CLOSE] = "half_close",
    [VERIFY_COUNTED] = "counted",
    [VERIFY_UP] = "up",
    [VERIFY_DOWN] = "down",
    [VERIFY_EARLY_FIN] = "early_fin",
    [VERIFY_LONG] = "long",
};

const char *verify_fault_word(enum verify_fault fault)
{
    return fault_rows[fault].word;
}

uint64_t verify_fault_count(const struct verify *verify)
{
    uint64_t sum = 0;
    for (int i = 0; i < VERIFY_FAULTS; i++)
        sum += verify->faults[i];
    return sum;
}

uint64_t verify_whole_count(const struct verify *verify)
{
    uint64_t sum = 0;
    for (int i = 0; i <= VERIFY_KINDS; i++)
        sum += verify->whole[i];
    return sum;
}

/* Why a run without a fault proves nothing; NULL when it proves something. */
static const char *find_weakness(const struct verify *verify)
{
    bool reloads = verify->options->verify.reload_cmd != NULL;
    if (verify_whole_count(verify) == 0)
        return "not one stream was whole";
    if (reloads && verify->reloads_failed > 0)
        return "--reload-cmd failed";
    if (reloads && verify->reloads == 0)
        return "--reload-cmd was never due: let it run longer than --reload-every";
    return NULL;
}

bool verify_has_failed(const struct verify *verify)
{
    return verify_fault_count(verify) > 0 || find_weakness(verify) != NULL;
}

void verify_print_progress(const struct verify *verify, uint64_t now_ns)
{
    char up[UNITS_TEXT];
    char down[UNITS_TEXT];
    if (verify->options->out.quiet)
        return;
    fprintf(stderr,
            "%s%5.0f s  %8llu whole  %5u open  %12s up  %12s down  %4llu reloads  %llu faults%s",
            verify->redraws ? "\r" : "", (double)(now_ns - verify->begun_ns) / 1e9,
            (unsigned long long)verify_whole_count(verify), verify->active,
            units_format_bytes((double)verify->bytes_up, up),
            units_format_bytes((double)verify->bytes_down, down),
            (unsigned long long)verify->reloads, (unsigned long long)verify_fault_count(verify),
            verify->redraws ? "\033[K" : "\n");
}

void verify_end_progress(const struct verify *verify)
{
    if (verify->redraws && !verify->options->out.quiet)
        fputc('\n', stderr);
}

static double seconds_of(const struct verify *verify)
{
    return (double)(verify->end_ns - verify->begun_ns) / 1e9;
}

void verify_print(const struct verify *verify, FILE *out)
{
    char up[UNITS_TEXT];
    char down[UNITS_TEXT];
    fprintf(out, "verify %s, %.1f s, %u names\n\n", verify->options->ask.target, seconds_of(verify),
            verify->names.count);
    fprintf(out, "  whole      %llu streams:", (unsigned long long)verify_whole_count(verify));
    for (int i = 0; i <= VERIFY_KINDS; i++)
        fprintf(out, " %llu %s%s", (unsigned long long)verify->whole[i], kind_words[i],
                i < VERIFY_KINDS ? "," : "\n");
    fprintf(out, "  exchanges  %llu on long-lived connections\n",
            (unsigned long long)verify->exchanges);
    fprintf(out, "  bytes      %s up, %s down\n", units_format_bytes((double)verify->bytes_up, up),
            units_format_bytes((double)verify->bytes_down, down));
    if (verify->options->verify.reload_cmd != NULL)
        fprintf(out, "  reloads    %llu done, %llu failed, %llu left out as one was running\n",
                (unsigned long long)verify->reloads, (unsigned long long)verify->reloads_failed,
                (unsigned long long)verify->reloads_late);
    fprintf(out, "\n");
    for (int i = 0; i < VERIFY_FAULTS; i++)
        fprintf(out, "  %-10s %-8llu %s\n", fault_rows[i].word,
                (unsigned long long)verify->faults[i], fault_rows[i].sentence);
    if (verify->note_count > 0)
        fprintf(out, "\n  the first %zu:\n", verify->note_count);
    for (size_t i = 0; i < verify->note_count; i++)
        fprintf(out, "  %8.3f s  %-10s %s\n", verify->notes[i].at_s,
                verify_fault_word(verify->notes[i].fault), verify->notes[i].text);
    const char *weakness = find_weakness(verify);
    if (verify_fault_count(verify) > 0)
        fprintf(out, "\nFAILED: %llu faults\n", (unsigned long long)verify_fault_count(verify));
    else
        fprintf(out, "\n%s%s\n",
                weakness == NULL ? "ok: 0 faults" : "FAILED: ", weakness == NULL ? "" : weakness);
}

static void add_count(cJSON *object, const char *key, uint64_t count)
{
    cJSON_AddNumberToObject(object, key, (double)count);
}

static void add_faults(cJSON *root, const struct verify *verify)
{
    cJSON *faults = cJSON_AddObjectToObject(root, "faults");
    for (int i = 0; i < VERIFY_FAULTS; i++)
        add_count(faults, fault_rows[i].word, verify->faults[i]);
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
        add_count(whole, kind_words[i], verify->whole[i]);
    add_count(root, "started_streams", verify->started);
    add_count(root, "exchanges", verify->exchanges);
    add_count(root, "bytes_up", verify->bytes_up);
    add_count(root, "bytes_down", verify->bytes_down);
    cJSON *reloads = cJSON_AddObjectToObject(root, "reloads");
    add_count(reloads, "done", verify->reloads);
    add_count(reloads, "failed", verify->reloads_failed);
    add_count(reloads, "left_out", verify->reloads_late);
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

static cJSON *make_json(const struct verify *verify)
{
    const struct options *options = verify->options;
    char text[32];
    struct tm utc;
    time_t start = (time_t)verify->wall_start;
    gmtime_r(&start, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "tool", "sni-bench");
    cJSON_AddStringToObject(root, "version", SNI_ROUTER_VERSION);
    cJSON_AddStringToObject(root, "mode", options->mode->name);
    cJSON *command = cJSON_AddArrayToObject(root, "command");
    for (int i = 0; i < options->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(options->argv[i]));
    cJSON_AddStringToObject(root, "started", text);
    cJSON_AddNumberToObject(root, "seconds", seconds_of(verify));
    cJSON_AddBoolToObject(root, "failed", verify_has_failed(verify));
    cJSON_AddBoolToObject(root, "interrupted", verify->interrupted);
    add_faults(root, verify);
    add_work(root, verify);
    add_environment(root);
    return root;
}

bool verify_write_json(const struct verify *verify, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (file == NULL) {
        fprintf(stderr, "sni-bench: --json %s: %s\n", path, strerror(errno));
        return false;
    }
    cJSON *root = make_json(verify);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    bool good = text != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0;
    free(text);
    if (file != stdout)
        good = fclose(file) == 0 && good;
    if (!good)
        fprintf(stderr, "sni-bench: --json %s: could not be written\n", path);
    return good;
}
