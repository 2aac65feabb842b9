#include "config/field_read.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/address_explain.h"
#include "config/field_messages.h"
#include "config/field_parts.h"
#include "config/field_unknown.h"
#include "config/hints.h"
#include "config/host_explain.h"
#include "config/network.h"
#include "config/text/suggest.h"
#include "config/text/units.h"
#include "config/text/units_explain.h"
#include "config/text_value.h"

static void *place(void *base, size_t offset)
{
    return base != NULL ? (char *)base + offset : NULL;
}

static bool no_memory(struct field_reader *reader)
{
    finding_no_memory(reader->findings);
    return false;
}

/* --- objects and lists --- */

bool field_read_member(struct field_reader *reader, const struct field *field,
                       const struct json_node *node, void *object)
{
    if (json_kind(node) != JSON_NULL || field->required)
        return field_read(reader, field->type, node, place(object, field->into));
    field_say_null(reader, field->type, json_offset(&reader->json, node));
    return false;
}

/*
 * Returns the bit of the field that was meant; 0: none. What a misspelt key holds is looked at as
 * well, so that not the next attempt only tells what is wrong there.
 */
static uint32_t read_unknown(struct field_reader *reader, const struct value_type *type,
                             const struct json_node *object, const struct json_node *child)
{
    bool misspelt;
    const struct unknown_key unknown = {
        .key = json_key(child), .offset = json_key_offset(child), .value = child, .object = object};
    const struct field *field = field_say_unknown(reader, type, &unknown, &misspelt);

    if (field == NULL)
        return 0;
    if (misspelt && field->type->kind != VALUE_BACKEND)
        (void)field_read_member(reader, field, child, NULL);
    return 1u << (field - type->fields);
}

static bool read_object(struct field_reader *reader, const struct value_type *type,
                        const struct json_node *node, void *into)
{
    uint32_t seen = 0;
    struct address_parts parts;

    assert(json_kind(node) == JSON_OBJECT);
    bool ok = !field_say_parts(reader, type, node, &parts);
    if (!ok)
        seen |= 1; /* the address is the first field */
    else if (field_say_by_name(reader, type, node))
        return false;
    for (const struct json_node *child = json_first(node); child != NULL;
         child = json_next(child)) {
        const char *key = json_key(child);
        const struct field *field = field_find(type->fields, key);
        if (child == parts.host || child == parts.port)
            continue;
        if (field != NULL) {
            assert(field - type->fields < 32);
            seen |= 1u << (field - type->fields);
            ok &= field_read_member(reader, field, child, into);
        } else if (!field_is_note(key)) {
            seen |= read_unknown(reader, type, node, child);
            ok = false;
        }
    }
    return field_check_required(reader, type, seen, json_offset(&reader->json, node)) && ok;
}

static bool is_filled(struct field_reader *reader, const struct value_type *type,
                      const struct json_node *list)
{
    if (json_first(list) != NULL)
        return true;
    finding_error(reader->findings, json_offset(&reader->json, list),
                  "expected %s, not an empty array", type->name);
    return false;
}

static bool read_items(struct field_reader *reader, const struct value_type *type,
                       const struct json_node *node)
{
    bool ok = is_filled(reader, type, node);

    for (const struct json_node *item = json_first(node); item != NULL; item = json_next(item))
        ok &= field_read(reader, type->item, item, NULL);
    return ok;
}

static void keep_node(const struct json_node *node, void *into)
{
    if (into != NULL)
        *(const struct json_node **)into = node;
}

/* A list is kept as a node: the section loader goes through its items again, all of them valid. */
static bool read_list(struct field_reader *reader, const struct value_type *type,
                      const struct json_node *node, void *into)
{
    bool list = json_kind(node) == JSON_ARRAY;
    const struct value_type *one = type->one != NULL ? type->one : type->item;

    if (!list && type->kind == VALUE_LIST) {
        field_say_expected(reader, type, json_offset(&reader->json, node), json_kind(node));
        return false;
    }
    bool ok = list ? read_items(reader, type, node) : field_read(reader, one, node, NULL);
    if (ok)
        keep_node(node, into);
    return ok;
}

