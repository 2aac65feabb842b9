#ifndef CONFIG_FIELD_PARTS_H
#define CONFIG_FIELD_PARTS_H

/*
 * Objects of another shape than ours, as other programs take them. Addresses in parts:
 * { "host": "10.0.0.5", "port": 443 } in a listener, a server or a backend. Names as keys:
 * { "public": { "address": ":443" } } for listeners.
 */

#include <stdbool.h>

#include "config/field_reader.h"
#include "config/fields.h"

/* Members of an object that together would be its address. */
struct address_parts {
    const struct json_node *host, *port; /* NULL: not given */
};

/*
 * Looks for such an address. If there is one, says how it is written and returns true: the parts
 * need no further finding, and the object's first field, which takes it, is not missing. Otherwise
 * both parts are NULL.
 */
bool field_say_parts(struct field_reader *reader, const struct value_type *type,
                     const struct json_node *node, struct address_parts *parts);

/*
 * Whether the keys of an object are names or values that the operator has chosen, instead of ours:
 * says once what to write, and nothing more needs to be said of the object.
 */
bool field_say_by_name(struct field_reader *reader, const struct value_type *type,
                       const struct json_node *node);

#endif
