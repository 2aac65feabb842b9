#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

/* A route without its hosts, which are in the route table. */

#include <stdbool.h>
#include <stdint.h>

#include "config/network.h"

struct timeouts;

/* Further conditions of a route; an empty list = no such condition. */
struct route_conditions {
    const char *const *alpn; /* any of these offered */
    uint32_t alpn_count;
    const struct network *from; /* client address in any of these */
    uint32_t from_count;
    const uint32_t *listeners; /* accepted by any of these (indexes of the configuration) */
    uint32_t listener_count;
};

/* Kept small: a million of them is a normal size. */
struct route {
    const char *name; /* as given, or its first host pattern: what it is counted by */
    const struct route_conditions *when; /* NULL = none */
    const struct timeouts *timeouts;     /* complete set for this route; NULL = the global ones */
    uint32_t backend;
    uint32_t line, column; /* of its first host, in the file */
    bool named;            /* `name` was given: the log says it, and not the pattern */
};

#endif
