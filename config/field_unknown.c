#include "config/field_unknown.h"

#include <stdio.h>
#include <string.h>

#include "config/address.h"
#include "config/hints.h"
#include "config/network.h"
#include "config/text/suggest.h"
#include "config/text/units.h"
#include "config/text_value.h"

#define PATH_ROOM    128
#define EXAMPLE_ROOM 280
#define LISTED_MAX   8  /* most keys of an object that are listed */
#define JOINED_MAX   5  /* most keys in one sentence */
#define SHOWN_VALUE  80 /* longest value of the file that is shown in an example */

/* --- paths --- */

/* The length of the path's first step: up to the next ".". */
static size_t step_length(const char *path)
{
    return strcspn(path, ".");
}

/* The same without the "[]" of a list. */
static size_t name_length(const char *path)
{
    return strcspn(path, ".[");
}

static const char *step_next(const char *path)
{
    path += step_length(path);
    return *path == '.' ? path + 1 : NULL;
}

static const struct field *field_of_step(const struct value_type *object, const char *path)
{
    for (const struct field *field = object->fields; field != NULL && field->key != NULL; field++) {
        if (strlen(field->key) == name_length(path) &&
            strncmp(field->key, path, name_length(path)) == 0)
            return field;
    }
    return NULL;
}

const struct field *field_at_path(const struct value_type *object, const char *path)
{
    const struct field *field = field_of_step(object, path);

    while (field != NULL && (path = step_next(path)) != NULL) {
        const struct value_type *type = field->type;
        while (type->kind == VALUE_LIST || type->kind == VALUE_ONE_OR_LIST ||
               type->kind == VALUE_MAP) {
            if (type->kind == VALUE_MAP)
                path = step_next(path); /* the name */
            type = type->item;
        }
        field = path != NULL ? field_of_step(type, path) : NULL;
    }
    return field;
}

void field_write_example(const char *path, const char *value, char *out, size_t size)
{
    char closing[64] = "";
    size_t used = 0;

    for (; path != NULL && used < size; path = step_next(path)) {
        bool name = strncmp(path, "NAME", step_length(path)) == 0;
        bool last = step_next(path) == NULL;
        bool list = path[name_length(path)] == '[';
        const char *opening = last ? "" : list ? "[ { " : "{ ";
        char rest[sizeof closing];
        used += (size_t)snprintf(out + used, size - used, "\"%.*s\": %s",
                                 name ? 4 : (int)name_length(path), name ? "shop" : path, opening);
        if (last)
            break;
        snprintf(rest, sizeof rest, "%s", closing);
        snprintf(closing, sizeof closing, "%.10s%.50s", list ? " } ]" : " }", rest);
    }
    if (used < size)
        snprintf(out + used, size - used, "%s%s", value, closing);
}

struct path_search {
    const struct value_type *type;
    char path[PATH_ROOM];
    bool found;
};

static void on_object_of_type(void *context, const char *path, const struct value_type *type)
{
    struct path_search *search = context;

    if (search->found || search->type != type)
        return;
    search->found = true;
    snprintf(search->path, sizeof search->path, "%s", path);
}

/* --- the value to show --- */

/* Whether a text could stand for a value of the type, as far as messages need to know. */
static bool text_fits(const struct value_type *type, const char *text)
{
    struct problem problem;
    struct address_draft draft;
    struct host_pattern host;
    struct network network;
    uint64_t ms;
    uint32_t bytes;
    bool cleared, fits = false;

    switch (type->kind) {
    case VALUE_WORD:
        for (const char *const *word = type->words; *word != NULL; word++)
            fits |= strcmp(*word, text) == 0;
        return fits;
    case VALUE_DURATION:
        return units_exact_duration(text, &ms, &problem);
    case VALUE_SIZE:
        return units_exact_size(text, &bytes, &problem) && bytes >= type->min && bytes <= type->max;
    case VALUE_LISTEN:
    case VALUE_SERVER:
        return address_parse(text, type->kind == VALUE_LISTEN, &draft, &problem);
    case VALUE_HOST:
        return host_parse(text, &host, &problem);
    case VALUE_NETWORK:
        return network_parse(text, &network, &cleared, &problem);
    case VALUE_ALPN:
        return alpn_check(text, &problem);
    case VALUE_PATH: /* a word such as "syslog" is a file's name only by mistake */
    case VALUE_CLEAR_PATH:
        return clear_path_check(text, &problem);
    case VALUE_REFERENCE:
        return name_check(text, &problem);
    default:
        return false;
    }
}

