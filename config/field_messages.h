#ifndef CONFIG_FIELD_MESSAGES_H
#define CONFIG_FIELD_MESSAGES_H

/* What to say about values that are not as the field table says. */

#include "config/field_reader.h"
#include "config/fields.h"

/* "expected a duration (such as "5s"), not a number" */
void field_say_expected(struct field_reader *reader, const struct value_type *type, size_t offset,
                        enum json_kind found);

/* Writes `"alert", "close" or "reset"`. Returns `out`. */
const char *field_words(const char *const *words, char *out, size_t size);

/*
 * `missing key "host"`, for every required field whose bit is not set in `seen` (bit 0: the first
 * field). False: a key is missing.
 */
bool field_check_required(struct field_reader *reader, const struct value_type *type, uint32_t seen,
                          size_t offset);

/* "expected a name, not null: leave the key out for the default" */
void field_say_null(struct field_reader *reader, const struct value_type *type, size_t offset);

/* A value of a kind that no text, address or word has: what was probably meant. */
void field_say_no_text(struct field_reader *reader, const struct value_type *type,
                       const struct json_node *node);

/* A number where text with a unit is needed: the message names the two values it could mean. */
void field_say_bare_number(struct field_reader *reader, const struct value_type *type,
                           const struct json_node *node);

/* A number or a truth value in quotes: "4", "auto", "yes". */
void field_say_quoted(struct field_reader *reader, const struct value_type *type,
                      const struct json_node *node);

#endif