/* A name, or servers: which they are is known when all backends' names are. */
static bool read_backend(struct field_reader *reader, const struct value_type *type,
                         const struct json_node *node, void *into)
{
    bool ok = json_kind(node) == JSON_ARRAY ? is_filled(reader, type, node)
                                            : field_read(reader, type->one, node, NULL);

    if (ok)
        keep_node(node, into);
    return ok;
}

/* --- numbers --- */

static bool read_integer(struct field_reader *reader, const struct value_type *type,
                         const struct json_node *node, void *into)
{
    size_t offset = json_offset(&reader->json, node);
    double number = json_number(node);

    if (!isfinite(number) || number < type->min || number > type->max) {
        finding_error(reader->findings, offset, "out of range: %u to %u", type->min, type->max);
        return false;
    }
    if (number != (double)(uint32_t)number) {
        finding_error(reader->findings, offset, "expected a whole number");
        return false;
    }
    if (into != NULL)
        *(uint32_t *)into = (uint32_t)number;
    return true;
}

/* --- texts --- */

/* ` (did you mean "warning"?)`: the word that others use for one of ours, or a typing error. */
static const char *word_meant(const struct value_type *type, const char *text,
                              struct suggestion *suggestion, char *out, size_t size)
{
    const struct word_hint *hint = hint_for_word(text, type->name);

    if (hint == NULL)
        return suggest_text(suggestion, out, size);
    if (hint->ours != NULL)
        snprintf(out, size, " (did you mean \"%s\"?)", hint->ours);
    else
        snprintf(out, size, " (%s)", type->no_object != NULL ? type->no_object : hint->why);
    return out;
}

/* -1: it is none of them. */
static int word_find(const char *const *words, const char *text)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    return -1;
}

static bool word_parse(const struct value_type *type, const char *text, int *index,
                       struct problem *problem)
{
    char list[160], hint[160];
    struct suggestion suggestion;
    int found = word_find(type->words, text);

    if (found >= 0) {
        *index = found;
        return true;
    }
    suggest_start(&suggestion, text);
    for (int i = 0; type->words[i] != NULL; i++) {
        suggest_consider(&suggestion, type->words[i]);
        if (hint_has_word(type->words[i], text))
            suggestion = (struct suggestion){text, type->words[i], 0};
    }
    problem_set(problem, "expected %s, not \"%.40s\"%s",
                field_words(type->words, list, sizeof list), text,
                word_meant(type, text, &suggestion, hint, sizeof hint));
    return false;
}

static bool duration_or_off_parse(const struct value_type *type, const char *text, uint64_t *ms,
                                  struct problem *problem)
{
    bool off = strcmp(text, "off") == 0;

    if (off && type->words != NULL) {
        *ms = 0;
        return true;
    }
    if (hint_has_word("off|none|never|no|false|disabled|inf|infinite|infinity|unlimited", text)) {
        problem_set(problem,
                    type->words != NULL ? "\"%.20s\" is no duration: write a duration or \"off\""
                                        : "\"%.20s\" is not possible here: " UNITS_WANTED_DURATION,
                    text);
        return false;
    }
    bool ok = units_exact_duration(text, ms, problem);
    if (!ok && type->words != NULL && strchr(text, '0') != NULL &&
        strpbrk(text, "123456789") == NULL)
        problem_add(problem, ", or \"off\"");
    return ok;
}

/* All limits of sizes are whole KiB. */
static void say_size_range(const struct value_type *type, struct problem *problem)
{
    bool mega = type->max % 1048576 == 0;

    assert(type->min % 1024 == 0 && type->max % 1024 == 0);
    problem_set(problem, "out of range: \"%uk\" to \"%u%s\"", type->min / 1024,
                type->max / (mega ? 1048576 : 1024), mega ? "m" : "k");
}

static bool size_in_range_parse(const struct value_type *type, const char *text, uint32_t *bytes,
                                struct problem *problem)
{
    if (type->words != NULL && strcmp(text, "off") == 0) {
        *bytes = 0;
        return true;
    }
    if (!units_exact_size(text, bytes, problem))
        return false;
    bool ok = *bytes >= type->min && *bytes <= type->max;
    if (!ok)
        say_size_range(type, problem);
    return ok;
}

