#ifndef ROUTER_NOTIFY_H
#define ROUTER_NOTIFY_H

/*
 * Tells the service manager what the router does: sd_notify(3) and the watchdog, by the protocol,
 * which is one datagram to a unix socket. A part of control. Without NOTIFY_SOCKET nothing is said,
 * and whatever fails here harms nothing.
 *
 * The happy path
 *  - notify_ready(), notify_reloading(), notify_stopping() as it happens; every some seconds the
 *    counts, if they are others than before.
 *  - With WATCHDOG_USEC, at half of that time: WATCHDOG=1, if the loop of every worker has turned
 *    since the last one. This loop has, since it says so.
 *
 * The failures
 *  - The datagram cannot be sent: said once in the log.
 *  - A worker's loop stands still: silence, until the manager loses its patience.
 *
 * NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are taken out of the environment, so that no child
 * talks to the manager in our name. Control only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <uv.h>

#include "router/control/part.h"

/* Longest text of the state, as the manager shows it. */
#define NOTIFY_STATUS_SIZE 256

/* What the part asks of its owner. */
struct notify_owner {
    /* Whether every worker's loop has turned since this was asked the last time. */
    bool (*workers_turn)(void *context);
    /* What the router does, in a few words. */
    void (*status)(void *context, char text[NOTIFY_STATUS_SIZE]);
    void *context;
};

struct notify {
    struct part part;
    uv_loop_t *loop;
    struct notify_owner owner;
    struct sockaddr_un to;
    socklen_t to_len;     /* 0: there is nobody to be told */
    uint64_t watchdog_us; /* 0: nobody watches */
    char *socket;         /* NOTIFY_SOCKET, for a process that replaces this one */
    uv_timer_t timer;
    uint64_t watchdog_ms; /* loop time: the next WATCHDOG=1 is due */
    bool failure_said;
    char said[NOTIFY_STATUS_SIZE]; /* the last status */
    void (*on_stopped)(struct part *part);
};

/* Reads the environment. */
void notify_init(struct notify *notify, uv_loop_t *loop, struct notify_owner owner);

/* Frees what notify_init() has kept; not a part any more. */
void notify_free(struct notify *notify);

/* In use, or in use again after notify_reloading(). */
void notify_ready(struct notify *notify);

/* The same, of a process that was not started by the manager: it is the main one now. */
void notify_ready_as_main(struct notify *notify);

/* A configuration is being read. To be followed by notify_ready(). */
void notify_reloading(struct notify *notify);

/* The end begins. */
void notify_stopping(struct notify *notify);

/* Another process is the main one from now on; this one says nothing any more. */
void notify_main_is(struct notify *notify, pid_t pid);

/* Says what the router does, if that is something else than was said last. */
void notify_status(struct notify *notify);

#endif
