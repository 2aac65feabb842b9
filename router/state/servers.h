#ifndef ROUTER_SERVERS_H
#define ROUTER_SERVERS_H

/*
 * Control's set of servers. A configuration in use claims each of its servers by the backend's
 * name, the address and the name that was given; so a reload finds it again, and with it the
 * balance's credit, the counters and the connections that are counted.
 *
 * A server is made by the first configuration that names it. It is freed by control, in a sweep,
 * when no configuration in use claims it and no connection is counted in it. Two servers of one
 * backend with the same address and name are one. A new one knows what was last known of its host's
 * name.
 */

#include <stdint.h>

#include "config/config.h"
#include "router/state/server.h"
#include "router/state/stats.h"

struct config_use;

struct servers {
    struct claims claims;
    struct claims hosts; /* the names that servers are given by */
    struct stats *stats; /* where the servers' figures are; outlives the set */
    /* Takes over what nobody uses any more; NULL: it is freed at once. */
    void (*on_unused)(void *context, struct config_use *use);
    void *unused_context;
};

/* All of this is control's. The set must not move in memory afterwards. */
void servers_init(struct servers *servers, struct stats *stats);

/* A server of this backend, found or made. NULL: no memory. */
struct server *servers_claim(struct servers *servers, const struct backend_config *backend,
                             uint32_t server);
void servers_unclaim(struct servers *servers, struct server *server);

/* Frees the servers that are neither claimed nor used. */
void servers_sweep(struct servers *servers);

/* How many there are. */
size_t servers_count(const struct servers *servers);

/* Sweeps, and asserts that nothing is left. */
void servers_close(struct servers *servers);

#endif
