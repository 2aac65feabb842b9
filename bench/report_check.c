/*
 * Whether a file to be reported holds what --json writes: the version, the keys that the tables
 * need, and every type, by the schemas that `sni-bench schema` prints.
 *
 * Only the types of a schema are checked: unknown keys and missing keys that no table needs come
 * from another version of the tool, and are no reason to refuse a result.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "bench/result.h"
#include "bench/torture.h"
#include "bench/verify.h"
#include "config/text/terminal.h"

#define PATH_TEXT  200
#define PLACE_TEXT 50
#define NEEDED_MAX 6

/* One kind of result. */
struct kind {
    const char *mode;
    void (*print_schema)(FILE *out);
    const char *needed[NEEDED_MAX]; /* ends with NULL unless full */
};

#define LOAD_NEEDS                                                                                 \
    {                                                                                              \
        "config", "costs", "totals", "errors", "phases", "series"                                  \
    }

static const struct kind kinds[] = {
    {"conn", result_print_schema, LOAD_NEEDS},
    {"bulk", result_print_schema, LOAD_NEEDS},
    {"latency", result_print_schema, LOAD_NEEDS},
    {"idle", result_print_schema, LOAD_NEEDS},
    {"compare", compare_print_schema, {"run_mode", "rounds", "targets", "runs", NULL}},
    {"verify", verify_print_schema, {"faults", "whole", "backends", "series", NULL}},
    {"torture", torture_print_schema, {"cases", NULL}},
};

/* The path that is being checked, and the first thing found wrong. */
struct check {
    const cJSON *definitions; /* the schema's definitions */
    char path[PATH_TEXT];
    size_t len;
    char *why;
    size_t cap;
};

static bool check_value(struct check *check, const cJSON *schema, const cJSON *value);

/* Adds a step to the path. Keys come from the file, so control characters are replaced. */
static void add_step(struct check *check, const char *before, const char *step, const char *behind)
{
    size_t room = sizeof check->path - check->len;
    char *at = check->path + check->len;
    int len = snprintf(at, room, "%s%.60s%s", check->len == 0 ? "" : before, step, behind);

    terminal_disarm(at, TERMINAL_ASCII);
    check->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void cut_path(struct check *check, size_t len)
{
    check->len = len;
    check->path[len] = '\0';
}

static const char *type_of(const cJSON *value)
{
    if (cJSON_IsNull(value))
        return "null";
    if (cJSON_IsBool(value))
        return "boolean";
    if (cJSON_IsNumber(value))
        return "number";
    if (cJSON_IsString(value))
        return "string";
    return cJSON_IsArray(value) ? "array" : "object";
}

static bool has_type(const cJSON *value, const char *type)
{
    if (strcmp(type, "integer") == 0)
        return cJSON_IsNumber(value) && value->valuedouble == floor(value->valuedouble);
    return strcmp(type, type_of(value)) == 0;
}

/* `types`: one, or an array of them. */
static bool check_type(struct check *check, const cJSON *types, const cJSON *value)
{
    const cJSON *first = cJSON_IsArray(types) ? types->child : types;
    char wanted[80] = "";
    size_t len = 0;

    for (const cJSON *type = first; type != NULL; type = type->next) {
        if (has_type(value, type->valuestring))
            return true;
        int added = snprintf(wanted + len, sizeof wanted - len, "%s%s", len == 0 ? "" : " or ",
                             type->valuestring);
        len += added > 0 && (size_t)added < sizeof wanted - len ? (size_t)added : 0;
        if (!cJSON_IsArray(types))
            break;
    }
    snprintf(check->why, check->cap, "%s is of type %s, not %s", check->path, type_of(value),
             wanted);
    return false;
}

static bool check_children(struct check *check, const cJSON *schema, const cJSON *value)
{
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    const cJSON *others = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(schema, "items");
    const cJSON *child;
    size_t len = check->len;
    size_t index = 0;

    cJSON_ArrayForEach (child, value) {
        char number[24];
        const cJSON *rule = items;
        if (cJSON_IsObject(value)) {
            rule = cJSON_GetObjectItemCaseSensitive(properties, child->string);
            rule = rule == NULL ? others : rule;
            add_step(check, ".", child->string, "");
        } else {
            snprintf(number, sizeof number, "%zu", index++);
            add_step(check, "[", number, "]");
        }
        if (cJSON_IsObject(rule) && !check_value(check, rule, child))
            return false;
        cut_path(check, len);
    }
    return true;
}

static bool check_any(struct check *check, const cJSON *schemas, const cJSON *value)
{
    const cJSON *one;
    size_t len = check->len;

    cJSON_ArrayForEach (one, schemas) {
        cut_path(check, len);
        if (check_value(check, one, value))
            return true;
    }
    return false;
}

static bool check_value(struct check *check, const cJSON *schema, const cJSON *value)
{
    const cJSON *reference = cJSON_GetObjectItemCaseSensitive(schema, "$ref");

    if (cJSON_IsString(reference)) {
        const char *name = strrchr(reference->valuestring, '/') + 1;
        schema = cJSON_GetObjectItemCaseSensitive(check->definitions, name);
    }
    const cJSON *choice = cJSON_GetObjectItemCaseSensitive(schema, "oneOf");
    const cJSON *types = cJSON_GetObjectItemCaseSensitive(schema, "type");
    if (choice != NULL)
        return check_any(check, choice, value);
    if (types != NULL && !check_type(check, types, value))
        return false;
    return check_children(check, schema, value);
}

/* The schema as a document; the caller deletes it. NULL = out of memory. */
static cJSON *read_schema(const struct kind *kind)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    kind->print_schema(out);
    cJSON *schema = fclose(out) == 0 ? cJSON_ParseWithLength(text, len) : NULL;
    free(text);
    return schema;
}

