#ifndef ROUTER_POINTS_H
#define ROUTER_POINTS_H

/*
 * Listening points: the addresses the process listens on, with an identity that survives reloads. A
 * listener that a reload does not change keeps its sockets and loses no connection. Control only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "router/net/sockaddr.h"
#include "router/worker/listener.h"

struct point {
    uint64_t id;
    struct listener_config *like; /* what it was opened for: a copy with texts of its own */
    struct target where;
    ino_t path_inode; /* of a unix socket's path as we made it; 0 = none to remove */
    dev_t path_device;
    char *bound;    /* real address, with the port that was picked */
    int *fds;       /* one per worker until they are handed over, then -1 */
    uint32_t index; /* of the listener it serves in the configuration being opened */
    bool claimed;   /* by a listener of that configuration */
    struct point *next;
};

struct points {
    struct point *first;
    uint32_t workers;
    uint64_t next_id;
};

/* Why opening failed, for a message and an exit code. */
struct points_error {
    const struct listener_config *listener;
    const char *step; /* the call that failed */
    int error;        /* its errno */
};

void points_init(struct points *points, uint32_t workers);

/*
 * Opens sockets for the listeners of `config` that have no point yet, and claims those that have.
 * All or nothing: false leaves everything as it was and says why.
 */
bool points_open(struct points *points, const struct config *config, struct points_error *why);

/* Closes and forgets the points that no listener of the configuration just opened claims. */
void points_forget_unclaimed(struct points *points);

/*
 * The seats for one worker, allocated; NULL: no memory. The sockets in it remain the points' until
 * points_handed_over() says that the workers have them.
 */
struct listener_seat *points_seats(const struct points *points, const struct config *config,
                                   uint32_t worker);
void points_handed_over(struct points *points);

/* The point of a listener of the configuration just opened. */
const struct point *points_of(const struct points *points, uint32_t listener);

/* Removes the paths of unix sockets: nobody will accept there any more. */
void points_remove_paths(struct points *points);

void points_close(struct points *points);

#endif
