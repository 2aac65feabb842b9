#ifndef ROUTER_NET_DIAG_H
#define ROUTER_NET_DIAG_H

/*
 * What the kernel knows of TCP sockets, of whatever process: sock_diag(7). It walks through its
 * tables meanwhile, which takes milliseconds where there are many sockets: for what happens now and
 * then, and one question for all that is to be known.
 */

#include <stdbool.h>
#include <stdint.h>

#include "router/net/sockaddr.h"

struct diag_socket {
    struct target local;
    bool v6only;
    uint64_t inode; /* as fstat(2) says it; 0: it belongs to no descriptor */
};

/*
 * Calls `visit` for each socket that listens on the port, until it returns false. False: the kernel
 * does not tell. Any thread.
 */
bool diag_listening(uint16_t port, bool (*visit)(void *context, const struct diag_socket *found),
                    void *context);

/*
 * The same for clients that are about to connect, to whatever port: handshakes that are not
 * finished. `only_v4`: those to IPv4 sockets.
 */
bool diag_connecting(bool only_v4, bool (*visit)(void *context, const struct diag_socket *found),
                     void *context);

#endif
