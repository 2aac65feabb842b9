#ifndef ROUTER_LOCAL_HOST_H
#define ROUTER_LOCAL_HOST_H

/*
 * What this host is on the network, at one moment: its addresses, and the ports that it hands out
 * to sockets that are not bound. Control.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/net/sockaddr.h"

struct local_host {
    struct peer *list; /* its addresses, sorted; the port is 0 */
    size_t count;
    uint16_t first_port, last_port;
};

/* 0, or an errno: then only loopback is known, which needs no list. To be freed either way. */
int local_host_read(struct local_host *host);
void local_host_free(struct local_host *host);

/* Whether the address is one of this host's, whatever the port; loopback always is. */
bool local_host_has(const struct local_host *host, const struct peer *peer);

/* Whether the system may give the port to a socket that is not bound. */
bool local_host_hands_out(const struct local_host *host, uint16_t port);

#endif
