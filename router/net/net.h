#ifndef ROUTER_NET_H
#define ROUTER_NET_H

/* Socket calls, with the options this router wants. No loop, no state. */

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "router/net/sockaddr.h"

/*
 * A socket to connect with: non-blocking, TCP_NODELAY set, buffers of these sizes. The last
 * acknowledgement of the handshake waits for our first bytes and travels with them. The descriptor,
 * or -1 with errno.
 */
int net_connect_socket(const struct target *to, const struct socket_sizes *sizes);

/*
 * Starts to connect. 0: it is connected; EINPROGRESS: under way; else the errno of its failure. One
 * that has failed with EAGAIN (a unix socket whose queue is full) may be tried again.
 */
int net_connect(int fd, const struct target *to);

/* How a connect that became writable went: 0 or an errno. */
int net_connect_result(int fd);

/* The socket's own address; not known when there is none to be had. */
struct peer net_local(int fd);

/* Whether the client of a unix socket is this very process. */
bool net_peer_is_us(int fd);

/* Keepalive probes after a minute of silence, three of them. For connections that last. */
void net_keepalive(int fd);

/* Keeps a TCP urgent byte in its place in the stream instead of taking it out. */
void net_urgent_inline(int fd);

/* Sends what MSG_MORE has held back: what was expected to come with it does not come. */
void net_push(int fd);

/*
 * Ends what net_connect() began: it lets the first bytes carry the handshake's last ACK, which
 * saves a packet. Left so, a server with Nagle's algorithm on would get its second small write out
 * only 40 ms after the first, when the delayed ACK comes.
 */
void net_quick_ack(int fd);

/*
 * For a socket whose peer is this very host. Where the system's congestion control is BBR, it
 * paces: a timer for every packet, which costs more than carrying it when nothing is copied, and
 * there is no queue on loopback that it could spare. Works best before the connection is there.
 */
void net_unpace(int fd);

/*
 * Gives a socket buffers of these sizes; 0 leaves a size to the system. For a TCP socket before it
 * connects: then the window that is announced fits. What a socket that listens has, the TCP
 * sockets accepted from it inherit.
 */
void net_size_buffers(int fd, const struct socket_sizes *sizes);

/*
 * The same for a socket whose buffers may have been sized before: those whose size is left to the
 * system are set back to what a new socket has. Linux before 5.15 keeps them from growing then.
 */
void net_resize_buffers(int fd, const struct socket_sizes *sizes);

/* Makes close(2) send a reset. */
void net_reset_on_close(int fd);

#endif
