/*
 * config_load_text(), as a list:
 *
 *   1. json_scan_text() judges the syntax and notes where every value stands;
 *   2. the outermost object's members are found; small ones are read through the field table;
 *   3. listeners, backends, policies' backends, the default one and routes are loaded, in this
 *      order since the later ones name the earlier ones, wherever they stand in the file;
 *   4. when nothing is wrong so far, the lint_*() add their warnings.
 *
 * Only a syntax error or a lack of memory ends the work early: the operator sees all errors at
 * once.
 */
#include "config/load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/field_messages.h"
#include "config/field_unknown.h"
#include "config/foreign.h"
#include "config/lint.h"
#include "config/loader.h"

/* Names compared for "did you mean" in one load at most: about half a second of work. */
#define COMPARISONS_MAX ((size_t)4000000)

/* A file of another program has no more sections than this. */
#define FOREIGN_SECTIONS_MAX 32

/* --- the outermost object --- */

static enum loader_list list_of(const struct field *field)
{
    if (field->type->kind == VALUE_MAP)
        return LIST_BACKENDS;
    if (field->type->item == &type_listener)
        return LIST_LISTENERS;
    return field->type->item == &type_route ? LIST_ROUTES : LISTS;
}

/* Whether a value that begins so is read as this list; one listener needs no brackets. */
static bool begins_list(enum loader_list list, char first)
{
    switch (list) {
    case LIST_LISTENERS:
        return first == '[' || first == '{' || first == '"';
    case LIST_BACKENDS:
        return first == '{';
    default:
        return first == '[';
    }
}

/* Checks the brackets of a list and remembers it; load_listeners() and so on read the items. */
static void section_keep(struct loader *loader, const struct field *field,
                         const struct json_section *section)
{
    const struct json_source *json = &loader->reader.json;
    size_t at = json_value_offset(json->text, json->scan->marks[section->mark]);
    enum loader_list list = list_of(field);

    if (!begins_list(list, json->text[at])) {
        struct json_node *value = json_read(json, &(size_t){section->mark}, true);
        if (value != NULL && json_kind(value) == JSON_NULL && !field->required)
            field_say_null(&loader->reader, field->type, at);
        else if (value != NULL)
            field_say_expected(&loader->reader, field->type, at, json_kind(value));
        else
            finding_no_memory(&loader->findings);
        json_free(value);
    } else if (json->text[at] == '[' && section->children < field->type->min) {
        finding_error(&loader->findings, at, "expected %s, not an empty array", field->type->name);
    } else {
        loader->lists[list] = section;
        return;
    }
    loader->backends_unknown |= list == LIST_BACKENDS;
    loader->listeners_unknown |= list == LIST_LISTENERS;
}

static void section_read(struct loader *loader, const struct field *field,
                         const struct json_section *section)
{
    struct json_node *tree = json_read(&loader->reader.json, &(size_t){section->mark}, true);

    if (tree == NULL) {
        finding_no_memory(&loader->findings);
        return;
    }
    assert(loader->tree_count < loader->scan.section_count);
    loader->trees[loader->tree_count++] = tree;
    field_read_member(&loader->reader, field, tree, &loader->form);
}

/* Reads a section as what the field says. */
static void section_take(struct loader *loader, const struct field *field,
                         const struct json_section *section)
{
    if (list_of(field) != LISTS)
        section_keep(loader, field, section);
    else
        section_read(loader, field, section);
}

/*
 * Says that the section's key is unknown. What it holds counts as unknown too, unless the key is
 * nearly that of a section which the file does not have: then it is read as that one, so that not
 * the next attempt only tells what is wrong there. Returns the bit of the field that was meant.
 */
static uint32_t section_unknown(struct loader *loader, const struct json_node *key,
                                const struct json_section *section, uint32_t seen)
{
    const struct json_source *json = &loader->reader.json;
    size_t at = json_value_offset(json->text, json->scan->marks[section->mark]);
    bool large = json->text[at] == '{' || json->text[at] == '['; /* is not shown anyway */
    struct json_node *value = large ? NULL : json_read(json, &(size_t){section->mark}, true);
    const struct unknown_key unknown = {
        .key = json_string(key), .offset = json_key_offset(key), .value = value};
    bool misspelt;

    if (!large && value == NULL)
        finding_no_memory(&loader->findings);
    const struct field *meant =
        field_say_unknown(&loader->reader, &type_document, &unknown, &misspelt);

    json_free(value);
    if (meant == NULL)
        return 0;
    uint32_t bit = 1u << (meant - type_document.fields);
    if (misspelt && (seen & bit) == 0) {
        section_take(loader, meant, section);
        return bit;
    }
    loader->backends_unknown |= list_of(meant) == LIST_BACKENDS;
    loader->listeners_unknown |= list_of(meant) == LIST_LISTENERS;
    return bit;
}

/*
 * Reads the section if its key is known, or else, at the second go through them, tells that it is
 * not. Returns the bits of the fields seen so far, as field_check_required() takes them.
 */
