#ifndef BENCH_SOCKET_ADDRESS_H
#define BENCH_SOCKET_ADDRESS_H

/* Where to connect or listen: always an address, never a name, so nothing is ever looked up. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for the text of any address. */
#define SOCKET_ADDRESS_TEXT 160

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/*
 * "127.0.0.1:8443", "[::1]:8443", "localhost:8443" (127.0.0.1), ":8443" (127.0.0.1),
 * "unix:/path", "unix:@abstract". On failure `why` gets a constant sentence.
 */
bool socket_address_parse(const char *text, struct socket_address *address, const char **why);
/* The text that socket_address_parse() reads back. Returns `out`. */
const char *socket_address_format(const struct socket_address *address,
                                  char out[SOCKET_ADDRESS_TEXT]);

/* The port of an IP address, 0 for a unix socket; and setting it (does nothing there). */
uint16_t socket_address_port(const struct socket_address *address);
void socket_address_set_port(struct socket_address *address, uint16_t port);
/* Whether it is 127.0.0.0/8: there more source addresses can be had for the asking. */
bool socket_address_is_loopback4(const struct socket_address *address);
/* Whether it is of this machine's loopback: 127.0.0.0/8, ::1, or the former written as IPv6. */
bool socket_address_is_loopback(const struct socket_address *address);

#endif
