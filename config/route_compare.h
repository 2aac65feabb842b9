#ifndef CONFIG_ROUTE_COMPARE_H
#define CONFIG_ROUTE_COMPARE_H

/* What has changed from one route table to another, pattern by pattern. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_table;

struct route_table_change {
    size_t added, removed; /* patterns */
    size_t changed;        /* patterns of both tables whose routes differ */
};

/*
 * `same` says whether route `before` of the first table and route `after` of the second do the
 * same. The routes of a pattern are compared by precedence; routes with equally many conditions
 * that have changed places in the file count as changed. Takes time for each pattern of `before`,
 * and no memory.
 */
void route_table_compare(const struct route_table *before, const struct route_table *after,
                         bool (*same)(void *context, uint32_t before, uint32_t after),
                         void *context, struct route_table_change *change);

#endif
