#ifndef ROUTER_ROOM_H
#define ROUTER_ROOM_H

/*
 * What a stream holds in the kernel while its receiver does not read: what came from the server and
 * was not read by us, and what we wrote and could not be sent. The system lets each grow to several
 * MiB, since it cannot know that the one waits for the other. Here both are bounded, to
 * `held_bytes` together. What is on its way to the receiver is not bounded: that is the network's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* For a socket towards a TCP server, before it connects: its receive buffer. */
void room_bound_receive(int fd, const struct socket_sizes *sizes);

/*
 * What may wait unsent. For a TCP listener, whose clients inherit it; it may be called again with
 * other sizes.
 */
void room_bound_unsent(int fd, const struct socket_sizes *sizes);

/* Whether what waits unsent is bounded on the clients of such a listener. */
bool room_bounds_unsent(const struct socket_sizes *sizes);

/*
 * How many bytes a socket takes now before it says EAGAIN, roughly: the kernel's book-keeping
 * shares the room. `bounded`: what it holds unsent is. `local`: it sends to this very host, where
 * nothing stands between the two. False: the kernel does not say.
 */
bool room_to_send(int fd, bool bounded, bool local, size_t *bytes);

#endif
