#ifndef CONFIG_ROUTE_TABLE_INSIDE_H
#define CONFIG_ROUTE_TABLE_INSIDE_H

/*
 * The inside of a route table; for route_build.c, which fills it, and route_table.c, which reads
 * it.
 *
 *     tags:      | 3a 91 .. .. .. .. .. .. | c2 07 5e .. .. .. .. .. | ...  one byte per entry
 *                     |
 *     entries:   [ route, "shop.example.com" ] ...              one cache line each
 *
 * A hash names a group of eight places, and one of them, where its entry lies if that was free. Its
 * tag, one byte, tells which places are worth a look. So a known name mostly waits for memory once:
 * its place is fetched while the tags are read, which are little more than a megabyte for a million
 * names and often still in a cache. A name that is not known mostly needs no entry at all. The text
 * of a pattern too long for a cache line lies elsewhere and costs one more wait. A group that is
 * full goes on in the next one; a quarter of all places stay empty, so that few groups are full.
 *
 * Wildcards are keyed by what stands behind `*.` or `**.`; `levels` says which depths need no look
 * at all.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct route;

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

#define ROUTE_GROUP      8  /* places in a group */
#define ROUTE_TEXT_ROOM  56 /* longest pattern in a cache line */
#define ROUTE_EVERY_BYTE 0x0101010101010101u

/* One pattern: one cache line. */
struct route_entry {
    uint32_t route;
    uint8_t shape;      /* enum entry_shape */
    uint8_t prefix_len; /* 0, or of "*.", "**." */
    uint8_t suffix_len; /* of the name behind the prefix, which is hashed and compared */
    uint8_t unused;
    union { /* the whole pattern, not terminated; route_entry_text() */
        char near[ROUTE_TEXT_ROOM];
        const char *far; /* in the table's `texts` */
    };
};

static_assert(sizeof(struct route_entry) == 64, "an entry is a cache line");

struct route_table {
    const struct route *routes; /* the caller's */
    uint64_t seed;
    uint64_t groups;
    struct route_entry *entries;       /* ROUTE_GROUP for each group, at multiples of 64 bytes */
    uint64_t *tags;                    /* of a group, the first place lowest; 0 = place is free */
    uint64_t levels[PATTERN_KINDS][2]; /* bit n: some suffix has n labels */
    bool wildcards;                    /* there are any */
    char *texts;                       /* of patterns that are too long; or NULL */
    uint32_t *lists;                   /* NULL when no pattern has several routes */
    size_t patterns;
    size_t bytes;
};

static inline size_t route_entry_text_len(const struct route_entry *entry)
{
    return (size_t)entry->prefix_len + entry->suffix_len;
}

static inline const char *route_entry_text(const struct route_entry *entry)
{
    return route_entry_text_len(entry) <= ROUTE_TEXT_ROOM ? entry->near : entry->far;
}

static inline size_t route_prefix_len(enum pattern_kind kind)
{
    return kind == PATTERN_EXACT ? 0 : (size_t)kind + 1;
}

/* The same suffix hashes differently behind each prefix. */
static inline uint64_t route_hash_of_kind(uint64_t hash, enum pattern_kind kind)
{
    return hash + (uint64_t)kind * 0x9e3779b97f4a7c15u;
}

/* Takes the upper half of the hash, the tag the lowest byte. */
static inline uint64_t route_hash_group(const struct route_table *table, uint64_t hash)
{
    return (hash >> 32) * table->groups >> 32;
}

static inline uint64_t route_hash_tag(uint64_t hash)
{
    return (hash & 0xff) + ((hash & 0xff) == 0);
}

/*
 * The highest bit of each byte that equals the tag, and of no other byte: the entry behind another
 * one may be free, and then it is whatever lay in that memory before.
 */
static inline uint64_t route_tags_equal(uint64_t tags, uint64_t tag)
{
    static const uint64_t low_bits = ROUTE_EVERY_BYTE * 0x7f;
    uint64_t differing = tags ^ tag * ROUTE_EVERY_BYTE;

    return ~(((differing & low_bits) + low_bits) | differing | low_bits);
}

static inline bool route_tags_full(uint64_t tags)
{
    return route_tags_equal(tags, 0) == 0;
}

/* Where in its group an entry lies if it can. */
static inline unsigned route_hash_place(uint64_t hash)
{
    return (unsigned)(hash >> 8) % ROUTE_GROUP;
}

static inline uint64_t route_group_next(const struct route_table *table, uint64_t group)
{
    return group + 1 < table->groups ? group + 1 : 0;
}

static inline bool route_entry_is(const struct route_entry *entry, enum pattern_kind kind,
                                  const char *suffix, size_t len)
{
    return entry->suffix_len == len && entry->prefix_len == route_prefix_len(kind) &&
           memcmp(route_entry_text(entry) + entry->prefix_len, suffix, len) == 0;
}

/* The entry of that suffix behind that prefix, or NULL. `hash` is of that kind. */
static inline struct route_entry *route_table_entry(const struct route_table *table,
                                                    enum pattern_kind kind, uint64_t hash,
                                                    const char *suffix, size_t len)
{
    uint64_t group = route_hash_group(table, hash);

    __builtin_prefetch(&table->entries[group * ROUTE_GROUP + route_hash_place(hash)]);
    for (;; group = route_group_next(table, group)) {
        uint64_t tags = table->tags[group];
        uint64_t equal = route_tags_equal(tags, route_hash_tag(hash));
        for (; equal != 0; equal &= equal - 1) {
            unsigned place = (unsigned)__builtin_ctzll(equal) / 8;
            struct route_entry *entry = &table->entries[group * ROUTE_GROUP + place];
            if (route_entry_is(entry, kind, suffix, len))
                return entry;
        }
        if (!route_tags_full(tags)) /* there is always one that is not */
            return NULL;
    }
}

#endif
