#ifndef ROUTER_NET_LISTEN_H
#define ROUTER_NET_LISTEN_H

/* Listening sockets: made, tried, left. No loop, no state. */

#include <stdbool.h>

#include "config/config.h"
#include "router/net/sockaddr.h"

/* Who else may listen there. */
enum net_sharing {
    NET_ALONE, /* nobody: a unix socket */
    NET_CLAIM, /* nobody so far, whatever it shares; sockets may join this one from now on */
    NET_JOIN   /* others that share the port (SO_REUSEPORT) */
};

/*
 * Opens a listening socket. Accepted sockets inherit TCP_NODELAY, keepalive and inline urgent data
 * from it, which saves the calls per connection. 0, and *fd is the descriptor; or the errno, and
 * *step is the name of the call that failed, *fd is -1, and a path that was made is gone again.
 */
int net_listen(const struct listener_config *listener, const struct target *where,
               enum net_sharing sharing, int *fd, const char **step);

/* Whether others may share the port of a socket that listens (SO_REUSEPORT). */
bool net_may_be_joined(int fd);

/* Gives a socket that listens already what net_listen() would have given it, but for its address.
 */
void net_adopt_listening(int fd, const struct listener_config *listener,
                         const struct target *where);

/*
 * Whether a socket listens there already: SO_REUSEPORT would join it silently. 0, or an errno, as
 * bind(2) sets it, and *step as above.
 */
int net_probe_free(const struct listener_config *listener, const struct target *where,
                   const char **step);

/* Whether this system has IPv6 at all. */
bool net_has_ipv6(void);

/* Removes a unix socket that nobody listens on any more, so that its path can be bound again. */
void net_remove_stale(const struct target *where);

/*
 * The two steps of leaving a TCP socket that listens without resetting anybody.
 *
 * The first: clients that have connected and said nothing are not held back any more. Those that
 * were held back come when the kernel next reminds them, a second after their first packet at the
 * latest, plus their way here and back.
 */
void net_stop_deferring(int fd);

/*
 * The second: nobody begins to connect any more. Handshakes that are under way are finished and can
 * be accepted. A first packet that comes now is not answered; the client repeats it after a second
 * and meets whoever listens there then. A unix socket refuses clients, and those that have
 * connected can still be accepted.
 */
void net_refuse_newcomers(int fd, bool is_unix);

#endif
