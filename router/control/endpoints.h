#ifndef ROUTER_ENDPOINTS_H
#define ROUTER_ENDPOINTS_H

/*
 * Endpoints: the addresses the process listens on, with an identity that survives reloads. A
 * listener that a reload does not change keeps its sockets and loses no connection. Control only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "router/state/snapshot.h"
#include "router/worker/listener.h"

struct endpoint {
    uint64_t id;
    struct listener_config *like; /* what it was opened for: a copy with texts of its own */
    struct target where;
    ino_t path_inode; /* of a unix socket's path as we made it; 0 = none to remove */
    dev_t path_device;
    char *bound;    /* real address, with the port that was picked */
    int *fds;       /* one per worker until they are handed over, then -1 */
    uint32_t index; /* of the listener it serves in the configuration being opened */
    bool claimed;   /* by a listener of that configuration */
    struct endpoint *next;
};

struct endpoints {
    struct endpoint *first;
    uint32_t workers;
    uint64_t next_id;
};

/* Why opening failed, for a message and an exit code. */
struct endpoints_error {
    const struct listener_config *listener;
    const char *step; /* the call that failed */
    int error;        /* its errno */
};

void endpoints_init(struct endpoints *endpoints, uint32_t workers);

/*
 * Opens sockets for the listeners of `config` that have no endpoint yet, and claims those that
 * have. All or nothing: false leaves everything as it was and says why.
 */
bool endpoints_open(struct endpoints *endpoints, const struct config *config,
                    struct endpoints_error *why);

/* Closes and forgets the endpoints that no listener of the configuration just opened claims. */
void endpoints_forget_unclaimed(struct endpoints *endpoints);

/*
 * One worker's list of handed listeners, allocated; NULL: no memory. The sockets in it stay the
 * endpoints' until endpoints_handed_over() says that the workers have them.
 */
struct handed_listener *endpoints_offer(const struct endpoints *endpoints,
                                        const struct config *config, uint32_t worker);
void endpoints_handed_over(struct endpoints *endpoints);

/* The endpoint of a listener of the configuration just opened. */
const struct endpoint *endpoints_of(const struct endpoints *endpoints, uint32_t listener);

/* Removes the paths of unix sockets: nobody will accept there any more. */
void endpoints_remove_paths(struct endpoints *endpoints);

void endpoints_close(struct endpoints *endpoints);

#endif
