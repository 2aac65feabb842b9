/*
 * config_load_text(), as a list:
 *
 *   1. json_scan_text() judges the syntax and notes where every value stands;
 *   2. the outermost object's members are found; small ones are read through the field table;
 *   3. listeners, backends, policies' backends and routes are loaded, in this order since the
 *      later ones name the earlier ones, wherever they stand in the file;
 *   4. when nothing is wrong so far, the lint_*() add their warnings.
 *
 * Only a syntax error or a lack of memory ends the work early: the operator sees all errors at
 * once.
 */
#include "config/load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/lint.h"
#include "config/loader.h"

/* Names compared for "did you mean" in one load at most: about half a second of work. */
#define COMPARISONS_MAX ((size_t)4000000)

/* --- the outermost object --- */

static enum loader_list list_of(const struct field *field)
{
    if (field->type->kind == VALUE_MAP)
        return LIST_BACKENDS;
    if (field->type->kind != VALUE_LIST)
        return LISTS;
    return field->type->item == &type_listener ? LIST_LISTENERS : LIST_ROUTES;
}

/* Checks the brackets of a list and remembers it; load_listeners() and so on read the items. */
static void section_keep(struct loader *loader, const struct field *field,
                         const struct json_section *section)
{
    const struct json_source *json = &loader->reader.json;
    size_t at = json_value_offset(json->text, json->scan->marks[section->mark]);
    enum loader_list list = list_of(field);

    if (json->text[at] != (field->type->kind == VALUE_MAP ? '{' : '[')) {
        struct json_node *value = json_read(json, &(size_t){section->mark}, true);
        if (value != NULL)
            field_say_expected(&loader->reader, field->type, at, json_kind(value));
        else
            finding_no_memory(&loader->findings);
        json_free(value);
    } else if (section->children < field->type->min) {
        finding_error(&loader->findings, at, "expected %s, not an empty one", field->type->name);
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
    field_read(&loader->reader, field->type, tree, (char *)&loader->form + field->into);
}

/* Returns the bit of the section's field, as field_check_required() takes it; 0 = unknown key. */
static uint32_t section_load(struct loader *loader, const struct json_section *section)
{
    struct json_node *key = json_read_key(&loader->reader.json, section->mark);

    if (key == NULL) {
        finding_no_memory(&loader->findings);
        return 0;
    }
    const struct field *field = field_find(type_document.fields, json_string(key));
    if (field == NULL && !field_is_note(json_string(key)))
        field_say_unknown(&loader->reader, &type_document, json_string(key), json_key_offset(key));
    json_free(key);
    if (field == NULL)
        return 0;
    if (list_of(field) != LISTS)
        section_keep(loader, field, section);
    else
        section_read(loader, field, section);
    assert(field - type_document.fields < 32);
    return 1u << (field - type_document.fields);
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
    for (size_t i = 0; i < loader->scan.section_count; i++)
        seen |= section_load(loader, &loader->scan.sections[i]);
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
        *policy = (struct policy){(enum policy_action)form->action, CONFIG_NONE};
        if (form->backend != NULL)
            *policy = (struct policy){POLICY_BACKEND, loader_backend(loader, form->backend)};
    }
}

static void finish_document(struct loader *loader)
{
    struct config *config = loader->config;
    const struct document_form *form = &loader->form;
    const struct access_form *access = &form->log.access;
    bool off = access->off || strcmp(access->path, "off") == 0;

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
