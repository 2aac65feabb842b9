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
    struct name_index backend_names, listener_names;
    size_t comparisons_left; /* of names, for suggestions: many errors times many names is much */
};

/* Each reads its list into the configuration. Routes come last: they name the others. */
void load_listeners(struct loader *loader);
void load_backends(struct loader *loader);
void load_routes(struct loader *loader);

/* The index that a name stands for, or CONFIG_NONE (a finding, unless the list is broken). */
uint32_t loader_backend(struct loader *loader, const struct json_node *name);
uint32_t loader_listener(struct loader *loader, const struct json_node *name);

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

size_t loader_offset(const struct loader *loader, const struct json_node *node);
struct position loader_position(struct loader *loader, const struct json_node *node);

/* arena_alloc() that adds a finding when there is no memory. */
void *loader_alloc(struct loader *loader, size_t bytes);

/* Whether nothing is wrong so far. */
bool loader_is_fine(const struct loader *loader);

#endif
