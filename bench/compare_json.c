/* A comparison as JSON, with every run's own result inside; compare_schema.c describes it. */

#include "bench/compare.h"

#include <math.h>
#include <stdint.h>

static void add_text_or_null(cJSON *object, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0')
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddStringToObject(object, key, text);
}

static void add_targets(cJSON *root, const struct comparison *comparison)
{
    cJSON *array = cJSON_AddArrayToObject(root, "targets");

    for (size_t i = 0; i < comparison->target_count; i++) {
        const struct compare_target *target = &comparison->targets[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        cJSON_AddStringToObject(object, "name", target->name);
        cJSON_AddStringToObject(object, "address", target->address);
        cJSON_AddBoolToObject(object, "direct", target->direct);
        add_text_or_null(object, "pid", target->pids);
        cJSON_AddNumberToObject(object, "runs", (double)comparison_runs_of(comparison, i));
        cJSON_AddNumberToObject(object, "runs_invalid", (double)comparison_invalid(comparison, i));
        cJSON_AddNumberToObject(object, "runs_limited", (double)comparison_limited(comparison, i));
        cJSON_AddNumberToObject(object, "runs_failed", (double)comparison_failed(comparison, i));
    }
}

static void add_ratio(cJSON *object, const char *key, struct compare_ratio ratio)
{
    if (!ratio.known) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    cJSON *value = cJSON_AddObjectToObject(object, key);
    cJSON_AddNumberToObject(value, "ratio", ratio.ratio);
    cJSON_AddBoolToObject(value, "within_noise", ratio.within_noise);
}

static void add_values(cJSON *array, const struct comparison *comparison,
                       const struct compare_metric *metric, size_t target)
{
    struct compare_spread spread;

    if (!comparison_spread(comparison, metric, target, &spread))
        return;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(array, object);
    cJSON_AddStringToObject(object, "target", comparison->targets[target].name);
    cJSON_AddNumberToObject(object, "median", spread.median);
    cJSON_AddNumberToObject(object, "min", spread.min);
    cJSON_AddNumberToObject(object, "max", spread.max);
    cJSON_AddBoolToObject(object, "doubtful", comparison_is_doubtful(comparison, metric, target));
    add_ratio(object, "to_direct",
              comparison_ratio(comparison, metric, target, comparison_direct(comparison)));
    add_ratio(object, "to_first",
              comparison_ratio(comparison, metric, target, comparison_first(comparison)));
    cJSON_AddItemToObject(object, "rounds",
                          cJSON_CreateDoubleArray(spread.values, (int)spread.count));
}

static void add_metrics(cJSON *root, const struct comparison *comparison)
{
    static const char *const kinds[] = {"cost", "rate", "latency", "count"};
    cJSON *array = cJSON_AddArrayToObject(root, "metrics");

    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (!comparison_has(comparison, metric))
            continue;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        cJSON_AddStringToObject(object, "key", metric->key);
        cJSON_AddStringToObject(object, "label", metric->label);
        cJSON_AddStringToObject(object, "unit", metric->unit);
        cJSON_AddStringToObject(object, "kind", kinds[metric->kind]);
        cJSON *values = cJSON_AddArrayToObject(object, "values");
        for (size_t i = 0; i < comparison->target_count; i++)
            add_values(values, comparison, metric, i);
    }
}

static void add_runs(cJSON *root, const struct comparison *comparison)
{
    cJSON *array = cJSON_AddArrayToObject(root, "runs");

    for (size_t i = 0; i < comparison->run_count; i++) {
        const struct compare_run *run = &comparison->runs[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        cJSON_AddStringToObject(object, "target", comparison->targets[run->target].name);
        cJSON_AddNumberToObject(object, "round", (double)run->round + 1);
        cJSON_AddNumberToObject(object, "exit", run->exit_code);
        cJSON_AddBoolToObject(object, "valid", compare_run_is_valid(run));
        cJSON_AddBoolToObject(object, "limited_by_tool", compare_run_is_limited(run));
        cJSON_AddBoolToObject(object, "failed", compare_run_has_failed(run));
        if (run->result == NULL)
            cJSON_AddNullToObject(object, "result");
        else
            cJSON_AddItemToObject(object, "result", cJSON_Duplicate(run->result, true));
    }
}

cJSON *compare_to_json(const struct comparison *comparison, const struct options *options)
{
    cJSON *root = cJSON_CreateObject();

    cJSON_AddNumberToObject(root, "schema_version", COMPARE_SCHEMA_VERSION);
    cJSON_AddStringToObject(root, "tool", "sni-bench");
    cJSON_AddStringToObject(root, "version", SNI_ROUTER_VERSION);
    cJSON_AddStringToObject(root, "mode", "compare");
    cJSON_AddStringToObject(root, "title", comparison->title);
    cJSON_AddStringToObject(root, "run_mode", comparison->mode);
    cJSON *command = cJSON_AddArrayToObject(root, "command");
    for (int i = 0; i < options->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(options->argv[i]));
    cJSON_AddNumberToObject(root, "rounds", (double)comparison->rounds);
    cJSON_AddBoolToObject(root, "valid", comparison_is_valid(comparison));
    cJSON_AddBoolToObject(root, "failed", comparison_has_failed(comparison));
    cJSON_AddBoolToObject(root, "interrupted", comparison->interrupted);
    cJSON *pinned = cJSON_AddObjectToObject(root, "pinned");
    add_text_or_null(pinned, "routers", options->compare.router_cpu);
    add_text_or_null(pinned, "load", options->out.cpu_list);
    add_targets(root, comparison);
    add_metrics(root, comparison);
    add_runs(root, comparison);
    return root;
}
