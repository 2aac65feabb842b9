#ifndef CONFIG_NAME_INDEX_H
#define CONFIG_NAME_INDEX_H

/* From a name to its index, while a configuration is loaded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/text/suggest.h"

struct name_entry;

/* Start with {0}. Names are borrowed. */
struct name_index {
    struct name_entry *table;
};

#define NAME_INDEX_NONE UINT32_MAX

/* The name must not be there yet. False: no memory. */
bool name_index_add(struct name_index *names, const char *name, uint32_t index);

/* NAME_INDEX_NONE: not there. */
uint32_t name_index_find(const struct name_index *names, const char *name);

size_t name_index_count(const struct name_index *names);

/* Has the suggestion consider every name. */
void name_index_suggest(const struct name_index *names, struct suggestion *suggestion);

void name_index_free(struct name_index *names);

#endif
