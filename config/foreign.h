#ifndef CONFIG_FOREIGN_H
#define CONFIG_FOREIGN_H

/* Configurations of other programs, YAML, TOML, pages of HTML. Pure. */

#include <stdbool.h>
#include <stddef.h>

struct foreign_text {
    const char *sentence; /* what it is and what to do */
    size_t at;            /* the offset that shows it */
};

/* Whether the text shows at its beginning that it is no JSON. True of no text that is JSON. */
bool foreign_find(const char *text, size_t len, struct foreign_text *found);

/*
 * What to say of a JSON document that has this key in its outermost object, and none of ours; NULL:
 * it is no other program's.
 */
const char *foreign_section(const char *key);

#endif
