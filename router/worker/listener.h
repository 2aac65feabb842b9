#ifndef ROUTER_LISTENER_H
#define ROUTER_LISTENER_H

/* A worker's share of the listening sockets: accepting, pausing, leaving in order. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <uv.h>

#include "config/config.h"

struct conns;

/*
 * What control tells a worker about one listener of a configuration: the endpoint it stands for (an
 * identity that survives reloads) and, when the endpoint is new to the worker, the socket to use.
 */
struct handed_listener {
    uint64_t endpoint; /* identity of the endpoint */
    uint32_t index;    /* of the listener in the configuration */
    int fd;            /* handed over; -1: the worker has one for this endpoint already */
};

struct listener {
    uv_poll_t poll;
    int fd;
    uint64_t endpoint;
    uint32_t index; /* of the listener in the worker's current configuration */
    struct listeners *set;
    /* Takes over what was accepted; the socket does not block. */
    void (*on_accept)(struct listener *listener, int fd, const struct sockaddr *from);
    LIST_ENTRY(listener) link;
};

LIST_HEAD(listener_list, listener);

/* The listeners of one worker. Its thread only. */
struct listeners {
    struct conns *conns; /* where accepted connections go; also the loop, the counters, the log */
    struct listener_list list;
    uv_timer_t resume; /* while accepting pauses */
    bool paused;
    struct socket_sizes sizes; /* of the buffers that the sockets have */
    uint64_t pause_said_ms;    /* loop time; 0 = not yet */
};

void listeners_init(struct listeners *listeners, struct conns *conns);

/* Closes what listeners_init() opened: the listeners are closed, and none is opened any more. */
void listeners_stop(struct listeners *listeners);

/*
 * Starts to listen on a socket that was handed over; connections start as TLS clients. False: no
 * memory; the socket is closed.
 */
bool listener_open(struct listeners *listeners, const struct handed_listener *handed);

/* Gives the sockets of all listeners, and so what is accepted from them, buffers of these sizes. */
void listeners_size_buffers(struct listeners *listeners, const struct socket_sizes *sizes);

/* The listener for an endpoint, or NULL. */
struct listener *listener_find(struct listeners *listeners, uint64_t endpoint);

/* Takes what is still waiting to be accepted, then closes the socket. */
void listener_close(struct listener *listener);

/* Closes all, and does not resume. */
void listeners_close(struct listeners *listeners);

#endif
