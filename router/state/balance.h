#ifndef ROUTER_BALANCE_H
#define ROUTER_BALANCE_H

/*
 * Which server of a backend gets the next connection.
 *
 * Smooth weighted round robin: at each pick every server that may be chosen gains its weight, the
 * richest wins and pays the sum of those weights. Over one cycle each server is picked exactly
 * weight times, spread evenly. After a failure the same is done among the servers not tried yet, so
 * that the share of a server that is gone spreads over the others, as their weights are.
 *
 * The credit stands in the servers, one per worker and touched by that worker only: turns go
 * on over a reload.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "router/state/server.h"

/* Backends of so many servers cost no memory to remember what was tried. */
#define TRIED_FEW 64u

/* The servers of a backend that one connection has tried. Starts as {0}. */
struct tried {
    uint32_t count;
    bool is_many; /* the backend has more than TRIED_FEW servers */
    union {
        uint64_t few;   /* bits */
        uint64_t *many; /* the same, allocated */
    };
};

/* False: no memory, nothing has changed. The server must not have been tried yet. */
bool tried_add(struct tried *tried, const struct backend_config *backend, uint32_t server);
bool tried_has(const struct tried *tried, uint32_t server);
void tried_clear(struct tried *tried); /* forgets all and frees; can be used again */

/*
 * Index of the server to use next, or CONFIG_NONE: every server that takes connections has been
 * tried. `servers` are those of the backend; `hopeless` says which of them need not be tried (NULL:
 * none). A server of weight 0 is never chosen. That worker's thread.
 */
uint32_t balance_pick(struct server *const *servers, const struct backend_config *backend,
                      const bool *hopeless, uint32_t worker, const struct tried *tried);

/* How many servers could still be picked. Any thread. */
uint32_t balance_left(struct server *const *servers, const struct backend_config *backend,
                      const bool *hopeless, const struct tried *tried);

/*
 * Has workers start at different servers, as far as there are different ones. For servers that no
 * worker knows yet. Control.
 */
void balance_spread(struct server *const *servers, const struct backend_config *backend,
                    uint32_t workers);

#endif