static bool value_fits(const struct value_type *type, const struct json_node *node)
{
    double number = json_kind(node) == JSON_NUMBER ? json_number(node) : -1;

    while (type->item != NULL && type->kind != VALUE_LIST && type->kind != VALUE_MAP)
        type = type->one != NULL ? type->one : type->item;
    if (type->kind == VALUE_INTEGER)
        return number >= type->min && number <= type->max && number == (double)(uint32_t)number;
    if (type->kind == VALUE_BOOLEAN)
        return json_kind(node) == JSON_BOOLEAN;
    return json_kind(node) == JSON_STRING && text_fits(type, json_string(node));
}

/* What the file says there, if it can be shown: one line, not long, and of a type that fits. */
static bool value_copy(struct field_reader *reader, const struct value_type *type,
                       const struct json_node *node, char *out, size_t size)
{
    if (node == NULL || !value_fits(type, node))
        return false;
    const char *text = reader->json.text + json_offset(&reader->json, node);
    const char *end = text;
    if (*text == '"') {
        for (end++; *end != '"'; end++)
            end += *end == '\\';
        end++;
    } else {
        const char *last = reader->json.text + reader->json.len;
        while (end < last && strchr("0123456789truefalse", *end) != NULL)
            end++;
    }
    size_t len = (size_t)(end - text);
    if (len > SHOWN_VALUE || len >= size)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

const char *field_example(const struct value_type *type)
{
    while (type->example == NULL && type->item != NULL)
        type = type->one != NULL ? type->one : type->item;
    return type->example != NULL ? type->example : "...";
}

/* JSON for the example: the hint's own, what the file says, or what the field table says. */
static void value_for_hint(struct field_reader *reader, const struct key_hint *hint,
                           const struct json_node *node, char *out, size_t size)
{
    const struct field *field = field_at_path(&type_document, hint->key);
    const struct value_type *type = field != NULL ? field->type : NULL;

    if (hint->value != NULL) {
        snprintf(out, size, "%s", hint->value);
        return;
    }
    snprintf(out, size, "...");
    if (type == NULL || value_copy(reader, type, node, out, size))
        return;
    while (type->example == NULL && type->words == NULL && type->item != NULL)
        type = type->one != NULL ? type->one : type->item;
    if (type->example != NULL)
        snprintf(out, size, "%s", type->example);
    else if (type->words != NULL)
        snprintf(out, size, "\"%s\"", type->words[0]);
}

/* --- typing errors --- */

/* "policy" of "policies", or the other way round. */
static bool is_plural(const char *one, const char *many)
{
    size_t len = strlen(one);

    return len > 1 && one[len - 1] == 'y' && strncmp(one, many, len - 1) == 0 &&
           strcmp(many + len - 1, "ies") == 0;
}

/* A field of the object that has the key but for upper case, "-" and so on, or is near it. */
static const struct field *field_nearest(const struct value_type *type, const char *key,
                                         bool typing_error)
{
    struct suggestion suggestion;

    suggest_start(&suggestion, key);
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        if (hint_has_word(field->key, key) || is_plural(key, field->key))
            return field;
        suggest_consider(&suggestion, field->key);
    }
    return typing_error && suggestion.nearest != NULL ? field_find(type->fields, suggestion.nearest)
                                                      : NULL;
}

/* --- what to write instead --- */

/* Whether the last step of `path` is the one that ends at `end` in `key`. */
static bool same_last_step(const char *path, const char *key, const char *end)
{
    const char *dot = strrchr(path, '.');
    const char *last = dot != NULL ? dot + 1 : path;
    size_t len = strlen(last);

    return (size_t)(end - key) >= len && memcmp(end - len, last, len) == 0 &&
           (end - len == key || end[-(ptrdiff_t)len - 1] == '.');
}

