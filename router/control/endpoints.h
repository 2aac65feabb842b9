#ifndef ROUTER_ENDPOINTS_H
#define ROUTER_ENDPOINTS_H

/*
 * Endpoints: the addresses the process listens on, with an identity that survives reloads. A
 * listener that a reload does not change keeps its sockets and loses no connection.
 *
 * A change goes in two steps, so that one that fails leaves everything as it was:
 *  - endpoints_open() opens sockets beside the old ones; endpoints_offer() lists them for each
 *    worker.
 *  - endpoints_commit(), once the workers have them, makes the new configuration the current one;
 *    or endpoints_cancel() closes what was opened.
 *
 * Control only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "router/control/listen_key.h"
#include "router/net/sockaddr.h"
#include "router/worker/listener.h"

/* What can change while a socket stays open: as it was last asked for. */
struct listen_applied {
    uint32_t mode;    /* permissions of a unix socket's path */
    uint32_t backlog; /* of a unix socket; for others it is in the key */
};

struct endpoint {
    uint64_t id;
    struct listen_key key;
    struct listen_applied applied;
    struct target where; /* as bound */
    ino_t path_inode;    /* of a unix socket's path as we made it; 0 = none to remove */
    dev_t path_device;
    char *bound;        /* real address as text, with the port that was picked */
    int *fds;           /* one per worker until they are handed over, then -1 */
    uint32_t index;     /* of its listener in the current configuration; CONFIG_NONE: not in it */
    uint32_t candidate; /* ... in the configuration being opened; CONFIG_NONE: not in it */
    struct endpoint *next;
};

struct endpoints {
    struct endpoint *first; /* the newest first */
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
 * Opens sockets for the listeners of `config` that have no endpoint yet, beside those that are
 * there. All or nothing: false leaves everything as it was and says why.
 */
bool endpoints_open(struct endpoints *endpoints, const struct config *config,
                    struct endpoints_error *why);

/*
 * One worker's list of the listeners of the configuration just opened, allocated; NULL: no memory.
 * The sockets in it stay the endpoints' until endpoints_commit().
 */
struct handed_listener *endpoints_offer(const struct endpoints *endpoints,
                                        const struct config *config, uint32_t worker);

/*
 * The workers have the sockets: the configuration just opened is the current one. Applies what can
 * change while a socket stays, and closes the endpoints that no listener needs any more.
 */
void endpoints_commit(struct endpoints *endpoints, const struct config *config);

/* Closes what was opened for a configuration that is not to be the current one after all. */
void endpoints_cancel(struct endpoints *endpoints);

/* The endpoint of a listener of the current configuration. */
const struct endpoint *endpoints_of(const struct endpoints *endpoints, uint32_t listener);

/* Removes the paths of unix sockets: nobody will accept there any more. */
void endpoints_remove_paths(struct endpoints *endpoints);

/* Closes and frees everything. */
void endpoints_close(struct endpoints *endpoints);

#endif
