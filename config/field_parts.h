#ifndef CONFIG_FIELD_PARTS_H
#define CONFIG_FIELD_PARTS_H

/*
 * Addresses that are written in parts, as other programs take them:
 * { "host": "10.0.0.5", "port": 443 } in a listener, a server or a backend.
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

#endif
