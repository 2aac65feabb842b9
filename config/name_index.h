#ifndef CONFIG_NAME_INDEX_H
#define CONFIG_NAME_INDEX_H

/* From a name to its index, while a configuration is loaded. */

#include <stdbool.h>
#include <stdint.h>

#include "config/suggest.h"

struct name;

/* Start with {0}. Names are borrowed. */
struct names {
    struct name *table;
};

#define NAMES_NONE UINT32_MAX

/* The name must not be there yet. False: no memory. */
bool names_add(struct names *names, const char *name, uint32_t index);

/* NAMES_NONE: not there. */
uint32_t names_find(const struct names *names, const char *name);

size_t names_count(const struct names *names);

/* Has the suggestion consider every name. */
void names_suggest(const struct names *names, struct suggestion *suggestion);

void names_free(struct names *names);

#endif