/* Values that need no memory: presets have only such types. */
static bool plain_parse(const struct value_type *type, const char *text, void *into,
                        struct problem *problem)
{
    union {
        uint64_t ms;
        uint32_t number;
        int index;
    } nowhere;
    void *to = into != NULL ? into : &nowhere;

    switch (type->kind) {
    case VALUE_DURATION:
        return duration_or_off_parse(type, text, to, problem);
    case VALUE_SIZE:
        return size_in_range_parse(type, text, to, problem);
    case VALUE_MODE:
        return mode_parse(text, to, problem);
    default:
        assert(type->kind == VALUE_WORD || type->kind == VALUE_POLICY);
        return word_parse(type, text, to, problem);
    }
}

static bool keep_text(struct field_reader *reader, const char *text, void *into)
{
    if (into == NULL)
        return true;
    const char *copy = arena_text(reader->arena, text, strlen(text));
    *(const char **)into = copy;
    return copy != NULL || no_memory(reader);
}

/* The address leaves its draft: its texts move into the arena. */
static bool keep_address(struct field_reader *reader, const struct address_draft *draft,
                         struct address *into)
{
    if (into == NULL)
        return true;
    *into = draft->address;
    if (draft->path[0] != '\0' && !keep_text(reader, draft->path, &into->path))
        return false;
    return keep_text(reader, draft->text, &into->text);
}

static bool read_text(struct field_reader *reader, const struct value_type *type,
                      const struct json_node *node, void *into, struct problem *problem)
{
    const char *text = json_string(node);
    struct address_draft draft;
    struct host_pattern host;
    struct network network;
    bool cleared;

    switch (type->kind) {
    case VALUE_LISTEN:
    case VALUE_SERVER:
        if (address_parse(text, type->kind == VALUE_LISTEN, &draft, problem))
            return keep_address(reader, &draft, into);
        (void)address_explain(text, type->kind == VALUE_LISTEN, problem);
        return false;
    case VALUE_NAME:
        return name_check(text, problem) && keep_text(reader, text, into);
    case VALUE_PATH:
        return path_check(text, problem) && keep_text(reader, text, into);
    case VALUE_CLEAR_PATH:
        return clear_path_check(text, problem) && keep_text(reader, text, into);
    case VALUE_HOST:
        if (host_parse(text, &host, problem))
            return true;
        host_explain(text, problem);
        return false;
    case VALUE_NETWORK:
        return network_parse(text, &network, &cleared, problem);
    case VALUE_ALPN:
        return alpn_check(text, problem);
    case VALUE_REFERENCE:
        if (!name_check(text, problem))
            return false;
        keep_node(node, into);
        return true;
    default:
        return plain_parse(type, text, into, problem);
    }
}

static bool read_scalar(struct field_reader *reader, const struct value_type *type,
                        const struct json_node *node, void *into)
{
    struct problem problem = {""};
    size_t offset = json_offset(&reader->json, node);
    enum json_kind kind = json_kind(node);

    if (kind == JSON_STRING) {
        if (read_text(reader, type, node, into, &problem))
            return true;
        if (problem.text[0] == '\0') /* there was no memory, which is a finding already */
            return false;
        (void)variable_explain(json_string(node), &problem);
        finding_error(reader->findings, offset, "%s", problem.text);
        return false;
    }
    if (kind == JSON_NUMBER && (type->kind == VALUE_DURATION || type->kind == VALUE_SIZE))
        field_say_bare_number(reader, type, node);
    else
        field_say_no_text(reader, type, node);
    return false;
}

/* --- all values --- */

/* A word never means a backend of that name: { "backend": "close" } names that. */
static bool read_policy(struct field_reader *reader, const struct value_type *type,
                        const struct json_node *node, struct policy_form *form)
{
    const char *text = json_kind(node) == JSON_STRING ? json_string(node) : NULL;
    int word = text != NULL ? word_find(type->words, text) : -1;
    char list[160];

    if (text != NULL && text[0] == '\0') {
        finding_error(reader->findings, json_offset(&reader->json, node),
                      "expected %s, or a backend, not \"\"",
                      field_words(type->words, list, sizeof list));
        return false;
    }
    if (word < 0)
        return field_read(reader, type->item, node,
                          place(form, offsetof(struct policy_form, backend)));
    if (form != NULL)
        form->action = word;
    return true;
}