/*
 * The part of a hint's path that can be written into the object itself, where the unknown key
 * stands; NULL: it goes elsewhere.
 */
static const char *path_within(const struct value_type *object, const char *object_path,
                               const char *key)
{
    if (field_at_path(object, key) != NULL)
        return key;
    for (const char *rest = step_next(key); rest != NULL; rest = step_next(rest)) {
        if (field_at_path(object, rest) != NULL && same_last_step(object_path, key, rest - 1))
            return rest;
    }
    return NULL;
}

/* Whether a key of the object is unknown for the same reason. */
static bool has_reason(const struct value_type *type, const char *path, const char *key,
                       const char *why)
{
    if (field_find(type->fields, key) != NULL || field_is_note(key) ||
        field_nearest(type, key, false) != NULL)
        return false;
    const struct key_hint *hint = hint_for_key(key, path);

    return hint != NULL && hint->key == NULL && strcmp(hint->why, why) == 0;
}

/* The next such member behind `node`, or NULL. */
static const struct json_node *next_with_reason(const struct value_type *type, const char *path,
                                                const struct json_node *node, const char *why)
{
    do
        node = node != NULL ? json_next(node) : NULL;
    while (node != NULL && !has_reason(type, path, json_key(node), why));
    return node;
}

/* `unknown keys "cert" and "key" in a listener: ...`, at the first of them. */
static void say_reason(struct field_reader *reader, const struct value_type *type, const char *path,
                       const struct unknown_key *unknown, const char *why)
{
    char names[EXAMPLE_ROOM];
    const struct json_node *more = unknown->object != NULL ? json_first(unknown->object) : NULL;
    size_t count = 1;

    for (; more != NULL && more != unknown->value; more = json_next(more)) {
        if (has_reason(type, path, json_key(more), why))
            return;
    }
    int used = snprintf(names, sizeof names, "\"%.80s\"", unknown->key);
    more = next_with_reason(type, path, more, why);
    while (more != NULL && count < JOINED_MAX) {
        const struct json_node *next = next_with_reason(type, path, more, why);
        bool last = next == NULL || count + 1 == JOINED_MAX;
        used += snprintf(names + used, sizeof names - (size_t)used, "%s\"%.32s\"",
                         last ? " and " : ", ", json_key(more));
        count++;
        more = next;
    }
    finding_error(reader->findings, unknown->offset, "unknown key%s %s in %s: %s",
                  count > 1 ? "s" : "", names, type->name, why);
}

static const struct field *say_hint(struct field_reader *reader, const struct value_type *type,
                                    const char *path, const struct key_hint *hint,
                                    const struct unknown_key *unknown)
{
    char example[EXAMPLE_ROOM], shown[EXAMPLE_ROOM];
    const char *why = hint->why != NULL ? hint->why : "";

    if (hint->key == NULL) {
        say_reason(reader, type, path, unknown, why);
        return NULL;
    }
    const char *within = path_within(type, path, hint->key);
    value_for_hint(reader, hint, unknown->value, shown, sizeof shown);
    field_write_example(within != NULL ? within : hint->key, shown, example, sizeof example);
    finding_error(reader->findings, unknown->offset,
                  "unknown key \"%.80s\" in %s: write %s%s%s%s%s", unknown->key, type->name,
                  example, within != NULL ? "" : " in the outermost object",
                  *why != '\0' ? " (" : "", why, *why != '\0' ? ")" : "");
    return within != NULL ? field_of_step(type, within) : NULL;
}

/* --- wrong places --- */

/* The objects that have the key: the outer ones first. */
struct elsewhere {
    const char *key;
    char paths[2][PATH_ROOM];
    size_t count; /* may be more than there are paths */
};

static size_t depth_of(const char *path)
{
    size_t depth = *path != '\0';

    for (; *path != '\0'; path++)
        depth += *path == '.';
    return depth;
}

