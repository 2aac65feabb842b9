#ifndef CONFIG_ROUTE_TABLE_H
#define CONFIG_ROUTE_TABLE_H

/*
 * From a name to a route. Built once by one thread, then read by many without locks.
 *
 * Precedence: the exact name; then wildcards from the longest suffix to the shortest, at equal
 * suffix `*.` (exactly one label more) before `**.` (one or more). On one level the candidate with
 * more conditions comes first. A candidate whose conditions fail does not end the search: the next
 * candidate is tried, then the next level. The order of the file never matters; routes that could
 * tie are refused when the table is built.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route;
struct route_table;
struct client_hello;
struct network;

#define ROUTE_NONE UINT32_MAX

/* What is asked. */
struct route_query {
    const char *host; /* normalised (hostname_normalise) */
    size_t host_len;
    const struct client_hello *hello; /* for ALPN; NULL = offers none */
    const uint8_t *client_ip;         /* network order; NULL = unknown (no `from` matches) */
    bool client_v6;                   /* client_ip has 16 bytes, else 4; v4-mapped must be given
                                         as IPv4 */
    uint32_t listener;                /* index in the configuration; UINT32_MAX = unknown */
};

/* Told to the builder's caller when two routes could tie. Lives as long as the call. */
struct route_conflict {
    const char *pattern;    /* NUL-terminated */
    uint32_t first, second; /* route indexes, first < second */
    bool duplicate;         /* the same pattern without any conditions on both */
};

/* --- building --- */

struct route_builder;

/* `routes` must stay where it is, and unchanged, as long as the table lives. NULL: no memory. */
struct route_builder *route_builder_new(const struct route *routes, size_t expected_patterns);

/*
 * Adds a pattern: "shop.example.com", "*.example.com", "**.example.com" (already normalised and
 * legal; it is copied). Adding it to the same route again changes nothing. False: no memory; the
 * builder is as before.
 */
bool route_builder_add(struct route_builder *builder, const char *pattern, size_t len,
                       uint32_t route);

/*
 * Finishes. Calls `on_conflict` for pairs that could tie: every route that could tie with any other
 * is in at least one of them, no pair comes twice for one pattern, and of many equal routes each is
 * told against the first, so that a large mistake does not make for endless calls. Returns the
 * table, or NULL when there was a conflict or no memory (`*no_memory` says which). Frees the
 * builder in any case.
 */
struct route_table *route_builder_finish(struct route_builder *builder,
                                         void (*on_conflict)(void *context,
                                                             const struct route_conflict *conflict),
                                         void *context, bool *no_memory);

void route_builder_abandon(struct route_builder *builder); /* frees an unfinished one */

/* --- looking up --- */

/*
 * The winning route's index, or ROUTE_NONE. No allocation, any thread. Reads `host_len` bytes of
 * the name and not one more.
 */
uint32_t route_table_find(const struct route_table *table, const struct route_query *query);

/* Why a candidate was passed over, or that it won. */
enum route_verdict {
    ROUTE_WON,
    ROUTE_BEATEN, /* would have matched, but a better one won */
    ROUTE_FAILED_ALPN,
    ROUTE_FAILED_FROM,
    ROUTE_FAILED_LISTENER
};

struct route_candidate {
    const char *pattern; /* that matched the name; lives as long as the table, no NUL */
    size_t pattern_len;
    uint32_t route;
    enum route_verdict verdict;
};

/*
 * For people: calls `on_candidate` for every pattern the name matches, in the order of precedence.
 * Same rules as route_table_find(), to which it is tested to agree.
 */
void route_table_explain(const struct route_table *table, const struct route_query *query,
                         void (*on_candidate)(void *context,
                                              const struct route_candidate *candidate),
                         void *context);

size_t route_table_bytes(const struct route_table *table);    /* memory it takes */
size_t route_table_patterns(const struct route_table *table); /* patterns it holds */
void route_table_free(struct route_table *table);             /* NULL is allowed */

#endif
