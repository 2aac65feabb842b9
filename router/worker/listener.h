#ifndef ROUTER_LISTENER_H
#define ROUTER_LISTENER_H

/* A worker's share of the listening sockets: accepting, pausing, leaving in order. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

struct worker;

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
    struct worker *worker;
    LIST_ENTRY(listener) next;
};

LIST_HEAD(listener_list, listener);

/* Starts to listen on a socket that was handed over. False: no memory; the socket is closed. */
bool listener_open(struct worker *worker, const struct handed_listener *handed);

/* The worker's listener for an endpoint, or NULL. */
struct listener *listener_find(struct worker *worker, uint64_t endpoint);

/* Takes what is still waiting to be accepted, then closes the socket. */
void listener_close(struct listener *listener);

/* Stops accepting on all sockets until there is room again. */
void listeners_pause(struct worker *worker, const char *why);

#endif
