#ifndef ROUTER_SOCKADDR_H
#define ROUTER_SOCKADDR_H

/* Addresses as values: where a socket goes, and who is at its other end. No system calls. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "config/config.h"

/* Where a socket goes: to be connected to or bound. */
struct target {
    struct sockaddr_storage address;
    socklen_t len;
};

/* Converts a numeric or unix address; false for ADDRESS_NAME, which sets len to 0. */
bool target_from_address(const struct address *address, struct target *target);

/* The same IP address at another port. */
void target_set_port(struct target *target, uint16_t port);

/*
 * Whether sockets bound to these addresses get in each other's way: some client's packets could go
 * to either. `v6only` as of IPV6_V6ONLY; port 0 is nobody's port, and unix sockets are never equal
 * here.
 */
bool target_overlaps(const struct target *a, bool a_v6only, const struct target *b, bool b_v6only);

/* An IP address and port as compactly as a connection can keep it. */
struct peer {
    uint8_t ip[16]; /* network order; 4 bytes used for IPv4 */
    uint16_t port;
    bool v6;
    bool known; /* false: a unix socket's client */
};

/* Longest text of a peer: "[" IPv6 "]:65535". */
#define PEER_TEXT_MAX 56

/* v4-mapped IPv6 addresses become IPv4. */
void peer_from_sockaddr(const struct sockaddr *address, struct peer *peer);
/* Where a connect to the target arrives: the unspecified address means loopback then. */
void peer_from_target(const struct target *target, struct peer *peer);
bool peer_equal(const struct peer *a, const struct peer *b);   /* address and port */
bool peer_same_ip(const struct peer *a, const struct peer *b); /* the port may differ */
bool peer_is_any(const struct peer *peer);                     /* the unspecified address */
/* Whether it is a loopback address. */
bool peer_is_local(const struct peer *peer);
/* "10.0.0.1:5000", "[::1]:5000" or "unix"; returns its length. */
size_t peer_print(const struct peer *peer, char text[PEER_TEXT_MAX]);

#endif
