#ifndef ROUTER_HOSTS_H
#define ROUTER_HOSTS_H

/*
 * The names that servers are given by, with the last answer to each: a server that is new begins
 * with what is known of its name from a server of another backend, or of one that had another name
 * before a reload. Control only.
 */

#include <stdint.h>

#include "router/state/addresses.h"
#include "router/state/claims.h"

/* Claimed by the cells of the servers that are given by this name; freed by a sweep after them. */
struct host {
    struct claimable claimable; /* first; its key is the name */
    struct addresses *last; /* the last answer, at the port of whoever asked; held. NULL: none */
    char name[];
};

/* A set of them. It must not move in memory afterwards. */
void hosts_init(struct claims *hosts);

/* The host of this name, found or made. NULL: no memory. */
struct host *hosts_claim(struct claims *hosts, const char *name);

/* The name stands for these; takes a hold of its own. */
void host_know(struct host *host, struct addresses *addresses);

/* What the name stood for last, at this port, with a hold for the caller. NULL: nothing is known,
 * or no memory. */
struct addresses *host_known(const struct host *host, uint16_t port);

#endif
