#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

/* Memory that is given piece by piece and freed at once. One thread at a time. */

#include <stddef.h>

struct arena;

struct arena *arena_new(void);                                 /* NULL: no memory */
void *arena_alloc(struct arena *arena, size_t bytes);          /* zeroed, aligned; NULL: no memory */
char *arena_text(struct arena *arena, const char *text, size_t len); /* a NUL-terminated copy */
void arena_free(struct arena *arena);                          /* NULL is allowed */
size_t arena_bytes(const struct arena *arena);                 /* taken from the system */

#endif