static const struct kind *find_kind(const cJSON *document)
{
    const cJSON *mode = cJSON_GetObjectItemCaseSensitive(document, "mode");

    for (size_t i = 0; cJSON_IsString(mode) && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].mode, mode->valuestring) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* Checks the version and the keys that tables need. `where` is empty or ends with a dot. */
static bool check_head(const cJSON *document, const struct kind *kind, const cJSON *schema,
                       const char *where, char *why, size_t cap)
{
    const cJSON *known = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(schema, "properties"), "schema_version");
    double reads = compare_number(known, NULL, "const");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(document, "schema_version");

    if (!cJSON_IsNumber(version)) {
        snprintf(why, cap, "%sschema_version is no number", where);
        return false;
    }
    if (version->valuedouble != reads) {
        snprintf(why, cap, "%sschema_version is %.15g; this sni-bench reads %.15g", where,
                 version->valuedouble, reads);
        return false;
    }
    for (size_t i = 0; i < NEEDED_MAX && kind->needed[i] != NULL; i++) {
        if (cJSON_GetObjectItemCaseSensitive(document, kind->needed[i]) == NULL) {
            snprintf(why, cap, "%s%s is missing", where, kind->needed[i]);
            return false;
        }
    }
    return true;
}

/* `place` says where the document stands in its file; "" = it is the file. */
static bool check_document(const cJSON *document, const char *place, char *why, size_t cap)
{
    const struct kind *kind = find_kind(document);
    struct check check = {.why = why, .cap = cap};
    char where[PLACE_TEXT];

    snprintf(where, sizeof where, "%s%s", place, place[0] == '\0' ? "" : ".");
    if (kind == NULL) {
        snprintf(why, cap, "%smode is none that has results", where);
        return false;
    }
    cJSON *schema = read_schema(kind);
    if (schema == NULL) {
        snprintf(why, cap, "out of memory");
        return false;
    }
    add_step(&check, "", place, "");
    check.definitions = cJSON_GetObjectItemCaseSensitive(schema, "definitions");
    bool good = check_head(document, kind, schema, where, why, cap) &&
                check_value(&check, schema, document);
    cJSON_Delete(schema);
    return good;
}

bool report_check(const cJSON *document, char *why, size_t cap)
{
    const cJSON *run;
    char place[PLACE_TEXT - 2];
    size_t index = 0;
    const struct kind *kind = find_kind(document);
    const cJSON *tool = cJSON_GetObjectItemCaseSensitive(document, "tool");

    /* A document of another program is refused by report_add(). */
    if (kind == NULL || !cJSON_IsString(tool) || strcmp(tool->valuestring, "sni-bench") != 0)
        return true;
    if (!check_document(document, "", why, cap))
        return false;
    cJSON_ArrayForEach (run, cJSON_GetObjectItemCaseSensitive(document, "runs")) {
        const cJSON *result = cJSON_GetObjectItemCaseSensitive(run, "result");
        snprintf(place, sizeof place, "runs[%zu].result", index++);
        if (cJSON_IsObject(result) && !check_document(result, place, why, cap))
            return false;
    }
    return true;
}
