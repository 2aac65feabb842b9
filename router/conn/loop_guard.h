#ifndef ROUTER_LOOP_GUARD_H
#define ROUTER_LOOP_GUARD_H

/*
 * Finds out that a client is this router itself: a server leads back here although its address does
 * not show it (an address that this host got later, a redirection by the host's own packet filter
 * that keeps the port, another path to our unix socket). Each round would cost two descriptors
 * until none is left.
 *
 * The happy path
 *  - Nothing but a look at one word per hello. The hello of a loop comes again and again, byte for
 *    byte; other clients' hellos differ, since each holds 32 random bytes.
 *  - When the same hello has come LOOP_SUSPECT times, each within LOOP_WINDOW_MS of the one before,
 *    the addresses of the sockets that go out for it are noted. A client with the same hello, and
 *    with the two addresses of a noted socket the other way round, is ourselves. A client of a unix
 *    socket is when the kernel says that it is this process.
 *
 * What it does not find: a loop through another program or host, or through a packet filter that
 * changes both addresses; and one whose rounds take longer than LOOP_WINDOW_MS.
 *
 * One for all workers. Every word is an atomic of its own and may be lost to another writer: then
 * one more round is made. No lock, no allocation.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/net/sockaddr.h"

/* How many times the same hello comes before sockets are noted, and which of those after that. */
#define LOOP_SUSPECT   4u
#define LOOP_WINDOW_MS 4000u

#define LOOP_HELLOS  1024u
#define LOOP_SOCKETS 64u

struct loop_guard {
    atomic_uint_fast64_t hellos[LOOP_HELLOS];   /* those that came last: see loop_guard.c */
    atomic_uint_fast64_t sockets[LOOP_SOCKETS]; /* noted last: hashes of both addresses */
    atomic_uint next_socket;
};

/* A hello that begins with these bytes has come: how many times in a row so far. Any worker. */
uint32_t loop_guard_count(struct loop_guard *guard, const uint8_t *bytes, size_t len,
                          uint64_t now_ms);

/* Whether the sockets of the connection whose hello came so many times are to be noted. */
bool loop_guard_suspects(uint32_t count);

/* A socket of ours goes out from here to there. Any worker. */
void loop_guard_note(struct loop_guard *guard, const struct peer *from, const struct peer *to);

/* Whether a socket was noted that goes out from here, and from here to there. Any worker. */
bool loop_guard_knows_from(struct loop_guard *guard, const struct peer *from);
bool loop_guard_knows(struct loop_guard *guard, const struct peer *from, const struct peer *to);

#endif
