#ifndef CONFIG_ROUTE_MATCH_H
#define CONFIG_ROUTE_MATCH_H

/* The conditions of one route, apart from its name: `alpn`, `from`, `listener`. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/route.h"

struct client_hello;

#define ROUTE_CONDITIONS_MAX 3

/* What is known of a connection when it asks for a route. */
struct route_query {
    const char *host; /* normalised (hostname_normalise) */
    size_t host_len;
    const struct client_hello *hello; /* for ALPN; NULL = offers none */
    const uint8_t *client_ip;         /* network order; NULL = unknown (no `from` matches) */
    bool client_v6;                   /* client_ip has 16 bytes, else 4; v4-mapped must be given
                                         as IPv4 */
    uint32_t listener;                /* index in the configuration; UINT32_MAX = unknown */
};

/* Why a candidate was passed over, or that it won. */
enum route_verdict {
    ROUTE_WON,
    ROUTE_BEATEN, /* would have matched, but a better one won */
    ROUTE_FAILED_ALPN,
    ROUTE_FAILED_FROM,
    ROUTE_FAILED_LISTENER
};

/* How many kinds of conditions the route has: 0 to ROUTE_CONDITIONS_MAX. */
unsigned route_condition_count(const struct route *route);

/* ROUTE_WON when every condition holds, else the first one that fails. */
enum route_verdict route_judge(const struct route *route, const struct route_query *query);

/* Whether the first `bits` bits of both addresses are the same. */
bool route_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits);

#endif