static uint32_t section_load(struct loader *loader, const struct json_section *section, bool known,
                             uint32_t seen)
{
    struct json_node *key = json_read_key(&loader->reader.json, section->mark);

    if (key == NULL) {
        finding_no_memory(&loader->findings);
        return seen;
    }
    const struct field *field = field_find(type_document.fields, json_string(key));
    if (field == NULL && !known && !field_is_note(json_string(key)))
        seen |= section_unknown(loader, key, section, seen);
    json_free(key);
    if (field == NULL || !known)
        return seen;
    section_take(loader, field, section);
    assert(field - type_document.fields < 32);
    return seen | 1u << (field - type_document.fields);
}

/* --- whole documents that are something else --- */

/* The first section that has, or has not, our own key. */
struct sections_look {
    size_t own, others;  /* how many there are */
    size_t other;        /* one of the others */
    const char *program; /* whose key one of the others is; NULL: nobody's */
    size_t program_at;   /* offset of that key */
};

static void look_at_sections(struct loader *loader, struct sections_look *look)
{
    *look = (struct sections_look){0};
    for (size_t i = 0; i < loader->scan.section_count; i++) {
        struct json_node *key = json_read_key(&loader->reader.json, loader->scan.sections[i].mark);
        const char *word = key != NULL ? json_string(key) : "$comment";
        bool own = field_find(type_document.fields, word) != NULL;
        if (own)
            look->own++;
        if (!own && !field_is_note(word)) {
            look->others++;
            look->other = i;
        }
        if (!own && look->program == NULL && foreign_section(word) != NULL) {
            look->program = foreign_section(word);
            look->program_at = json_key_offset(key);
        }
        if (key == NULL)
            finding_no_memory(&loader->findings);
        json_free(key);
    }
}

/* Whether the section is an object which holds what belongs around it. */
static bool is_wrapper(struct loader *loader, const struct json_section *section)
{
    struct json_node *value = json_read(&loader->reader.json, &(size_t){section->mark}, true);
    bool wraps = value != NULL && json_kind(value) == JSON_OBJECT &&
                 (json_member(value, "listeners") != NULL || json_member(value, "routes") != NULL ||
                  json_member(value, "backends") != NULL);

    if (wraps)
        finding_error(
            &loader->findings, json_key_offset(value),
            "unknown key \"%.80s\" in the configuration: remove this level, what it holds "
            "belongs in the outermost object",
            json_key(value));
    if (value == NULL)
        finding_no_memory(&loader->findings);
    json_free(value);
    return wraps;
}

/* True: one sentence says all that can be said of the document. */
static bool document_is_foreign(struct loader *loader)
{
    struct sections_look look;

    if (loader->scan.section_count > FOREIGN_SECTIONS_MAX)
        return false;
    look_at_sections(loader, &look);
    if (look.own > 0 || look.others == 0)
        return false;
    if (look.program != NULL)
        finding_error(&loader->findings, look.program_at, "%s", look.program);
    return look.program != NULL ||
           (look.others == 1 && is_wrapper(loader, &loader->scan.sections[look.other]));
}

static void load_sections(struct loader *loader)
{
    size_t start = loader->scan.marks[0];
    uint32_t seen = 0;

    field_read_presets(&type_document, &loader->form);
    if (loader->findings.text[start] != '{') {
        finding_error(&loader->findings, start, "expected an object: { \"listeners\": ... }");
        return;
    }
    /* Keys may be unknown or twice, so there can be more sections than fields. */
    loader->trees = calloc(loader->scan.section_count + 1, sizeof(struct json_node *));
    if (loader->trees == NULL) {
        finding_no_memory(&loader->findings);
        return;
    }
    if (document_is_foreign(loader)) {
        loader->listeners_unknown = loader->backends_unknown = true;
        return;
    }
    for (size_t i = 0; i < loader->scan.section_count; i++)
        seen = section_load(loader, &loader->scan.sections[i], true, seen);
    for (size_t i = 0; i < loader->scan.section_count; i++)
        seen = section_load(loader, &loader->scan.sections[i], false, seen);
    if (!field_check_required(&loader->reader, &type_document, seen, start))
        loader->listeners_unknown = true;
}

/* --- from the form to the configuration --- */

static void finish_policies(struct loader *loader)
{
    for (size_t i = 0; i < POLICY_CASES; i++) {
        assert(strcmp(fields_policies[i].key, policy_case_word((enum policy_case)i)) == 0);
        const struct policy_form *form = &loader->form.policies[i];
        struct policy *policy = &loader->config->policies[i];
        *policy = (struct policy){(enum policy_action)form->action, CONFIG_NONE, false};
        if (form->backend == NULL)
            continue;
        /* In an object it is certain that a backend was meant. */
        bool words = strcmp(json_key(form->backend), "backend") != 0;
        uint32_t backend = loader_backend(loader, form->backend, words ? words_policy : NULL);
        *policy = (struct policy){POLICY_BACKEND, backend, false};
    }
}

