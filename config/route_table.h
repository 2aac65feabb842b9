#ifndef CONFIG_ROUTE_TABLE_H
#define CONFIG_ROUTE_TABLE_H

/*
 * From a name to a route. Built once by one thread, then read by many without locks.
 *
 * Precedence: the exact name; then wildcards from the longest suffix to the shortest, at equal
 * suffix `*.` (exactly one label more) before `**.` (one or more). On one level the candidate with
 * more conditions comes first. A candidate whose conditions fail does not end the search: the next
 * candidate is tried, then the next level. The order of the file never matters; routes that could
 * tie are refused when the table is built (route_build.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/route_match.h"

struct route_table;

#define ROUTE_NONE UINT32_MAX

/*
 * Which pattern of a route has matched a name: one that begins with so many bytes of "**." (0 =
 * exact, 2 = "*.", 3 = "**."), and ends as the name does. Both 0: none has.
 */
struct route_pattern {
    uint8_t prefix_len;
    uint8_t suffix_len;
};

/* Longest text of a pattern. */
#define ROUTE_PATTERN_TEXT_MAX (3 + UINT8_MAX + 1)

/* The text of a pattern that has matched `host`; returns it. */
const char *route_pattern_print(struct route_pattern pattern, const char *host, size_t host_len,
                                char text[ROUTE_PATTERN_TEXT_MAX]);

struct route_hit {
    uint32_t route; /* ROUTE_NONE: none */
    struct route_pattern pattern;
};

/*
 * The winning route's index, or ROUTE_NONE, and the pattern it has won by. No allocation, any
 * thread. Reads `host_len` bytes of the name and not one more.
 */
struct route_hit route_table_hit(const struct route_table *table, const struct route_query *query);

/* Its route alone. */
uint32_t route_table_find(const struct route_table *table, const struct route_query *query);

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
