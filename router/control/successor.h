#ifndef ROUTER_SUCCESSOR_H
#define ROUTER_SUCCESSOR_H

/*
 * The other side of an upgrade (upgrade.h): this process is to replace the one that has started it.
 * A part of control; without a predecessor it does nothing.
 *
 * The happy path
 *  - successor_is_ready() says so to the predecessor, which lets go of everything and answers; then
 *    `on_alone`: what was passed is this process's own.
 *
 * The failures
 *  - The predecessor has gone: as if it had answered.
 *  - It does not want this process any more: it kills it.
 *
 * Control only.
 */

#include <stdbool.h>
#include <uv.h>

#include "router/control/part.h"

struct successor {
    struct part part;
    uv_loop_t *loop;
    /* `replaced`: there was a predecessor. `gone`: it went without an answer. */
    void (*on_alone)(void *context, bool replaced, bool gone);
    void *context;

    int fd; /* to the predecessor; -1: there is none, or none any more */
    uv_poll_t poll;
    bool is_polled; /* the handle is open, or closing */
    void (*on_stopped)(struct part *part);
};

/* `predecessor`: a socket, taken over; -1: there is none. */
void successor_init(struct successor *successor, uv_loop_t *loop, int predecessor,
                    void (*on_alone)(void *context, bool replaced, bool gone), void *context);

/* The workers accept. `on_alone` comes once, now or later. */
void successor_is_ready(struct successor *successor);

/* Whether the predecessor is still there. */
bool successor_is_waiting(const struct successor *successor);

#endif
