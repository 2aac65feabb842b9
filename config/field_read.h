#ifndef CONFIG_FIELD_READ_H
#define CONFIG_FIELD_READ_H

/* From JSON nodes to C values, as the field table says; whatever is wrong becomes a finding. */

#include "config/field_reader.h"
#include "config/fields.h"

/*
 * Checks `node` and stores it at `into`, as value_kind says; with `into` NULL it only checks and
 * allocates nothing. A value that is wrong is not stored. False: the value was wrong, or there was
 * no memory; either is a finding.
 */
bool field_read(struct field_reader *reader, const struct value_type *type,
                const struct json_node *node, void *into);

/* As field_read(), the value of a key of `object`; NULL: only checks. */
bool field_read_member(struct field_reader *reader, const struct field *field,
                       const struct json_node *node, void *object);

/* Stores the defaults of an object's keys, and of the objects inside it. */
void field_read_presets(const struct value_type *type, void *into);

#endif
