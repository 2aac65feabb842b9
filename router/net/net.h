#ifndef ROUTER_NET_H
#define ROUTER_NET_H

/* Socket calls, with the options this router wants. No loop, no state. */

#include <stdbool.h>

#include "config/config.h"
#include "router/net/sockaddr.h"

/*
 * Starts to connect, non-blocking, TCP_NODELAY set. The last acknowledgement of the handshake waits
 * for our first bytes and travels with them. Returns the descriptor, or -1 with errno; *done says
 * that it is connected already.
 */
int net_connect(const struct target *to, bool *done);

/* How a connect that became writable went: 0 or an errno. */
int net_connect_result(int fd);

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

/* Makes close(2) send a reset. */
void net_reset_on_close(int fd);

#endif
