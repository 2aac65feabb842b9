#ifndef CONFIG_FIELDS_H
#define CONFIG_FIELDS_H

/*
 * The field table: every key of the file, once. Validation, defaults, "did you mean", the JSON
 * Schema and the reference are all made from it, so that a new key is one line here and a place to
 * store.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct json_node;

/*
 * What a value is; behind it, the C type it is stored as. A node is validated now and converted
 * later, by the section's loader.
 */
enum value_kind {
    VALUE_OBJECT,      /* `fields`, at the place itself */
    VALUE_MAP,         /* an object of freely named `item`s: not stored, its loader walks over it */
    VALUE_LIST,        /* an array of `item`: const struct json_node * */
    VALUE_ONE_OR_LIST, /* an `item` or a non-empty array of them: const struct json_node * */
    VALUE_EITHER,      /* an object of `fields` (at the place), or else `item` (at `item_into`) */
    VALUE_BACKEND,     /* a backend's name, an address, or a non-empty array of servers, which the
                          section's loader reads: const struct json_node * */
    VALUE_POLICY,      /* struct policy_form: one of `words`, or a backend as above: `item` */
    VALUE_BOOLEAN,     /* bool */
    VALUE_INTEGER,     /* uint32_t, `min` to `max` */
    VALUE_WORD,        /* int: index into `words` */
    VALUE_DURATION,    /* uint64_t, ms; 0 = "off", when `words` holds that */
    VALUE_SIZE,        /* uint32_t, bytes, `min` to `max`; 0 = "off", when `words` holds that */
    VALUE_MODE,        /* uint32_t */
    VALUE_LISTEN,      /* struct address */
    VALUE_SERVER,      /* struct address */
    VALUE_NAME,        /* const char * */
    VALUE_PATH,        /* const char * */
    VALUE_CLEAR_PATH,  /* const char *: a path that cannot be taken for a word */
    VALUE_HOST,        /* the following: const struct json_node * */
    VALUE_NETWORK,
    VALUE_ALPN,
    VALUE_REFERENCE /* the name of a backend or listener; the section's loader knows of which */
};

struct value_type {
    enum value_kind kind;
    const char *name;         /* "a duration" */
    const char *example;      /* JSON; NULL: none */
    const char *pattern;      /* regular expression for the schema; NULL: none */
    const char *const *words; /* ended by NULL */
    uint32_t min, max;        /* VALUE_INTEGER, VALUE_SIZE; VALUE_LIST: least number of items */
    const struct value_type *item;
    const struct value_type *one; /* VALUE_ONE_OR_LIST, VALUE_BACKEND: a value without an array,
                                     when it is not an `item` as well */
    size_t item_into;
    const struct field *fields; /* ended by a NULL key */
    const char *define;         /* its name in the schema, if it stands in many places; else NULL */
    const char *instead;   /* JSON to write for a value of the wrong kind; NULL: see `example` */
    const char *no_object; /* message for an object, which only other types of this kind may be */
};

struct field {
    const char *key;
    const struct value_type *type;
    size_t into;        /* offset in the struct that the object is read into */
    const char *preset; /* the value when absent, as text */
    const char *absent; /* for the reference: what absence means when there is no preset */
    bool required;
    const char *missing; /* what to say besides when a required one is missing; NULL: nothing */
    const char *help;
};

/* --- what is read into --- */

/* `policies`: one for each case. */
struct policy_form {
    int action;                      /* enum policy_action, save POLICY_BACKEND */
    const struct json_node *backend; /* NULL: the action counts */
};

struct access_form {
    const char *path; /* "off": none */
    int format;       /* enum log_format */
};

struct log_form {
    struct access_form access;
    int level; /* enum log_level */
};

/* The document, save its lists. */
struct document_form {
    const struct json_node *default_backend;
    struct policy_form policies[POLICY_CASES];
    struct timeouts timeouts;
    uint32_t workers;
    uint32_t max_connections;
    uint32_t hello_limit_bytes;
    struct socket_sizes sockets;
    struct log_form log;
    struct reload_config reload;
};

struct backend_form {
    int balance; /* enum balance_kind */
    uint32_t tries;
    const struct json_node *servers;
};

struct route_form {
    const char *name;
    const struct json_node *host, *backend, *alpn, *from, *listener;
    struct timeouts timeouts; /* only those a route may set */
};

/* The outermost object. Its fields' order is that of the reference. */
extern const struct value_type type_document;

extern const struct value_type type_listener;      /* struct listener_config */
extern const struct value_type type_route;         /* struct route_form */
extern const struct value_type type_backend;       /* struct backend_form */
extern const struct value_type type_server;        /* struct server_config; text or object */
extern const struct value_type type_backend_value; /* const struct json_node *, a VALUE_BACKEND */
extern const struct value_type type_timeouts;      /* struct timeouts */

/* What a policy may be besides a backend; ended by NULL. */
extern const char *const words_policy[];

extern const struct field fields_policies[]; /* in the order of enum policy_case */

/* The field of that key, or NULL. */
const struct field *field_find(const struct field *fields, const char *key);

/* "$schema" and "$comment", allowed in every object and without meaning to the program. */
bool field_is_note(const char *key);

/*
 * Calls `on_object` for every object the file can hold, in the order of the table: its path
 * ("routes[].timeouts"; "" is the document) and its type, which has `fields`.
 */
void fields_visit(void (*on_object)(void *context, const char *path, const struct value_type *type),
                  void *context);

#endif
