/*
 * Every node carries its mark in `valueint`: cJSON keeps there an int that saturates, which nobody
 * needs beside `valuedouble`. Offsets fit, since a text has at most JSON_BYTES_MAX bytes.
 */
#include "config/json_tree.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <limits.h>
#include <string.h>

static_assert(JSON_BYTES_MAX <= INT_MAX, "an offset must fit into cJSON's valueint");

static const cJSON *item_of(const struct json_node *node)
{
    return (const cJSON *)node;
}

/* Marks are in document order, and so is a walk over the tree. Depth is at most JSON_DEPTH_MAX. */
static void place(cJSON *item, const struct json_scan *scan, size_t *mark)
{
    assert(*mark < scan->mark_count);
    item->valueint = (int)scan->marks[(*mark)++];
    for (cJSON *child = item->child; child != NULL; child = child->next)
        place(child, scan, mark);
}

static cJSON *parse_at(const struct json_source *json, size_t at)
{
    return cJSON_ParseWithLengthOpts(json->text + at, json->len - at, NULL, 0);
}

struct json_node *json_read_key(const struct json_source *json, size_t mark)
{
    cJSON *key = parse_at(json, json->scan->marks[mark]);

    if (key != NULL)
        key->valueint = (int)json->scan->marks[mark];
    return (struct json_node *)key;
}

struct json_node *json_read(const struct json_source *json, size_t *mark, bool member)
{
    size_t at = json->scan->marks[*mark];
    cJSON *item = parse_at(json, member ? json_value_offset(json->text, at) : at);

    if (item == NULL)
        return NULL;
    if (member) {
        cJSON *key = parse_at(json, at);
        if (key == NULL) {
            cJSON_Delete(item);
            return NULL;
        }
        item->string = key->valuestring; /* both owned and freed by cJSON */
        key->valuestring = NULL;
        cJSON_Delete(key);
    }
    place(item, json->scan, mark);
    return (struct json_node *)item;
}

void json_free(struct json_node *node)
{
    cJSON_Delete((cJSON *)node);
}

enum json_kind json_kind(const struct json_node *node)
{
    switch (item_of(node)->type & 0xff) {
    case cJSON_Object:
        return JSON_OBJECT;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_True:
    case cJSON_False:
        return JSON_BOOLEAN;
    default:
        return JSON_NULL;
    }
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOLEAN] = "true or false", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",        [JSON_OBJECT] = "an object"};

    return names[kind];
}

const char *json_key(const struct json_node *node)
{
    return item_of(node)->string;
}

const char *json_string(const struct json_node *node)
{
    assert(cJSON_IsString(item_of(node)));
    return item_of(node)->valuestring;
}

double json_number(const struct json_node *node)
{
    assert(cJSON_IsNumber(item_of(node)));
    return item_of(node)->valuedouble;
}

bool json_truth(const struct json_node *node)
{
    assert(cJSON_IsBool(item_of(node)));
    return cJSON_IsTrue(item_of(node));
}

const struct json_node *json_first(const struct json_node *node)
{
    return (const struct json_node *)item_of(node)->child;
}

const struct json_node *json_next(const struct json_node *node)
{
    return (const struct json_node *)item_of(node)->next;
}

const struct json_node *json_member(const struct json_node *object, const char *key)
{
    const struct json_node *child = json_first(object);

    assert(json_kind(object) == JSON_OBJECT);
    while (child != NULL && strcmp(json_key(child), key) != 0)
        child = json_next(child);
    return child;
}

size_t json_key_offset(const struct json_node *node)
{
    return (size_t)item_of(node)->valueint;
}

size_t json_offset(const struct json_source *json, const struct json_node *node)
{
    size_t at = json_key_offset(node);

    return json_key(node) != NULL ? json_value_offset(json->text, at) : at;
}