static uint32_t default_backend(struct loader *loader, const struct json_node *value)
{
    const char *text = json_kind(value) == JSON_STRING ? json_string(value) : "";

    for (size_t i = 0; words_policy[i] != NULL && !loader->backends_unknown; i++) {
        if (strcmp(text, words_policy[i]) != 0 ||
            name_index_find(&loader->backend_names, text) != NAME_INDEX_NONE)
            continue;
        finding_error(&loader->findings, loader_offset(loader, value),
                      "\"%s\" is not a backend: write \"policies\": { \"unknown_sni\": \"%s\", "
                      "\"no_sni\": \"%s\" }",
                      text, text, text);
        return CONFIG_NONE;
    }
    return loader_backend(loader, value, NULL);
}

/* `default` stands for this policy; a file that gives it as well says two things. */
static void default_policy(struct loader *loader, enum policy_case which, uint32_t backend)
{
    size_t given = loader_member_offset(loader, "policies", policy_case_word(which));
    char place[FINDING_PLACE_MAX];

    loader->config->policies[which] = (struct policy){POLICY_BACKEND, backend, true};
    if (given == FINDING_WHOLE)
        return;
    finding_error(
        &loader->findings, loader_offset(loader, loader->form.default_backend),
        "\"default\" is short for policies.no_sni and policies.unknown_sni, but %s is given "
        "as well (%s): give the two policies instead of \"default\"",
        policy_case_word(which),
        finding_place(&loader->findings, finding_position(&loader->findings, given), place));
}

static void finish_default(struct loader *loader)
{
    if (loader->form.default_backend == NULL)
        return;
    uint32_t backend = default_backend(loader, loader->form.default_backend);
    default_policy(loader, POLICY_NO_SNI, backend);
    default_policy(loader, POLICY_UNKNOWN_SNI, backend);
}

static void finish_document(struct loader *loader)
{
    struct config *config = loader->config;
    const struct document_form *form = &loader->form;
    const struct access_form *access = &form->log.access;
    bool off = strcmp(access->path, "off") == 0;

    config->timeouts = form->timeouts;
    config->workers = form->workers;
    config->max_connections = form->max_connections;
    config->hello_limit_bytes = form->hello_limit_bytes;
    config->sockets = form->sockets;
    config->reload = form->reload;
    config->log = (struct log_config){
        .access_path = off ? NULL : access->path,
        .access_format = (enum log_format)access->format,
        .level = (enum log_level)form->log.level,
    };
}

static struct config *config_new(const char *file)
{
    struct arena *arena = arena_new();
    struct config *config = arena != NULL ? arena_alloc(arena, sizeof *config) : NULL;
    char *name = config != NULL ? arena_text(arena, file, strlen(file)) : NULL;

    if (name == NULL) {
        arena_free(arena);
        return NULL;
    }
    config->arena = arena;
    config->file = name;
    return config;
}

static void load_all(struct loader *loader)
{
    load_sections(loader);
    finish_document(loader);
    load_listeners(loader);
    load_backends(loader);
    finish_policies(loader);
    finish_default(loader);
    load_routes(loader);
    if (!loader_is_fine(loader))
        return;
    lint_document(loader);
    lint_config(loader->config, &loader->findings);
    lint_shadowed(loader);
}

static void loader_free(struct loader *loader)
{
    for (size_t i = 0; i < loader->tree_count; i++)
        json_free(loader->trees[i]);
    free(loader->trees);
    name_index_free(&loader->backend_names);
    name_index_free(&loader->listener_names);
    name_index_free(&loader->inline_names);
    json_scan_free(&loader->scan);
    finding_log_end(&loader->findings);
}

static struct config *load_run(const char *text, size_t len, const char *file, bool hide_lines,
                               struct diagnostics *found)
{
    struct loader loader = {.config = config_new(file), .comparisons_left = COMPARISONS_MAX};
    size_t errors_before = found->errors;

    if (!finding_log_start(&loader.findings, text, len, found) || loader.config == NULL) {
        found->no_memory = true;
    } else {
        loader.findings.hide_lines = hide_lines;
        loader.reader = (struct field_reader){.findings = &loader.findings,
                                              .json = {text, len, &loader.scan},
                                              .arena = loader.config->arena};
        if (json_scan_text(&loader.scan, &loader.findings))
            load_all(&loader);
    }
    loader_free(&loader);
    diagnostics_sort(found);
    if (found->errors == errors_before && !found->no_memory)
        return loader.config;
    config_free(loader.config);
    return NULL;
}

struct config *config_load_text(const char *text, size_t len, const char *file,
                                struct diagnostics *found)
{
    return load_run(text, len, file, false, found);
}

struct config *config_load_made_up(const char *text, size_t len, const char *file,
                                   struct diagnostics *found)
{
    return load_run(text, len, file, true, found);
}
