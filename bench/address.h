#ifndef BENCH_ADDRESS_H
#define BENCH_ADDRESS_H

/* Where to connect or listen: always an address, never a name, so nothing is ever looked up. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for the text of any address. */
#define ADDRESS_TEXT 160

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/*
 * "127.0.0.1:8443", "[::1]:8443", "localhost:8443" (127.0.0.1), ":8443" (127.0.0.1),
 * "unix:/path", "unix:@abstract". On failure `why` gets a constant sentence.
 */
bool address_parse(const char *text, struct address *address, const char **why);
/* The text that address_parse() reads back. Returns `out`. */
const char *address_format(const struct address *address, char out[ADDRESS_TEXT]);

/* The port of an IP address, 0 for a unix socket; and setting it (does nothing there). */
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
/* Whether it is 127.0.0.0/8: there more source addresses can be had for the asking. */
bool address_is_loopback4(const struct address *address);

#endif
