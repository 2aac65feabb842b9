#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

/* Memory that is given piece by piece and freed at once. One thread at a time. */

#include <stddef.h>

struct arena;

/* NULL: no memory. */
struct arena *arena_new(void);

/* Zeroed, aligned for any type; lives as long as the arena. NULL: no memory. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* A NUL-terminated copy of `len` bytes. NULL: no memory. */
char *arena_text(struct arena *arena, const char *text, size_t len);

/* NULL is allowed. */
void arena_free(struct arena *arena);

/* Bytes taken from the system. */
size_t arena_bytes(const struct arena *arena);

#endif
