#ifndef ROUTER_RESOLVE_H
#define ROUTER_RESOLVE_H

/*
 * Turns the names of servers into addresses, on the control loop; workers never wait for DNS.
 *
 * What is asked for cannot be taken back: a lookup under way ends when it is answered or given up,
 * which takes a dead name server many seconds. So control may publish the snapshot before that, and
 * end without waiting.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "router/state/snapshot.h"

/* libuv gives names half of its four threads. */
#define RESOLVE_IN_FLIGHT 2

typedef void resolve_done_cb(void *context);

struct resolve {
    uv_loop_t *loop;
    struct snapshot *snapshot; /* NULL: nothing is under way */
    resolve_done_cb *on_done;
    void *context;
    uint32_t next_backend, next_server; /* the next server to look at */
    uint32_t in_flight;
    const struct address *asked[RESOLVE_IN_FLIGHT]; /* NULL: that one is free */
    bool late; /* the snapshot is in use: what is found now is added to it */
};

/*
 * Fills in the targets of a snapshot that nobody uses yet; calls `on_done` once, possibly before
 * this returns. A name without an address keeps its target empty and is said in the error log.
 * Control.
 */
void resolve_start(struct resolve *resolve, uv_loop_t *loop, struct snapshot *snapshot,
                   resolve_done_cb *on_done, void *context);

/*
 * The snapshot is about to be used although names are still being looked up; keeps a reference to
 * it until `on_done`. What is found from now on reaches the workers as it comes.
 */
void resolve_overtake(struct resolve *resolve);

/* Asks for no further names; `on_done` is called when those asked for are answered. */
void resolve_skip_rest(struct resolve *resolve);

/* Lets go of the snapshot. No callback runs any more, since the loop does not. */
void resolve_abandon(struct resolve *resolve);

/* The servers whose names are being asked for, for a message: "a.test:443, b.test:443". */
void resolve_print_asked(const struct resolve *resolve, char *text, size_t size);

#endif