/* Whether an array may be a value of the type. */
static bool takes_array(const struct value_type *type)
{
    return type->kind == VALUE_ONE_OR_LIST || type->kind == VALUE_BACKEND ||
           type->kind == VALUE_POLICY;
}

/* A port without quotes, `false` for "off": what is said of such texts holds for them too. */
static bool is_meant_as_text(const struct value_type *type, const struct json_node *node)
{
    bool address = type->kind == VALUE_LISTEN || type->kind == VALUE_SERVER;

    return (json_kind(node) == JSON_NUMBER && address) ||
           (json_kind(node) == JSON_BOOLEAN && type->kind == VALUE_CLEAR_PATH && !json_truth(node));
}

static bool read_either(struct field_reader *reader, const struct value_type *type,
                        const struct json_node *node, void *into)
{
    if (into != NULL)
        field_read_presets(type, into);
    if (json_kind(node) == JSON_OBJECT)
        return read_object(reader, type, node, into);
    if (json_kind(node) == JSON_STRING ||
        (json_kind(node) == JSON_ARRAY && takes_array(type->item)) ||
        is_meant_as_text(type->item, node))
        return field_read(reader, type->item, node, place(into, type->item_into));
    if (type->item->kind == VALUE_POLICY || type->item->kind == VALUE_BACKEND)
        field_say_expected(reader, type->item, json_offset(&reader->json, node), json_kind(node));
    else
        finding_error(reader->findings, json_offset(&reader->json, node),
                      "expected %s%s or an object (such as %s), not %s", type->item->name,
                      type->item->example != NULL ? " in a string"
                      : takes_array(type->item)   ? ","
                                                  : "",
                      field_example(type->item), json_kind_name(json_kind(node)));
    return false;
}

bool field_read(struct field_reader *reader, const struct value_type *type,
                const struct json_node *node, void *into)
{
    enum json_kind kind = json_kind(node);

    switch (type->kind) {
    case VALUE_OBJECT:
        if (kind == JSON_OBJECT)
            return read_object(reader, type, node, into);
        break;
    case VALUE_EITHER:
        return read_either(reader, type, node, into);
    case VALUE_LIST:
    case VALUE_ONE_OR_LIST:
        return read_list(reader, type, node, into);
    case VALUE_BACKEND:
        return read_backend(reader, type, node, into);
    case VALUE_POLICY:
        return read_policy(reader, type, node, into);
    case VALUE_INTEGER:
        if (kind == JSON_NUMBER)
            return read_integer(reader, type, node, into);
        break;
    case VALUE_BOOLEAN:
        if (kind == JSON_BOOLEAN) {
            if (into != NULL)
                *(bool *)into = json_truth(node);
            return true;
        }
        break;
    default:
        return read_scalar(reader, type, node, into);
    }
    if (kind == JSON_STRING && (type->kind == VALUE_INTEGER || type->kind == VALUE_BOOLEAN))
        field_say_quoted(reader, type, node);
    else
        field_say_expected(reader, type, json_offset(&reader->json, node), kind);
    return false;
}

/* --- presets --- */

static void preset_store(const struct field *field, void *into)
{
    struct problem problem;
    const struct value_type *type = field->type;
    bool ok = true;

    if (type->kind == VALUE_EITHER) {
        into = place(into, type->item_into);
        type = type->item;
    }
    if (type->kind == VALUE_INTEGER)
        *(uint32_t *)into = (uint32_t)strtoul(field->preset, NULL, 10);
    else if (type->kind == VALUE_BOOLEAN)
        *(bool *)into = strcmp(field->preset, "true") == 0;
    else if (type->kind == VALUE_PATH)
        *(const char **)into = field->preset;
    else
        ok = plain_parse(type, field->preset, into, &problem);
    assert(ok);
}

void field_read_presets(const struct value_type *type, void *into)
{
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        if (field->preset != NULL)
            preset_store(field, place(into, field->into));
        else if (field->type->kind == VALUE_OBJECT || field->type->kind == VALUE_EITHER)
            field_read_presets(field->type, place(into, field->into));
    }
}
