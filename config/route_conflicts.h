#ifndef CONFIG_ROUTE_CONFLICTS_H
#define CONFIG_ROUTE_CONFLICTS_H

/* Which routes of one pattern could tie. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route;

/*
 * `group`: different routes under one pattern, with equally many conditions. Calls `on_pair` for
 * pairs of them (first < second) that one connection could match both: every route that could tie
 * with any is in at least one of the pairs, no pair comes twice, and a crowd of equal routes is
 * told as each against the first. Returns the number of pairs, or -1: no memory.
 */
long route_conflicts_find(const struct route *routes, const uint32_t *group, size_t count,
                          void (*on_pair)(void *context, uint32_t first, uint32_t second),
                          void *context);

#endif
