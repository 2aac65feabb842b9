#include "config/field_messages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/field_unknown.h"
#include "config/hints.h"
#include "config/text/units.h"
#include "config/text/units_explain.h"
#include "config/text_value.h"

#define EXAMPLE_ROOM 160

const char *field_words(const char *const *words, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        const char *glue = i == 0 ? "" : words[i + 1] != NULL ? ", " : " or ";
        used += (size_t)snprintf(out + used, size - used, "%s\"%s\"", glue, words[i]);
    }
    return out;
}

void field_say_expected(struct field_reader *reader, const struct value_type *type, size_t offset,
                        enum json_kind found)
{
    char list[160];

    if (type->instead != NULL)
        finding_error(reader->findings, offset, "expected %s, not %s: write %s", type->name,
                      json_kind_name(found), type->instead);
    else if (type->kind == VALUE_WORD || type->kind == VALUE_POLICY)
        finding_error(reader->findings, offset, "expected %s%s, not %s",
                      field_words(type->words, list, sizeof list),
                      type->kind == VALUE_POLICY ? ", or a backend" : "", json_kind_name(found));
    else if (type->example != NULL)
        finding_error(reader->findings, offset, "expected %s (such as %s), not %s", type->name,
                      type->example, json_kind_name(found));
    else
        finding_error(reader->findings, offset, "expected %s, not %s", type->name,
                      json_kind_name(found));
}

bool field_check_required(struct field_reader *reader, const struct value_type *type, uint32_t seen,
                          size_t offset)
{
    bool ok = true;

    for (size_t i = 0; type->fields[i].key != NULL; i++) {
        if (!type->fields[i].required || (seen >> i & 1))
            continue;
        const char *besides = type->fields[i].missing;
        char example[EXAMPLE_ROOM];
        field_write_example(type->fields[i].key, field_example(type->fields[i].type), example,
                            sizeof example);
        finding_error(reader->findings, offset, "missing key \"%s\" in %s (such as %s%s%s)",
                      type->fields[i].key, type->name, example, besides != NULL ? "; " : "",
                      besides != NULL ? besides : "");
        ok = false;
    }
    return ok;
}

void field_say_null(struct field_reader *reader, const struct value_type *type, size_t offset)
{
    finding_error(reader->findings, offset,
                  "expected %s, not null: leave the key out for the default", type->name);
}

/* 443 where an address is needed. */
static bool say_port(struct field_reader *reader, const struct value_type *type,
                     const struct json_node *node, size_t offset)
{
    double number = json_kind(node) == JSON_NUMBER ? json_number(node) : 0;
    bool listen = type->kind == VALUE_LISTEN;

    if ((!listen && type->kind != VALUE_SERVER) || number < 1 || number > 65535)
        return false;
    finding_error(reader->findings, offset,
                  listen ? "%u is a port alone: write \":%u\" to listen on all addresses"
                         : "%u is a port alone: a server has a host as well (such as "
                           "\"10.0.0.5:%u\")",
                  (unsigned)number, (unsigned)number);
    return true;
}

/* Whether `text` is one of the words; the words may be NULL. */
static bool is_word_of(const struct value_type *type, const char *text)
{
    bool found = false;

    for (const char *const *word = type->words; word != NULL && *word != NULL; word++)
        found |= strcmp(*word, text) == 0;
    return found;
}

/* { "action": "close" } where "close" is enough. */
static const char *word_inside(const struct value_type *type, const struct json_node *node)
{
    for (const struct json_node *child = json_kind(node) == JSON_OBJECT ? json_first(node) : NULL;
         child != NULL; child = json_next(child)) {
        if (json_kind(child) == JSON_STRING && is_word_of(type, json_string(child)))
            return json_string(child);
    }
    return NULL;
}

void field_say_no_text(struct field_reader *reader, const struct value_type *type,
                       const struct json_node *node)
{
    size_t offset = json_offset(&reader->json, node);
    enum json_kind kind = json_kind(node);
    const char *word = word_inside(type, node);
    char list[160];
    bool off =
        is_word_of(type, "off") || type->kind == VALUE_PATH || type->kind == VALUE_CLEAR_PATH;
    bool backend =
        kind == JSON_ARRAY || (kind == JSON_OBJECT && json_member(node, "backend") != NULL);

    if (say_port(reader, type, node, offset))
        return;
    if (kind == JSON_BOOLEAN && !json_truth(node) && off)
        finding_error(reader->findings, offset, "expected %s, not false: write \"off\"",
                      type->name);
    else if (type->no_object != NULL && (backend || (kind == JSON_OBJECT && type->words == NULL)))
        finding_error(reader->findings, offset, "%s", type->no_object);
    else if (word != NULL)
        finding_error(reader->findings, offset, "expected %s, not an object: write \"%s\"",
                      field_words(type->words, list, sizeof list), word);
    else
        field_say_expected(reader, type, offset, kind);
}

void field_say_bare_number(struct field_reader *reader, const struct value_type *type,
                           const struct json_node *node)
{
    size_t offset = json_offset(&reader->json, node);
    double number = json_number(node);

    if (type->kind == VALUE_DURATION && isfinite(number) && number <= 0) {
        finding_error(reader->findings, offset, "%.15g is too short: " UNITS_WANTED_DURATION "%s",
                      number, type->words != NULL ? ", or \"off\"" : "");
        return;
    }
    if (!isfinite(number) || number < 1 || number > 999999999 ||
        number != (double)(uint32_t)number) {
        field_say_expected(reader, type, offset, JSON_NUMBER);
        return;
    }
    unsigned whole = (unsigned)number;
    if (type->kind == VALUE_DURATION)
        finding_error(reader->findings, offset,
                      "a duration needs a unit: %u could mean %u seconds or %u milliseconds; write "
                      "\"%us\" or \"%ums\"",
                      whole, whole, whole, whole, whole);
    else
        finding_error(
            reader->findings, offset,
            "a size is a string: %u could mean %u bytes or %u KiB; write \"%u\" or \"%uk\"", whole,
            whole, whole, whole, whole);
}

void field_say_quoted(struct field_reader *reader, const struct value_type *type,
                      const struct json_node *node)
{
    size_t offset = json_offset(&reader->json, node);
    const char *text = json_string(node);
    struct problem problem;
    bool number = type->kind == VALUE_INTEGER && units_whole(text, 999999999) >= 0;
    bool yes = hint_has_word("true|yes|on|1|enabled", text);
    bool no = hint_has_word("false|no|off|0|disabled", text);

    if (variable_explain(text, &problem))
        finding_error(reader->findings, offset, "%s", problem.text);
    else if (number)
        finding_error(reader->findings, offset, "expected %s, not text: write %s without quotes",
                      type->name, text);
    else if (type->kind == VALUE_BOOLEAN && (yes || no))
        finding_error(reader->findings, offset, "expected %s, not text: write %s without quotes",
                      type->name, yes ? "true" : "false");
    else if (hint_has_word("auto|automatic|default|max|unlimited|none|off|infinite", text))
        finding_error(reader->findings, offset,
                      "expected %s, not \"%.20s\": leave the key out for the default", type->name,
                      text);
    else
        field_say_expected(reader, type, offset, JSON_STRING);
}
