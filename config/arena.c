/*
 * A list of blocks, the newest first. Texts are packed without alignment, since most of what a
 * configuration holds is short names. A block's memory comes zeroed from calloc() and is handed out
 * once only, so nothing has to be cleared here.
 */
#include "config/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIRST   ((size_t)4096)
#define BLOCK_LARGEST ((size_t)1 << 20)

struct block {
    struct block *next;
    size_t size; /* of `bytes` */
    size_t used;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks;
    size_t next_size;
    size_t total;
};

struct arena *arena_new(void)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (arena != NULL)
        arena->next_size = BLOCK_FIRST;
    return arena;
}

/*
 * A request too big for a normal block gets a block of its own. That block is put behind the
 * current one, whose remaining room is still used.
 */
static struct block *block_add(struct arena *arena, size_t need)
{
    bool own = need > arena->next_size;
    size_t size = own ? need : arena->next_size;

    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = calloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    arena->total += sizeof *block + size;
    if (own && arena->blocks != NULL) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    if (!own && arena->next_size < BLOCK_LARGEST)
        arena->next_size *= 2;
    return block;
}

static void *arena_take(struct arena *arena, size_t bytes, size_t align)
{
    struct block *block = arena->blocks;
    size_t from = block != NULL ? (block->used + align - 1) / align * align : 0;

    if (block == NULL || from > block->size || bytes > block->size - from) {
        block = block_add(arena, bytes);
        from = 0;
    }
    if (block == NULL)
        return NULL;
    block->used = from + bytes;
    assert(block->used <= block->size);
    return block->bytes + from;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    return arena_take(arena, bytes ? bytes : 1, alignof(max_align_t));
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? arena_take(arena, len + 1, 1) : NULL;

    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct block *block = arena->blocks, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

size_t arena_bytes(const struct arena *arena)
{
    return sizeof *arena + arena->total;
}
