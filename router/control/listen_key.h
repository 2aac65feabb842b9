#ifndef ROUTER_LISTEN_KEY_H
#define ROUTER_LISTEN_KEY_H

/*
 * What a listening socket is bound to and opened with, as a plain value: two listeners with equal
 * keys can share a socket, so a reload keeps it. Everything else that the operator says of a
 * listener can change while its socket stays.
 *
 * Pure: no sockets, no loop. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

/* Longest address text: "unix:" and a path. Longest name: 255 characters of UTF-8. */
#define LISTEN_ADDRESS_SIZE 128
#define LISTEN_NAME_SIZE    (255 * 4 + 1)

/* Bits, so that a row of LISTEN_KEY_NUMBERS can name several. */
enum listen_transport { LISTEN_TCP = 1, LISTEN_UNIX = 2 };

/*
 * The numbers of a listener that its socket depends on: ROW(member of struct listener_config, the
 * transports that have it). For other transports the number in the key is 0.
 */
#define LISTEN_KEY_NUMBERS(ROW) ROW(v6only, LISTEN_TCP)

struct listen_key {
    enum listen_transport transport;
    char address[LISTEN_ADDRESS_SIZE]; /* canonical text */
    char name[LISTEN_NAME_SIZE];       /* only with port 0, which may be listened on twice; or "" */
#define LISTEN_KEY_MEMBER(member, transports) uint32_t member;
    LISTEN_KEY_NUMBERS(LISTEN_KEY_MEMBER)
#undef LISTEN_KEY_MEMBER
};

struct listen_key listen_key_of(const struct listener_config *listener);

bool listen_key_equal(const struct listen_key *a, const struct listen_key *b);

/* The same but for the name: a listener at port 0 was renamed, and can keep its port. */
bool listen_key_renamed(const struct listen_key *a, const struct listen_key *b);

/* The file system path of a unix socket; NULL: it has none. Lives as long as the key. */
const char *listen_key_path(const struct listen_key *key);

#endif
