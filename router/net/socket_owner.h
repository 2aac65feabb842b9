#ifndef ROUTER_NET_SOCKET_OWNER_H
#define ROUTER_NET_SOCKET_OWNER_H

/*
 * Which other process listens somewhere, for the sentence about an address in use. It walks through
 * /proc, so it takes milliseconds, on a busy host tenths of a second at most: never for traffic.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "router/net/sockaddr.h"

#define SOCKET_OWNER_NAME_MAX 64

struct socket_owner {
    bool listens;                     /* some process listens there, whoever it is */
    pid_t pid;                        /* 0: not known, since it may not be seen, or is gone */
    char name[SOCKET_OWNER_NAME_MAX]; /* what it calls itself: any bytes */
};

/* `v6only` as of IPV6_V6ONLY. Of several processes that share a socket: the first. */
void socket_owner_find(const struct target *where, bool v6only, struct socket_owner *owner);

#endif
