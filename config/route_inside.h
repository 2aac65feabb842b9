#ifndef CONFIG_ROUTE_INSIDE_H
#define CONFIG_ROUTE_INSIDE_H

/*
 * The inside of a route table; for route_build.c, which fills it, and route_table.c, which reads
 * it.
 *
 *     index[kind].buckets:   ... | 7 | 7 | 16 | ...              about as many as names
 *                                  |        |
 *     entries:               ... [ route, "shop.example.com" ][ route, "blog.test" ] ...
 *
 * A hash names a bucket; from where it begins to where the next one begins lie its entries, mostly
 * none to three, each with its name and, in the common case, its answer. So an exact name costs two
 * cache misses: the bucket's place, and its entries, which are neighbours. Open addressing was as
 * fast, but its slots must hold a piece of the hash and must partly stay empty: with it a million
 * names took 15 bytes more each.
 *
 * Wildcards live in indexes of their own, keyed by what stands behind `*.` or `**.`; `levels` says
 * which depths need no look at all.
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
    uint8_t tag;        /* of the hash: spares comparing most other names */
    uint8_t prefix_len; /* 0, or of "*.", "**." */
    uint8_t
        suffix_len; /* of the name behind the prefix, which is hashed and compared; 0 = unused */
    char text[];    /* the whole pattern, not terminated */
};

struct route_index {
    uint32_t *buckets;  /* where each begins in `entries`, and where the last one ends */
    uint64_t mask;      /* buckets - 1 */
    uint64_t levels[2]; /* bit n: some suffix has n labels */
};

struct route_table {
    const struct route *routes; /* the caller's */
    uint64_t seed;
    struct route_index index[PATTERN_KINDS];
    bool wildcards;    /* there are any */
    uint32_t *buckets; /* of all three indexes */
    uint32_t *entries; /* struct route_entry, one behind the other, bucket by bucket */
    uint32_t *lists;   /* NULL when no pattern has several routes */
    size_t patterns;
    size_t bytes;
};

/* Size of an entry in units of four bytes. */
static inline size_t route_entry_units(size_t text_len)
{
    return (sizeof(struct route_entry) + text_len + 3) / 4;
}

static inline struct route_entry *route_entry_at(const struct route_table *table, uint32_t at)
{
    return (struct route_entry *)(void *)(table->entries + at);
}

static inline size_t route_entry_text_len(const struct route_entry *entry)
{
    return (size_t)entry->prefix_len + entry->suffix_len;
}

static inline uint8_t route_hash_tag(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

/* Has the bucket's cache lines fetched all at once, as far as most buckets reach. */
static inline void route_bucket_prefetch(const struct route_table *table, uint32_t begin,
                                         uint32_t end)
{
    for (uint32_t at = begin; at < end && at < begin + 64; at += 16)
        __builtin_prefetch(table->entries + at);
}

/*
 * The entry of that suffix; failing that, the unused one that ends its bucket (suffix_len 0), or
 * NULL when the bucket is full.
 */
static inline struct route_entry *route_index_find(const struct route_table *table,
                                                   enum pattern_kind kind, uint64_t hash,
                                                   const char *suffix, size_t len)
{
    const uint32_t *bucket = &table->index[kind].buckets[hash & table->index[kind].mask];
    uint32_t end = bucket[1];
    route_bucket_prefetch(table, bucket[0], end);
    for (uint32_t at = bucket[0]; at < end;) {
        struct route_entry *entry = route_entry_at(table, at);
        if (entry->suffix_len == 0)
            return entry;
        if (entry->tag == route_hash_tag(hash) && entry->suffix_len == len &&
            memcmp(entry->text + entry->prefix_len, suffix, len) == 0)
            return entry;
        at += (uint32_t)route_entry_units(route_entry_text_len(entry));
    }
    return NULL;
}

#endif