static void on_object_elsewhere(void *context, const char *path, const struct value_type *type)
{
    struct elsewhere *elsewhere = context;

    if (field_find(type->fields, elsewhere->key) == NULL)
        return;
    if (elsewhere->count++ >= 2)
        return;
    char *first = elsewhere->paths[0], *second = elsewhere->paths[1];
    bool before = elsewhere->count == 2 && depth_of(path) < depth_of(first);
    if (before)
        memcpy(second, first, PATH_ROOM);
    snprintf(before || elsewhere->count == 1 ? first : second, PATH_ROOM, "%s",
             *path != '\0' ? path : "the outermost object");
}

/* `known: "host", "backend" and "name"`: what the object takes; many are to be looked up. */
static void write_keys(const struct value_type *type, char *out, size_t size)
{
    size_t count = 0, used = (size_t)snprintf(out, size, "known: ");

    while (type->fields[count].key != NULL)
        count++;
    if (count > LISTED_MAX) {
        snprintf(out, size, "sni-router.json(5) has all keys");
        return;
    }
    for (const struct field *field = type->fields; field->key != NULL && used < size; field++) {
        const char *glue = field == type->fields ? "" : field[1].key != NULL ? ", " : " and ";
        used += (size_t)snprintf(out + used, size - used, "%s\"%s\"", glue, field->key);
    }
}

/* The key, or with an "s" more or less, in other objects. False: in none, or in too many. */
static bool find_elsewhere(const char *key, char other[PATH_ROOM], struct elsewhere *elsewhere)
{
    size_t len = strlen(key);

    if (len + 2 > PATH_ROOM)
        return false;
    for (int form = 0; form < 3; form++) {
        snprintf(other, PATH_ROOM, "%s%s", key, form == 1 ? "s" : "");
        if (form == 2 && len > 1 && key[len - 1] == 's')
            other[len - 1] = '\0';
        *elsewhere = (struct elsewhere){.key = other};
        fields_visit(on_object_elsewhere, elsewhere);
        if (elsewhere->count > 0)
            break;
    }
    return elsewhere->count == 1 || elsewhere->count == 2; /* else it is a common word */
}

static void say_elsewhere(struct field_reader *reader, const struct value_type *type,
                          const char *key, size_t offset)
{
    struct elsewhere elsewhere = {.key = key};
    char other[PATH_ROOM], keys[EXAMPLE_ROOM];

    if (find_elsewhere(key, other, &elsewhere)) {
        bool same = strcmp(key, other) == 0;
        finding_error(
            reader->findings, offset, "unknown key \"%.80s\" in %s (%s%s%s belongs in %s%s%s)", key,
            type->name, same ? "it" : "\"", same ? "" : other, same ? "" : "\"", elsewhere.paths[0],
            elsewhere.count == 2 ? " or " : "", elsewhere.count == 2 ? elsewhere.paths[1] : "");
        return;
    }
    write_keys(type, keys, sizeof keys);
    finding_error(reader->findings, offset, "unknown key \"%.80s\" in %s (%s)", key, type->name,
                  keys);
}

bool field_key_is_free(const struct value_type *type, const char *key)
{
    struct path_search search = {.type = type};

    fields_visit(on_object_of_type, &search);
    return field_find(type->fields, key) == NULL && !field_is_note(key) &&
           field_nearest(type, key, true) == NULL && hint_for_key(key, search.path) == NULL;
}

const struct field *field_say_unknown(struct field_reader *reader, const struct value_type *type,
                                      const struct unknown_key *unknown, bool *misspelt)
{
    struct path_search search = {.type = type};
    const char *key = unknown->key;

    *misspelt = false;
    if (finding_log_full(reader->findings)) {
        finding_error(reader->findings, unknown->offset, "unknown key");
        return NULL;
    }
    const struct field *meant = field_nearest(type, key, false);
    fields_visit(on_object_of_type, &search);
    const struct key_hint *hint = meant == NULL ? hint_for_key(key, search.path) : NULL;
    if (hint != NULL)
        return say_hint(reader, type, search.path, hint, unknown);
    if (meant == NULL)
        meant = field_nearest(type, key, true);
    *misspelt = meant != NULL;
    if (meant != NULL)
        finding_error(reader->findings, unknown->offset,
                      "unknown key \"%.80s\" (did you mean \"%s\"?)", key, meant->key);
    else
        say_elsewhere(reader, type, key, unknown->offset);
    return meant;
}
