#ifndef ROUTER_LISTENER_H
#define ROUTER_LISTENER_H

/* A worker's share of the listening sockets: accepting, pausing, leaving in order. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <uv.h>

#include "config/config.h"
#include "router/net/sockaddr.h"

struct conns;
struct order;
struct view;
struct listener;

/*
 * What control tells a worker about one listener of a configuration: the endpoint it stands for (an
 * identity that survives reloads) and, when there is a socket to take over, that socket. Mostly a
 * worker has one socket for an endpoint; it has several where there are more sockets than workers,
 * and each comes by itself.
 */
struct handed_listener {
    uint64_t endpoint_id; /* never used again */
    uint32_t round;       /* which of the worker's sockets for this endpoint */
    uint32_t generation;  /* of the socket, among those of the endpoint */
    uint32_t index;       /* of the listener in the configuration */
    uint32_t backlog;
    bool kept; /* another process keeps the socket: it is let go of, but never shut */
    int fd;    /* handed over; -1: the worker has one for this endpoint already */
    /* For the socket, owned; NULL without one. A worker need not ask for memory. */
    struct listener *made; /* zeroed */
    struct order *report;  /* zeroed: to be sent when the socket breaks */
};

/* What is said then. */
struct broken_listener {
    uint64_t endpoint_id;
    uint32_t round;      /* which of the worker's sockets for this endpoint */
    uint32_t generation; /* of the socket, among those of the endpoint */
    uint32_t worker;
    const char *step; /* the call that failed */
    int error;        /* its errno */
};

/* Whether clients are about to connect. */
enum about_to_connect { NOBODY_CONNECTS, SOMEBODY_CONNECTS, NOT_KNOWN_WHO_CONNECTS };

/* Where a listener is on its way out. */
enum listener_stage {
    LISTENER_OPEN,
    LISTENER_LAST_CALL, /* nobody is held back any more, and newcomers are still welcome */
    LISTENER_SHUT       /* no newcomers: what has connected is taken, then the socket closes */
};

#define LISTENER_MAGIC 0x6c73746eu

struct listener {
    uv_poll_t poll;
    uint32_t magic; /* LISTENER_MAGIC, once it is open */
    int fd;
    uint64_t endpoint_id;
    uint32_t round;
    uint32_t generation;
    uint32_t
        index; /* of the listener in the configuration of `view`, or the worker's current one */
    uint32_t backlog;
    bool kept;              /* another process keeps the socket */
    bool lent;              /* another process has got a duplicate of the socket: see lend.h */
    uint32_t failed_in_row; /* accepts, see accept_error_of() */
    int error;              /* errno of the last accept that failed */
    struct listeners *set;
    /* Takes over what was accepted; the socket does not block. */
    void (*on_accept)(struct listener *listener, int fd, const struct sockaddr *from);
    struct order *report; /* to be sent when the socket breaks; NULL: it was */
    LIST_ENTRY(listener) link;

    /* leaving */
    enum listener_stage stage;
    uint64_t since_ms;         /* loop time: the stage began */
    struct view *view;         /* what it was opened for, pinned; NULL: the worker's current one */
    struct target where;       /* its own address */
    enum about_to_connect who; /* at the last look */
};

LIST_HEAD(listener_list, listener);

/* The listeners of one worker. Its thread only. */
struct listeners {
    struct conns *conns; /* where accepted connections go; also the loop, the counters, the log */
    /* set by the worker */
    void (*on_gone)(struct listeners *listeners); /* one has left the list */
    /* One leaves the list because its socket is broken; takes `report` over, to be sent. */
    void (*on_broken)(struct listeners *listeners, struct order *report,
                      const struct broken_listener *broken);

    struct listener_list list;
    uv_timer_t resume; /* while accepting pauses */
    uv_timer_t look;   /* while some are leaving */
    uint32_t look_ms;  /* until the next look */
    bool paused;
    bool ending;               /* there is no last call */
    struct socket_sizes sizes; /* of the buffers that the sockets have */
    uint64_t pause_said_ms;    /* loop time; 0 = not yet */
};

/* The callbacks of the set are the caller's to fill in afterwards. */
void listeners_init(struct listeners *listeners, struct conns *conns);

/* Closes what listeners_init() opened: the listeners are closed, and none is opened any more. */
void listeners_stop(struct listeners *listeners);

/* Frees the memory that was handed over and not taken; the socket is the caller's. Any thread. */
void handed_release(struct handed_listener *handed);

/*
 * Starts to listen on the socket that was handed over, which is taken with its memory; connections
 * start as TLS clients. A socket that cannot be watched is closed and reported as broken.
 */
void listener_open(struct listeners *listeners, struct handed_listener *handed);

/* Another configuration has the endpoint as well: its index and backlog there. */
void listener_follow(struct listener *listener, const struct handed_listener *handed);

/* Gives the sockets of all listeners, and so what is accepted from them, buffers of these sizes. */
void listeners_size_buffers(struct listeners *listeners, const struct socket_sizes *sizes);

/*
 * The listener for an endpoint with one of its sockets there, or NULL; those that are leaving are
 * none any more.
 */
struct listener *listener_find(struct listeners *listeners, uint64_t endpoint_id, uint32_t round);

/* Accepts a batch of those that wait. True: nobody waits any more. */
bool listener_accept_rest(struct listener *listener);

/* Closes the socket now, and the listener is gone; clients that wait are reset. */
void listener_close(struct listener *listener);

/* Closes all at once; clients that wait are reset. */
void listeners_close(struct listeners *listeners);

#endif
