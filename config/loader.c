#include "config/loader.h"

#include <assert.h>

#include "config/text/suggest.h"

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

static uint32_t name_resolve(struct loader *loader, const struct name_index *names,
                             const struct json_node *node, const char *what)
{
    char hint[160];
    const char *name = json_string(node);
    uint32_t index = name_index_find(names, name);

    if (index != NAME_INDEX_NONE)
        return index;
    struct suggestion suggestion;
    suggest_start(&suggestion, name);
    if (!finding_log_full(&loader->findings) &&
        name_index_count(names) <= loader->comparisons_left) {
        loader->comparisons_left -= name_index_count(names);
        name_index_suggest(names, &suggestion);
    }
    finding_error(&loader->findings, loader_offset(loader, node), "unknown %s \"%.80s\"%s", what,
                  name, suggest_text(&suggestion, hint, sizeof hint));
    return CONFIG_NONE;
}

uint32_t loader_backend(struct loader *loader, const struct json_node *name)
{
    if (loader->backends_unknown)
        return CONFIG_NONE;
    return name_resolve(loader, &loader->backend_names, name, "backend");
}

uint32_t loader_listener(struct loader *loader, const struct json_node *name)
{
    if (loader->listeners_unknown)
        return CONFIG_NONE;
    return name_resolve(loader, &loader->listener_names, name, "listener");
}

void list_walk_start(struct list_walk *walk, struct loader *loader, enum loader_list list)
{
    const struct json_section *section = loader->lists[list];

    *walk = (struct list_walk){.loader = loader, .members = list == LIST_BACKENDS};
    if (section != NULL) {
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
