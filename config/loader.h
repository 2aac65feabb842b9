#ifndef CONFIG_LOADER_H
#define CONFIG_LOADER_H

/*
 * The state of one config_load_text(), and what the files that load one section each share: walks
 * over the lists, names looked up, memory. Lives on the stack of load.c.
 */

#include "config/config.h"
#include "config/field_read.h"
#include "config/fields.h"
#include "config/json_tree.h"
#include "config/name_index.h"

/* The lists of the document: too long to become one tree, they are read value by value. */
enum loader_list { LIST_LISTENERS, LIST_ROUTES, LIST_BACKENDS, LISTS };

struct loader {
    struct field_reader reader;
    struct finding_log findings;
    struct json_scan scan;
    struct config *config; /* being filled */
    struct document_form form;
    struct json_node **trees; /* of the sections that are no lists: the form points into them */
    size_t tree_count;
    const struct json_section *lists[LISTS]; /* NULL: absent, or of the wrong type */
    bool backends_unknown;  /* their list is broken: a name cannot be said to be missing */
    bool listeners_unknown; /* the same of listeners */
    uint32_t backend_room;  /* of config->backends */
    struct name_index backend_names, listener_names;
    struct name_index inline_names; /* of backends that stand in the place of a name */
    size_t comparisons_left; /* of names, for suggestions: many errors times many names is much */
};

/* Each reads its list into the configuration. Routes come last: they name the others. */
void load_listeners(struct loader *loader);
void load_backends(struct loader *loader);
void load_routes(struct loader *loader);

/*
 * The index of the backend that a VALUE_BACKEND stands for: one of that name, or one that is made
 * of the servers which stand in its place. CONFIG_NONE: there is none (a finding, unless the list
 * of backends is broken). `words` is what else may stand there, for messages; NULL: nothing.
 */
uint32_t loader_backend(struct loader *loader, const struct json_node *value,
                        const char *const *words);

/* Adds a backend, whose name then has its index there. CONFIG_NONE: no memory (a finding). */
uint32_t loader_add_backend(struct loader *loader, const struct backend_config *backend,
                            struct name_index *names);

/*
 * Reads one server or an array of them, through `reader`. False: something is wrong, or there is no
 * memory (a finding).
 */
bool loader_servers(struct loader *loader, struct field_reader *reader,
                    const struct json_node *servers, struct backend_config *backend);

/* The index that a name stands for, or CONFIG_NONE (a finding, unless the list is broken). */
uint32_t loader_listener(struct loader *loader, const struct json_node *name);

/* Has the suggestion consider every name, unless that was done too often for one load. */
void loader_suggest(struct loader *loader, const struct name_index *names,
                    struct suggestion *suggestion);

/* Goes through the values of a list, one tree at a time. */
struct list_walk {
    struct loader *loader;
    size_t mark;            /* of the next value */
    uint32_t left;          /* values not read yet */
    bool members;           /* the values have keys */
    struct json_node *tree; /* the last value, owned */
};

void list_walk_start(struct list_walk *walk, struct loader *loader, enum loader_list list);

/*
 * The next value, which lives until the next call. NULL: no more, or no memory (a finding); all is
 * freed then.
 */
const struct json_node *list_walk_next(struct list_walk *walk);

/* A value that may be one item or an array of them. */
static inline const struct json_node *items_first(const struct json_node *list)
{
    return json_kind(list) == JSON_ARRAY ? json_first(list) : list;
}

static inline const struct json_node *items_next(const struct json_node *list,
                                                 const struct json_node *item)
{
    return json_kind(list) == JSON_ARRAY ? json_next(item) : NULL;
}

static inline uint32_t items_count(const struct json_node *list)
{
    uint32_t count = 0;

    for (const struct json_node *item = items_first(list); item != NULL;
         item = items_next(list, item))
        count++;
    return count;
}

/* Offset of the value of `key` in a section; FINDING_WHOLE when the file does not give it. */
size_t loader_member_offset(const struct loader *loader, const char *section, const char *key);

size_t loader_offset(const struct loader *loader, const struct json_node *node);
struct position loader_position(struct loader *loader, const struct json_node *node);

/* arena_alloc() that adds a finding when there is no memory. */
void *loader_alloc(struct loader *loader, size_t bytes);

/* Whether nothing is wrong so far. */
bool loader_is_fine(const struct loader *loader);

#endif
