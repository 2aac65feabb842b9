#ifndef ROUTER_ENDPOINT_H
#define ROUTER_ENDPOINT_H

/*
 * One address that the process listens on, with a socket for each worker (a unix socket is one
 * socket that all workers share). Control only.
 *
 * Sockets that were passed to the process may be more or fewer than there are workers. They are
 * dealt out in rounds: in each, every worker has one, or all share the same. So no socket is
 * without a worker that accepts from it, and no worker without a socket.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "router/control/listen_key.h"
#include "router/net/sockaddr.h"

/* A worker's socket. */
struct endpoint_socket {
    int fd;              /* until it is handed over, then -1: the worker owns it */
    bool open;           /* here or there; false: to be opened (again) */
    uint32_t generation; /* how many there have been */
    ino_t inode;         /* of the socket, to know it in what the kernel tells */
};

/* When to open again what is broken, and what was said of it. Loop times; 0 = not at all. */
struct endpoint_retry {
    uint64_t at_ms;
    uint64_t opened_ms; /* the last time that it worked */
    uint64_t said_ms;
    uint32_t wait_ms; /* the last back-off */
    bool adds;        /* nothing is broken: workers get a socket that had none */
    int said_error;
};

struct endpoint {
    uint64_t id;
    struct listen_key key;
    uint32_t mode;       /* permissions of a unix socket's path, as last asked for */
    struct target where; /* as bound */
    bool v6only;
    bool hidden;                     /* a unix socket whose path leads elsewhere, or is gone */
    ino_t path_inode;                /* of a unix socket's path that is ours; 0 = none to remove */
    dev_t path_device;               /* its file system */
    char *bound;                     /* real address as text, with the port that was picked */
    struct endpoint_socket *sockets; /* slots: one per worker and round, see endpoint_slots() */
    uint32_t workers;
    uint32_t rounds;    /* 1, unless sockets were passed to the process */
    bool kept;          /* whoever has passed them keeps them too: they are not ours to shut */
    bool shared;        /* the process that is replaced has them still: its path is not ours yet */
    uint32_t index;     /* of its listener in the current configuration; CONFIG_NONE: not in it */
    uint32_t candidate; /* ... in the configuration being opened; CONFIG_NONE: not in it */
    uint64_t left_ms;   /* uv_hrtime() in ms: no listener has needed it since */
    struct endpoint_retry retry;
    struct endpoint *next;
};

/* Without sockets, for a listener of a configuration. NULL: no memory. */
struct endpoint *endpoint_new(const struct listener_config *listener, uint64_t id,
                              uint32_t workers);

/* How many sockets the workers have together; slot S is worker S % workers' in round S / workers.
 */
static inline uint32_t endpoint_slots(const struct endpoint *endpoint)
{
    return endpoint->workers * endpoint->rounds;
}

/*
 * Takes sockets that listen already in the place of opening some: of a new endpoint that was never
 * opened. They may be more or fewer than there are workers; where a socket for each worker can be
 * opened beside them, the rest stays missing. `kept` and `shared` as in the endpoint. 0, or an
 * errno: the sockets are still the caller's then.
 */
int endpoint_adopt(struct endpoint *endpoint, const struct listener_config *listener,
                   const int *fds, uint32_t count, bool kept, bool shared);

/* Another process accepts there from now on: nothing of its path is ours any more. */
void endpoint_give_up_path(struct endpoint *endpoint);

/* Closes the sockets that were not handed over, removes the path, frees. */
void endpoint_free(struct endpoint *endpoint);

/*
 * Opens the sockets that are missing; of a unix socket all, at a path made anew. `claim`: none of
 * our own sockets is in the way, so that nobody else's may be either. 0, or the errno of the call
 * that *step names: what was opened is closed again.
 */
int endpoint_listen(struct endpoint *endpoint, const struct listener_config *listener, bool claim,
                    const char **step);

/* Closes what endpoint_listen() has opened and nobody has taken. */
void endpoint_take_back(struct endpoint *endpoint);

/* Whether any worker has a socket, or is to get one that is open. */
bool endpoint_is_open(const struct endpoint *endpoint);

/* Whether clients cannot reach some worker or, by its path, any. */
bool endpoint_is_deaf(const struct endpoint *endpoint);

/* Whether one of its sockets has this inode. */
bool endpoint_has_inode(const struct endpoint *endpoint, uint64_t inode);

/* Removes a unix socket's path, unless another process has put its own there meanwhile. */
void endpoint_remove_path(struct endpoint *endpoint);

/* Whether a unix socket's path still leads to it; true for what has no path. */
bool endpoint_path_is_ours(const struct endpoint *endpoint);

/* Changes the permissions of a unix socket's path; a failure is said in the log. */
void endpoint_set_mode(struct endpoint *endpoint, uint32_t mode);

#endif
