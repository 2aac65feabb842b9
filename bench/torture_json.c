/* What a torture run has found out, as JSON; and the schema of that. */

#include <stdlib.h>

#include "bench/report.h"
#include "bench/torture.h"

static void on_end_word(void *data, const char *word)
{
    cJSON_AddItemToArray(data, cJSON_CreateString(word));
}

static void add_set(cJSON *object, const char *key, unsigned set)
{
    torture_each_end(set, on_end_word, cJSON_AddArrayToObject(object, key));
}

static void add_expected(cJSON *object, const struct torture_case *one)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return;
    torture_print_expected(one, out);
    if (fclose(out) == 0)
        cJSON_AddStringToObject(object, "expected", text);
    free(text);
}

static void add_case(cJSON *cases, const struct torture_case *one,
                     const struct torture_outcome *outcome)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddItemToArray(cases, object);
    cJSON_AddStringToObject(object, "case", one->name);
    cJSON_AddStringToObject(object, "outcome", torture_end_word(outcome->end));
    if (outcome->end == TORTURE_ALERT)
        cJSON_AddNumberToObject(object, "alert", outcome->alert);
    else
        cJSON_AddNullToObject(object, "alert");
    cJSON_AddBoolToObject(object, "deviates", outcome->deviates);
    cJSON_AddBoolToObject(object, "best", outcome->best);
    cJSON_AddBoolToObject(object, "unreachable", outcome->unreachable);
    cJSON_AddStringToObject(object, "problem", outcome->problem);
    cJSON_AddNumberToObject(object, "ms", (double)outcome->ns / 1e6);
    cJSON_AddStringToObject(object, "what", one->what);
    add_expected(object, one);
    add_set(object, "may", one->may);
    add_set(object, "best_outcomes", one->best);
    cJSON *alerts = cJSON_AddArrayToObject(object, "best_alerts");
    for (int i = 0; i < 4 && one->alerts[i] != 0; i++)
        cJSON_AddItemToArray(alerts, cJSON_CreateNumber(one->alerts[i]));
    cJSON_AddStringToObject(object, "why", one->why);
}

cJSON *torture_to_json(const struct torture_report *report)
{
    const struct options *options = report->options;
    size_t deviations = torture_count_deviations(report);
    cJSON *root = report_new_document(options, report->wall_start);

    if (root == NULL)
        return NULL;
    cJSON_AddBoolToObject(root, "strict", options->torture.strict);
    cJSON_AddBoolToObject(root, "failed", deviations > 0);
    cJSON_AddNumberToObject(root, "deviations", (double)deviations);
    cJSON *cases = cJSON_AddArrayToObject(root, "cases");
    for (size_t i = 0; i < report->count; i++)
        add_case(cases, report->cases[i], &report->outcomes[i]);
    return root;
}

static const char *const lines[] = {
    "{",
    "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",",
    "  \"title\": \"Result of sni-bench torture\",",
    "  \"type\": \"object\", \"additionalProperties\": false,",
    "  \"required\": [\"schema_version\", \"tool\", \"version\", \"mode\", \"command\", "
    "\"labels\",",
    "    \"started\", \"target\", \"environment\", \"strict\", \"failed\", \"deviations\",",
    "    \"cases\"],",
    "  \"properties\": {",
    "    \"schema_version\": {\"const\": 1},",
    "    \"tool\": {\"const\": \"sni-bench\"},",
    "    \"version\": {\"type\": \"string\"},",
    "    \"mode\": {\"const\": \"torture\"},",
    "    \"command\": {\"type\": \"array\", \"items\": {\"type\": \"string\"},",
    "      \"description\": \"the command line, from the mode on\"},",
    "    \"labels\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}},",
    "    \"started\": {\"type\": \"string\", \"description\": \"UTC, RFC 3339\"},",
    "    \"target\": {\"type\": \"string\"},",
    "    \"environment\": {\"type\": \"object\", \"required\": [\"kernel\", \"cpu\", \"cpus\"]},",
    "    \"strict\": {\"type\": \"boolean\", \"description\":",
    "      \"whatever is not the best counts as a deviation\"},",
    "    \"failed\": {\"type\": \"boolean\"},",
    "    \"deviations\": {\"type\": \"integer\", \"minimum\": 0},",
    "    \"cases\": {\"type\": \"array\", \"minItems\": 1,",
    "      \"items\": {\"$ref\": \"#/definitions/case\"}}",
    "  },",
    "  \"definitions\": {",
    "    \"outcome\": {\"enum\": [\"backend\", \"other_backend\", \"alert\", \"close\", \"reset\",",
    "      \"answer\", \"timeout\", \"no_backend\"]},",
    "    \"outcomes\": {\"type\": \"array\", \"minItems\": 1, \"uniqueItems\": true,",
    "      \"items\": {\"$ref\": \"#/definitions/outcome\"}},",
    "    \"alert\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 255},",
    "    \"case\": {\"type\": \"object\", \"additionalProperties\": false,",
    "      \"required\": [\"case\", \"outcome\", \"alert\", \"deviates\", \"best\", "
    "\"unreachable\",",
    "        \"problem\", \"ms\", \"what\", \"expected\", \"may\", \"best_outcomes\",",
    "        \"best_alerts\", \"why\"],",
    "      \"properties\": {\"case\": {\"type\": \"string\"},",
    "        \"outcome\": {\"$ref\": \"#/definitions/outcome\"},",
    "        \"alert\": {\"oneOf\": [{\"type\": \"null\"}, {\"$ref\": \"#/definitions/alert\"}]},",
    "        \"deviates\": {\"type\": \"boolean\"}, \"best\": {\"type\": \"boolean\"},",
    "        \"unreachable\": {\"type\": \"boolean\", \"description\":",
    "          \"the router took no connection\"},",
    "        \"problem\": {\"type\": \"string\", \"description\": \"empty: none\"},",
    "        \"ms\": {\"type\": \"number\", \"minimum\": 0},",
    "        \"what\": {\"type\": \"string\"}, \"expected\": {\"type\": \"string\"},",
    "        \"may\": {\"$ref\": \"#/definitions/outcomes\"},",
    "        \"best_outcomes\": {\"$ref\": \"#/definitions/outcomes\"},",
    "        \"best_alerts\": {\"type\": \"array\", \"items\":",
    "          {\"$ref\": \"#/definitions/alert\"}},",
    "        \"why\": {\"type\": \"string\", \"description\": \"with the RFC's section\"}}}",
    "  }",
    "}",
    NULL};

void torture_print_schema(FILE *out)
{
    report_print_lines(lines, out);
}
