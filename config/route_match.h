#ifndef CONFIG_ROUTE_MATCH_H
#define CONFIG_ROUTE_MATCH_H

/* The conditions of one route, apart from its name: `alpn`, `from`, `listener`. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "config/route_table.h"

#define ROUTE_CONDITIONS_MAX 3

/* How many kinds of conditions the route has: 0 to ROUTE_CONDITIONS_MAX. */
unsigned route_condition_count(const struct route *route);

/* ROUTE_WON when every condition holds, else the first one that fails. */
enum route_verdict route_judge(const struct route *route, const struct route_query *query);

/* Whether the first `bits` bits of both addresses are the same. */
bool route_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits);

#endif
