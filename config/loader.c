#include "config/loader.h"

#include <assert.h>
#include <string.h>

#include "config/text/suggest.h"

size_t loader_member_offset(const struct loader *loader, const char *section, const char *key)
{
    for (size_t i = 0; i < loader->tree_count; i++) {
        const struct json_node *tree = loader->trees[i];
        if (strcmp(json_key(tree), section) != 0 || json_kind(tree) != JSON_OBJECT)
            continue;
        const struct json_node *found = json_member(tree, key);
        if (found != NULL)
            return loader_offset(loader, found);
    }
    return FINDING_WHOLE;
}

size_t loader_offset(const struct loader *loader, const struct json_node *node)
{
    return json_offset(&loader->reader.json, node);
}

struct position loader_position(struct loader *loader, const struct json_node *node)
{
    return finding_position(&loader->findings, loader_offset(loader, node));
}

void *loader_alloc(struct loader *loader, size_t bytes)
{
    void *memory = arena_alloc(loader->config->arena, bytes);

    if (memory == NULL)
        finding_no_memory(&loader->findings);
    return memory;
}

void loader_suggest(struct loader *loader, const struct name_index *names,
                    struct suggestion *suggestion)
{
    if (finding_log_full(&loader->findings) || name_index_count(names) > loader->comparisons_left)
        return;
    loader->comparisons_left -= name_index_count(names);
    name_index_suggest(names, suggestion);
}

uint32_t loader_listener(struct loader *loader, const struct json_node *node)
{
    char hint[160];
    const char *name = json_string(node);
    struct suggestion suggestion;

    if (loader->listeners_unknown)
        return CONFIG_NONE;
    uint32_t index = name_index_find(&loader->listener_names, name);
    if (index != NAME_INDEX_NONE)
        return index;
    suggest_start(&suggestion, name);
    loader_suggest(loader, &loader->listener_names, &suggestion);
    finding_error(&loader->findings, loader_offset(loader, node), "unknown listener \"%.80s\"%s",
                  name, suggest_text(&suggestion, hint, sizeof hint));
    return CONFIG_NONE;
}

/* --- lists --- */

/* Whether there is one listener instead of a list of them: the section itself is the value. */
static bool is_alone(const struct loader *loader, enum loader_list list)
{
    const struct json_source *json = &loader->reader.json;
    size_t at = json_value_offset(json->text, json->scan->marks[loader->lists[list]->mark]);

    return list == LIST_LISTENERS && json->text[at] != '[';
}

void list_walk_start(struct list_walk *walk, struct loader *loader, enum loader_list list)
{
    const struct json_section *section = loader->lists[list];

    *walk = (struct list_walk){.loader = loader, .members = list == LIST_BACKENDS};
    if (section == NULL)
        return;
    if (is_alone(loader, list)) {
        walk->members = true;
        walk->mark = section->mark;
        walk->left = 1;
    } else {
        walk->mark = section->mark + 1;
        walk->left = section->children;
    }
}

const struct json_node *list_walk_next(struct list_walk *walk)
{
    json_free(walk->tree);
    walk->tree = NULL;
    if (walk->left == 0)
        return NULL;
    assert(walk->mark < walk->loader->scan.mark_count);
    walk->left--;
    walk->tree = json_read(&walk->loader->reader.json, &walk->mark, walk->members);
    if (walk->tree == NULL)
        finding_no_memory(&walk->loader->findings);
    return walk->tree;
}

bool loader_is_fine(const struct loader *loader)
{
    const struct diagnostics *found = loader->findings.found;

    return found->errors == 0 && !found->no_memory;
}
