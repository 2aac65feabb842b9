#ifndef CONFIG_ROUTE_INSIDE_H
#define CONFIG_ROUTE_INSIDE_H

/*
 * The inside of a route table; for route_build.c, which fills it, and route_table.c, which reads
 * it.
 *
 *     index[kind].slots:  [ tag | at ] [ 0 ] [ tag | at ] ...      8 bytes each, open addressing
 *                                  |
 *     entries:            ... [ route, lengths, "shop.example.com" ] ...
 *
 * An exact name costs two cache misses: its slot (32 bits of the hash in the slot keep other
 * names' entries from being visited) and its entry, which holds the name and, in the common case,
 * the answer. Wildcards live in indexes of their own, keyed by what stands behind `*.` or `**.`:
 * being few they stay in the cache, and `levels` says which depths need no look at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/route_table.h"

enum pattern_kind {
    PATTERN_EXACT, /* shop.example.com */
    PATTERN_ONE,   /* *.example.com: exactly one label more */
    PATTERN_MANY,  /* **.example.com: one or more labels more */
    PATTERN_KINDS
};

enum entry_shape {
    ENTRY_PLAIN,  /* `route` is the one route and has no conditions */
    ENTRY_SINGLE, /* `route` is the one route and has conditions */
    ENTRY_LIST    /* `route` is where its list starts in `lists`: count, routes by precedence */
};

/* One pattern. Lies in `entries` at a multiple of four bytes. */
struct route_entry {
    uint32_t route;
    uint8_t shape;      /* enum entry_shape */
    uint8_t prefix_len; /* 0, or of "*.", "**." */
    uint8_t suffix_len; /* of the name behind the prefix: what is hashed and compared */
    char text[];        /* the whole pattern, not terminated */
};

struct route_index {
    uint64_t *slots;    /* high half: of the hash; low half: where in `entries`; 0 = empty */
    uint64_t mask;      /* slots - 1; at least a third of the slots is empty */
    uint64_t levels[2]; /* bit n: some suffix has n labels */
};

struct route_table {
    const struct route *routes; /* the caller's */
    uint64_t seed;
    struct route_index index[PATTERN_KINDS];
    bool wildcards;    /* there are any */
    uint64_t *slots;   /* of all three indexes */
    uint32_t *entries; /* struct route_entry, one behind the other; place 0 is left free */
    uint32_t *lists;   /* NULL when no pattern has several routes */
    size_t patterns;
    size_t bytes;
};

/* Size of an entry in units of four bytes. */
static inline size_t route_entry_units(size_t text_len)
{
    return (offsetof(struct route_entry, text) + text_len + 3) / 4;
}

static inline struct route_entry *route_entry_at(const struct route_table *table, uint32_t at)
{
    return (struct route_entry *)(void *)(table->entries + at);
}

static inline bool route_entry_is(const struct route_entry *entry, const char *suffix, size_t len)
{
    return entry->suffix_len == len && memcmp(entry->text + entry->prefix_len, suffix, len) == 0;
}

/* The slot of that suffix: its own, or the empty one where it would go. */
static inline uint64_t *route_index_slot(const struct route_table *table, enum pattern_kind kind,
                                         uint64_t hash, const char *suffix, size_t len)
{
    const struct route_index *index = &table->index[kind];
    for (uint64_t i = hash & index->mask;; i = (i + 1) & index->mask) {
        uint64_t slot = index->slots[i];
        if (slot == 0)
            return &index->slots[i];
        if (slot >> 32 == hash >> 32 &&
            route_entry_is(route_entry_at(table, (uint32_t)slot), suffix, len))
            return &index->slots[i];
    }
}

#endif
