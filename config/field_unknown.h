#ifndef CONFIG_FIELD_UNKNOWN_H
#define CONFIG_FIELD_UNKNOWN_H

/*
 * What to say about keys that are not in the field table: what was meant, what it is called here,
 * or why there is no such thing.
 */

#include "config/field_reader.h"
#include "config/fields.h"

struct unknown_key {
    const char *key;
    size_t offset;
    const struct json_node *value;  /* to be shown in its right place; NULL: leave it out */
    const struct json_node *object; /* where it stands: one sentence for all keys there that it
                                       fits; NULL: each has its own */
};

/*
 * `unknown key "hots" (did you mean "host"?)`. Returns the field of the same object that was meant,
 * and is therefore not missing; NULL: none. *misspelt: the key is nearly that field's own.
 */
const struct field *field_say_unknown(struct field_reader *reader, const struct value_type *type,
                                      const struct unknown_key *unknown, bool *misspelt);

/* Whether nothing is known about such a key: it may be a name that the operator has chosen. */
bool field_key_is_free(const struct value_type *type, const char *key);

/* JSON of a value of the type: `"shop.example.com"`. */
const char *field_example(const struct value_type *type);

/* The field at the end of a path of fields_visit() from an object of that type; NULL: none. */
const struct field *field_at_path(const struct value_type *object, const char *path);

/* Writes the value at a path as JSON: "limits.connections" gives `"limits": { "connections": 9 }`.
 */
void field_write_example(const char *path, const char *value, char *out, size_t size);

#endif
