/* Targets and runs of a comparison. */

#include "bench/compare.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool comparison_init(struct comparison *comparison, const char *title, const char *mode)
{
    memset(comparison, 0, sizeof *comparison);
    comparison->title = strdup(title);
    comparison->mode = strdup(mode);
    return comparison->title != NULL && comparison->mode != NULL;
}

void comparison_free(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        free(comparison->targets[i].name);
        free(comparison->targets[i].address);
        free(comparison->targets[i].pids);
    }
    for (size_t i = 0; i < comparison->run_count; i++)
        cJSON_Delete(comparison->runs[i].result);
    free(comparison->runs);
    free(comparison->title);
    free(comparison->mode);
    memset(comparison, 0, sizeof *comparison);
}

size_t comparison_find_target(const struct comparison *comparison, const char *name)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        if (strcmp(comparison->targets[i].name, name) == 0)
            return i;
    }
    return COMPARE_NONE;
}

size_t comparison_add_target(struct comparison *comparison, const char *name, const char *address,
                             const char *pids, bool direct)
{
    size_t index = comparison_find_target(comparison, name);

    if (index != COMPARE_NONE)
        return index;
    if (comparison->target_count == COMPARE_TARGETS_MAX)
        return COMPARE_NONE;
    struct compare_target *target = &comparison->targets[comparison->target_count];
    target->name = strdup(name);
    target->address = strdup(address);
    target->pids = strdup(pids);
    target->direct = direct;
    comparison->target_count++;
    bool good = target->name != NULL && target->address != NULL && target->pids != NULL;
    return good ? comparison->target_count - 1 : COMPARE_NONE;
}

bool comparison_add_run(struct comparison *comparison, size_t target, size_t round, int exit_code,
                        cJSON *result)
{
    assert(target < comparison->target_count);
    bool room = comparison_runs_of(comparison, target) < COMPARE_ROUNDS_MAX;
    if (room && comparison->run_count == comparison->run_cap) {
        size_t cap = comparison->run_cap == 0 ? 16 : comparison->run_cap * 2;
        struct compare_run *larger = realloc(comparison->runs, cap * sizeof *larger);
        room = larger != NULL;
        if (room) {
            comparison->runs = larger;
            comparison->run_cap = cap;
        }
    }
    if (!room) {
        cJSON_Delete(result);
        return false;
    }
    comparison->runs[comparison->run_count++] =
        (struct compare_run){target, round, exit_code, result};
    return true;
}

size_t comparison_direct(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        if (comparison->targets[i].direct)
            return i;
    }
    return COMPARE_NONE;
}

size_t comparison_first(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        if (!comparison->targets[i].direct)
            return i;
    }
    return COMPARE_NONE;
}

size_t comparison_runs_of(const struct comparison *comparison, size_t target)
{
    size_t count = 0;

    for (size_t i = 0; i < comparison->run_count; i++)
        count += comparison->runs[i].target == target;
    return count;
}

bool compare_run_is_valid(const struct compare_run *run)
{
    return run->result != NULL && compare_says(run->result, "valid");
}

/* A result without limited_by_tool has only one reason not to be valid: the tool was the limit. */
bool compare_run_is_limited(const struct compare_run *run)
{
    if (run->result == NULL || compare_run_is_valid(run))
        return false;
    return !cJSON_HasObjectItem(run->result, "limited_by_tool") ||
           compare_says(run->result, "limited_by_tool");
}

bool compare_run_has_failed(const struct compare_run *run)
{
    return run->result == NULL || compare_says(run->result, "failed");
}

static size_t count_runs(const struct comparison *comparison, size_t target,
                         bool (*is)(const struct compare_run *run))
{
    size_t count = 0;

    for (size_t i = 0; i < comparison->run_count; i++)
        count += comparison->runs[i].target == target && is(&comparison->runs[i]);
    return count;
}

size_t comparison_invalid(const struct comparison *comparison, size_t target)
{
    return comparison_runs_of(comparison, target) -
           count_runs(comparison, target, compare_run_is_valid);
}

size_t comparison_limited(const struct comparison *comparison, size_t target)
{
    return count_runs(comparison, target, compare_run_is_limited);
}

size_t comparison_failed(const struct comparison *comparison, size_t target)
{
    return count_runs(comparison, target, compare_run_has_failed);
}

const char *comparison_rounds_text(const struct comparison *comparison,
                                   char out[COMPARE_ROUNDS_TEXT])
{
    size_t least = COMPARE_ROUNDS_MAX;
    size_t most = 0;
    char range[48];

    for (size_t i = 0; i < comparison->target_count; i++) {
        size_t runs = comparison_runs_of(comparison, i);
        least = runs < least ? runs : least;
        most = runs > most ? runs : most;
    }
    if (least >= most)
        snprintf(range, sizeof range, "%zu", most);
    else
        snprintf(range, sizeof range, "%zu to %zu", least, most);
    if (comparison->loose)
        snprintf(out, COMPARE_ROUNDS_TEXT, "%s run%s of each", range, most == 1 ? "" : "s");
    else if (least < comparison->rounds)
        snprintf(out, COMPARE_ROUNDS_TEXT, "%zu of %zu rounds in turns", least, comparison->rounds);
    else if (most == 1)
        snprintf(out, COMPARE_ROUNDS_TEXT, "1 round");
    else
        snprintf(out, COMPARE_ROUNDS_TEXT, "%s rounds in turns", range);
    return out;
}

bool comparison_is_valid(const struct comparison *comparison)
{
    bool enough = comparison->loose || comparison->rounds >= COMPARE_ROUNDS_MIN;
    bool valid = !comparison->interrupted && enough;

    for (size_t i = 0; i < comparison->target_count; i++)
        valid = valid && comparison_invalid(comparison, i) == 0;
    return valid;
}

bool comparison_has_failed(const struct comparison *comparison)
{
    bool failed = false;

    for (size_t i = 0; i < comparison->target_count; i++)
        failed = failed || comparison_failed(comparison, i) > 0;
    return failed;
}

const struct compare_run *comparison_typical_run(const struct comparison *comparison, size_t target)
{
    const struct compare_metric *metric = comparison_main_metric(comparison);
    const struct compare_run *best = NULL;
    struct compare_spread spread;
    bool known = metric != NULL && comparison_spread(comparison, metric, target, &spread);
    double best_distance = 0;

    for (size_t i = 0; i < comparison->run_count; i++) {
        const struct compare_run *run = &comparison->runs[i];
        if (run->target != target || run->result == NULL)
            continue;
        double distance = known ? metric->read(run->result, metric) - spread.median : 0;
        distance = distance < 0 ? -distance : distance;
        if (best == NULL || distance < best_distance) {
            best = run;
            best_distance = distance;
        }
    }
    return best;
}
