/* The JSON Schema (draft-07), made from the field table. */
#include "config/fields_schema.h"

#include "config/fields.h"

static void print_type(FILE *to, const struct value_type *type, int depth);

static void print_indent(FILE *to, int depth)
{
    fprintf(to, "\n%*s", 2 * depth, "");
}

static void print_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

/* Begins a further member of the open object. */
static void print_key(FILE *to, const char *key, int depth)
{
    fputc(',', to);
    print_indent(to, depth);
    print_text(to, key);
    fputs(": ", to);
}

static void print_words(FILE *to, const char *const *words)
{
    fputc('[', to);
    for (size_t i = 0; words[i] != NULL; i++) {
        fputs(i ? ", " : "", to);
        print_text(to, words[i]);
    }
    fputc(']', to);
}

/* Whether a value of the type is written in JSON without quotes. */
static bool is_bare(const struct value_type *type)
{
    return type->kind == VALUE_INTEGER || type->kind == VALUE_BOOLEAN;
}

static void print_field(FILE *to, const struct field *field, int depth)
{
    print_key(to, field->key, depth);
    fputc('{', to);
    print_indent(to, depth + 1);
    fputs("\"description\": ", to);
    print_text(to, field->help);
    if (field->preset != NULL) {
        print_key(to, "default", depth + 1);
        if (is_bare(field->type))
            fputs(field->preset, to);
        else
            print_text(to, field->preset);
    }
    print_type(to, field->type, depth + 1);
    print_indent(to, depth);
    fputc('}', to);
}

/* "$schema" and "$comment" go into every object. */
static void print_notes(FILE *to, int depth)
{
    print_key(to, "properties", depth);
    fputc('{', to);
    print_indent(to, depth + 1);
    fputs("\"$schema\": true", to);
    print_key(to, "$comment", depth + 1);
    fputs("true", to);
}

static void print_object(FILE *to, const struct value_type *type, int depth)
{
    const char *glue = "";

    print_key(to, "type", depth);
    fputs("\"object\"", to);
    print_notes(to, depth);
    for (const struct field *field = type->fields; field->key != NULL; field++)
        print_field(to, field, depth + 1);
    print_indent(to, depth);
    fputc('}', to);
    print_key(to, "required", depth);
    fputc('[', to);
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        if (!field->required)
            continue;
        fputs(glue, to);
        print_text(to, field->key);
        glue = ", ";
    }
    fputc(']', to);
    print_key(to, "additionalProperties", depth);
    fputs("false", to);
}

static void print_map(FILE *to, const struct value_type *type, int depth)
{
    print_key(to, "type", depth);
    fputs("\"object\"", to);
    print_notes(to, depth);
    print_indent(to, depth);
    fputc('}', to);
    print_key(to, "propertyNames", depth);
    fputs("{ \"pattern\": ", to);
    print_text(to, type->pattern);
    fputs(" }", to);
    print_key(to, "additionalProperties", depth);
    fputc('{', to);
    print_indent(to, depth + 1);
    fputs("\"description\": ", to);
    print_text(to, type->item->name);
    print_type(to, type->item, depth + 1);
    print_indent(to, depth);
    fputc('}', to);
}

static void print_list(FILE *to, const struct value_type *type, int depth)
{
    unsigned least = type->kind == VALUE_LIST ? type->min : 1;

    print_key(to, "type", depth);
    fputs("\"array\"", to);
    if (least > 0) {
        print_key(to, "minItems", depth);
        fprintf(to, "%u", least);
    }
    print_key(to, "items", depth);
    fputc('{', to);
    print_indent(to, depth + 1);
    fputs("\"description\": ", to);
    print_text(to, type->item->name);
    print_type(to, type->item, depth + 1);
    print_indent(to, depth);
    fputc('}', to);
}

static void print_scalar(FILE *to, const struct value_type *type, int depth)
{
    print_key(to, "type", depth);
    if (type->kind == VALUE_INTEGER) {
        fputs("\"integer\"", to);
        print_key(to, "minimum", depth);
        fprintf(to, "%u", type->min);
        print_key(to, "maximum", depth);
        fprintf(to, "%u", type->max);
        return;
    }
    fputs(type->kind == VALUE_BOOLEAN ? "\"boolean\"" : "\"string\"", to);
    if (type->pattern != NULL) {
        print_key(to, "pattern", depth);
        print_text(to, type->pattern);
    } else if (type->words != NULL) {
        print_key(to, "enum", depth);
        print_words(to, type->words);
    }
    if (type->example != NULL) {
        print_key(to, "examples", depth);
        fprintf(to, "[%s]", type->example);
    }
}

/* What a value may be that is not the type's array, object or word. */
static const struct value_type *other_form(const struct value_type *type)
{
    return type->one != NULL ? type->one : type->item;
}

/* A value with two forms: another type, or else an array, object or word. */
static void print_choice(FILE *to, const struct value_type *type, int depth)
{
    const struct value_type *other = other_form(type);

    print_key(to, "anyOf", depth);
    fputc('[', to);
    for (int second = 0; second < 2; second++) {
        fputs(second ? "," : "", to);
        print_indent(to, depth + 1);
        fputc('{', to);
        print_indent(to, depth + 2);
        fputs("\"description\": ", to);
        print_text(to, second ? type->name : other->name);
        if (!second)
            print_type(to, other, depth + 2);
        else if (type->kind == VALUE_EITHER)
            print_object(to, type, depth + 2);
        else if (type->kind == VALUE_POLICY)
            print_scalar(to, type, depth + 2);
        else
            print_list(to, type, depth + 2);
        print_indent(to, depth + 1);
        fputc('}', to);
    }
    print_indent(to, depth);
    fputc(']', to);
}

/* The constraints themselves, as further members of the open object. */
static void print_constraints(FILE *to, const struct value_type *type, int depth)
{
    switch (type->kind) {
    case VALUE_OBJECT:
        print_object(to, type, depth);
        break;
    case VALUE_MAP:
        print_map(to, type, depth);
        break;
    case VALUE_LIST:
        print_list(to, type, depth);
        break;
    case VALUE_ONE_OR_LIST:
    case VALUE_EITHER:
    case VALUE_BACKEND:
    case VALUE_POLICY:
        print_choice(to, type, depth);
        break;
    default:
        print_scalar(to, type, depth);
    }
}

/* The same, or where they are defined; the open object has a member already. */
static void print_type(FILE *to, const struct value_type *type, int depth)
{
    if (type->define == NULL) {
        print_constraints(to, type, depth);
        return;
    }
    print_key(to, "$ref", depth);
    fprintf(to, "\"#/definitions/%s\"", type->define);
}

static void print_definitions(FILE *to, int depth)
{
    static const struct value_type *const types[] = {&type_listener, &type_server,
                                                     &type_backend_value};

    print_key(to, "definitions", depth);
    fputc('{', to);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        fputs(i > 0 ? "," : "", to);
        print_indent(to, depth + 1);
        print_text(to, types[i]->define);
        fputs(": {", to);
        print_indent(to, depth + 2);
        fputs("\"description\": ", to);
        print_text(to, types[i]->name);
        print_constraints(to, types[i], depth + 2);
        print_indent(to, depth + 1);
        fputc('}', to);
    }
    print_indent(to, depth);
    fputc('}', to);
}
void fields_schema_print(FILE *to)
{
    fputs("{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
          "  \"title\": \"sni-router configuration\"",
          to);
    print_type(to, &type_document, 1);
    print_definitions(to, 1);
    fputs("\n}\n", to);
}
