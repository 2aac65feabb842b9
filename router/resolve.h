#ifndef ROUTER_RESOLVE_H
#define ROUTER_RESOLVE_H

/* Turns the names of servers into addresses, on the control loop; workers never wait for DNS. */

#include <stdint.h>
#include <uv.h>

#include "router/snapshot.h"

typedef void resolve_done_cb(void *context);

struct resolve {
    uv_loop_t *loop;
    struct snapshot *snapshot;
    resolve_done_cb *on_done;
    void *context;
    uint32_t next_backend, next_server; /* the next server to look at */
    uint32_t in_flight;
    uint32_t failed; /* names without an address */
};

/*
 * Fills in the targets of a snapshot that nobody uses yet; calls `on_done` once, possibly before
 * this returns. A name without an address keeps its target empty and is said in the error log.
 * Control.
 */
void resolve_start(struct resolve *resolve, uv_loop_t *loop, struct snapshot *snapshot,
                   resolve_done_cb *on_done, void *context);

#endif
