#ifndef ROUTER_RESOLVE_H
#define ROUTER_RESOLVE_H

/*
 * Turns the names of servers into addresses, on the control loop; workers never wait for DNS. A
 * part of control.
 *
 * What is asked for cannot be taken back: a lookup under way ends when it is answered or given up,
 * which takes a dead name server many seconds. So control may publish the configuration before
 * that, and end without waiting.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "router/control/part.h"
#include "router/state/addresses.h"
#include "router/state/config_use.h"

/* libuv gives names half of its four threads. */
#define RESOLVE_IN_FLIGHT 2

/* The addresses of a server (see config_use_index()); the callee has the hold on the list. */
typedef void resolve_found_cb(void *context, uint32_t server, struct addresses *addresses);
typedef void resolve_done_cb(void *context);

struct resolve {
    struct part part;
    uv_loop_t *loop;
    struct config_use *use;     /* held; NULL: nothing is under way */
    resolve_found_cb *on_found; /* NULL: what is under way is for nobody any more */
    resolve_done_cb *on_done;
    void *context;
    uint32_t next_backend, next_server; /* the next server to look at */
    uint32_t in_flight;
    const struct address *asked[RESOLVE_IN_FLIGHT]; /* NULL: that one is free */
};

/* The part stops at once, although look-ups may go on: see resolve_abandon(). */
void resolve_init(struct resolve *resolve, uv_loop_t *loop);

/*
 * Looks up the servers of a configuration: `on_found` for each name that has an address, in the
 * end `on_done` once, both possibly before this returns. A name without an address is said in the
 * error log. Control.
 */
void resolve_start(struct resolve *resolve, struct config_use *use, resolve_found_cb *on_found,
                   resolve_done_cb *on_done, void *context);

static inline bool resolve_is_busy(const struct resolve *resolve)
{
    return resolve->use != NULL;
}

/* Says in the error log that a server has no address; `error` is libuv's. */
void resolve_say_failed(const struct address *address, int error);

/* Asks for no further names; `on_done` is called when those asked for are answered. */
void resolve_skip_rest(struct resolve *resolve);

/* Asks for no further names, and nobody is called any more. Does nothing when nothing is under way.
 */
void resolve_forget(struct resolve *resolve);

/* Lets go of the configuration. No callback runs any more, since the loop does not. */
void resolve_abandon(struct resolve *resolve);

/* The servers whose names are being asked for, for a message: "a.test:443, b.test:443". */
void resolve_print_asked(const struct resolve *resolve, char *text, size_t size);

#endif
