#ifndef CONFIG_ROUTE_BUILD_H
#define CONFIG_ROUTE_BUILD_H

/* From routes and their host patterns to a route table, or to the pairs that could tie. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route;
struct route_table;

/* Told to the builder's caller when two routes could tie. Lives as long as the call. */
struct route_conflict {
    const char *pattern;    /* NUL-terminated */
    uint32_t first, second; /* route indexes, first < second */
    bool duplicate;         /* the same pattern without any conditions on both */
};

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

#endif
