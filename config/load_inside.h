#ifndef CONFIG_LOAD_INSIDE_H
#define CONFIG_LOAD_INSIDE_H

/* The inside of config_load_text(), shared by the files that load one section each. */

#include "config/config.h"
#include "config/field_read.h"
#include "config/fields.h"
#include "config/json_tree.h"
#include "config/load.h"
#include "config/name_index.h"

/* The lists of the document: too long to become one tree, they are read value by value. */
enum loader_list { LIST_LISTENERS, LIST_ROUTES, LIST_BACKENDS, LISTS };

struct loader {
    struct field_reader reader;
    struct finding_log findings;
    struct json_scan scan;
    struct config *config;
    struct document_form form;
    struct json_node **trees; /* of the other sections: the form points into them */
    size_t tree_count;
    const struct json_section *lists[LISTS]; /* NULL: absent, or of the wrong type */
    bool backends_unknown;                   /* names cannot be checked: their list is broken */
    bool listeners_unknown;
    struct name_index backend_names, listener_names;
    size_t comparisons_left; /* of names, for suggestions: many errors times many names is much */
};

/* config_load_text(); `hide_lines`: the text is made up, its lines mean nothing to anybody. */
struct config *loader_run(const char *text, size_t len, const char *file, bool hide_lines,
                          struct diagnostics *found);

/* Each reads its list into the configuration. What is wrong is reported. */
void load_listeners(struct loader *loader);
void load_backends(struct loader *loader);
void load_routes(struct loader *loader); /* after the others: it refers to them */

/* The index that a name stands for, or CONFIG_NONE (reported). */
uint32_t loader_backend(struct loader *loader, const struct json_node *name);
uint32_t loader_listener(struct loader *loader, const struct json_node *name);

/* Goes through the values of a list, one tree at a time. */
struct list_walk {
    struct loader *loader;
    size_t mark;
    uint32_t left;
    bool members;
    struct json_node *tree;
};

void list_start(struct list_walk *walk, struct loader *loader, enum loader_list list);

/* The next value, which lives until the next call. NULL: no more, or no memory (reported). */
const struct json_node *list_next(struct list_walk *walk);

size_t loader_offset(const struct loader *loader, const struct json_node *node);
struct position loader_position(struct loader *loader, const struct json_node *node);

/* arena_alloc() that reports a lack of memory. */
void *loader_alloc(struct loader *loader, size_t bytes);

/* Warnings about what the document says as a whole. Only without errors. */
void lint_document(struct loader *loader);

/* Warnings about routes that another keeps from ever matching. Only without errors. */
void lint_shadowed(struct loader *loader);

#endif
