#ifndef ROUTER_RELISTEN_H
#define ROUTER_RELISTEN_H

/*
 * Opens listening sockets again that have broken, and makes the paths of unix sockets again that
 * were removed: a part of control.
 *
 * The happy path
 *  - A worker says that it cannot accept from a socket any more: said in the log, and a moment
 * later the worker is given another one.
 *  - Every two seconds, and after each reload, the paths of unix sockets are looked at. One that is
 *    gone is made again, with a new socket; whoever has connected to the old one is served.
 *
 * The failures
 *  - It cannot be opened, or breaks again soon: the next try waits twice as long, 30 seconds at
 *    most. What is said of it is said once a minute.
 *  - Another process has put its own socket at the path: that is left alone, and looked at again as
 *    above.
 *
 * Control only.
 */

#include <stdint.h>
#include <uv.h>

#include "router/control/part.h"
#include "router/control/publisher.h"

struct relisten {
    struct part part;
    uv_loop_t *loop;
    struct publisher *publisher; /* borrowed */
    uv_timer_t timer;
    uint64_t look_ms; /* loop time of the next look at paths */
    void (*on_stopped)(struct part *part);
};

/* How long to wait for the next try, when the last one waited so long (0: there was none). */
uint32_t relisten_backoff(uint32_t last_ms);

void relisten_init(struct relisten *relisten, uv_loop_t *loop, struct publisher *publisher);

/* A worker has reported a broken socket. */
void relisten_note(struct relisten *relisten, const struct broken_listener *broken);

/* Opens a socket for each worker that has none: what was passed was fewer than there are workers.
 */
void relisten_complete(struct relisten *relisten);

/* Another configuration is in use: what is missing is tried at once. */
void relisten_published(struct relisten *relisten);

#endif
