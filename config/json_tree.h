#ifndef CONFIG_JSON_TREE_H
#define CONFIG_JSON_TREE_H

/*
 * JSON trees with positions. json_tree.c is the one file that knows cJSON.
 *
 * A document of a million routes as one tree would take hundreds of megabytes, so trees are built
 * piece by piece: one for each value that the caller asks for, freed when it is done with it. Only
 * text that json_scan_text() has passed may be given. cJSON writes a process-global on every
 * parse: one thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/json_scan.h"

enum json_kind { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node;

/* A scanned text. Borrowed by all that is read from it. */
struct json_source {
    const char *text;
    size_t len;
    const struct json_scan *scan;
};

/*
 * Reads the value whose mark is *mark, as a member (with its key) or a plain value, and moves *mark
 * to that of the value behind it. NULL: no memory. Free with json_free().
 */
struct json_node *json_read(const struct json_source *json, size_t *mark, bool member);

/* Reads only the key of a member: a node that is a string. NULL: no memory. */
struct json_node *json_read_key(const struct json_source *json, size_t mark);

void json_free(struct json_node *node); /* NULL is allowed */

enum json_kind json_kind(const struct json_node *node);
const char *json_kind_name(enum json_kind kind);       /* "a string" */
const char *json_key(const struct json_node *node);    /* NULL: not a member */
const char *json_string(const struct json_node *node); /* JSON_STRING only */
double json_number(const struct json_node *node);      /* JSON_NUMBER only */
bool json_truth(const struct json_node *node);         /* JSON_BOOLEAN only */

/* The first child of an array or object, and the next of the same parent. NULL: none. */
const struct json_node *json_first(const struct json_node *node);
const struct json_node *json_next(const struct json_node *node);

/* The first member of that key of an object. NULL: none. */
const struct json_node *json_member(const struct json_node *object, const char *key);

/* Offsets in the text: of the value, and of its key (of the value when there is no key). */
size_t json_offset(const struct json_source *json, const struct json_node *node);
size_t json_key_offset(const struct json_node *node);

#endif
