#ifndef ROUTER_CONNECT_ERROR_H
#define ROUTER_CONNECT_ERROR_H

/*
 * What an errno of socket(2), connect(2), epoll_ctl(2) or SO_ERROR says of an attempt to connect:
 * one line per errno, and everything else reads it here. Pure. Any thread.
 *
 * Only what the router itself lacks for a further socket ends the search for a server; after every
 * other error, and after whatever SO_ERROR tells of a socket that there was, the next address and
 * the next server are tried.
 */

#include <errno.h>

#include "router/log/reason.h"

enum connect_blame {
    BLAME_SERVER, /* the server, or the network on the way: the access log tells */
    BLAME_HOST,   /* this host's ports, routes, filters, families: the error log tells as well */
    BLAME_ROUTER  /* the router has no descriptor or memory: the same, and the client is refused */
};

/* X(errno, REASON_, BLAME_, what it means here) */
#define CONNECT_ERROR_TABLE(X)                                                                     \
    X(ECONNREFUSED, CONNECT_REFUSED, SERVER, "nobody listens there")                               \
    X(ECONNRESET, CONNECT_REFUSED, SERVER, "the server accepted and reset at once")                \
    X(ECONNABORTED, CONNECT_REFUSED, SERVER, "the server accepted and hung up at once")            \
    X(EPIPE, CONNECT_REFUSED, SERVER, "the server accepted, ended and reset at once")              \
    X(ENOENT, CONNECT_REFUSED, SERVER, "the unix socket is not there")                             \
    X(ETIMEDOUT, CONNECT_TIMEOUT, SERVER, "the kernel gave up waiting for an answer")              \
    X(EHOSTUNREACH, UNREACHABLE, SERVER, "no route, or a router on the way says so")               \
    X(ENETUNREACH, UNREACHABLE, SERVER, "no route to its network")                                 \
    X(EHOSTDOWN, UNREACHABLE, SERVER, "the server's host does not answer on its network")          \
    X(ENONET, UNREACHABLE, SERVER, "its network is isolated")                                      \
    X(ENOPROTOOPT, UNREACHABLE, SERVER, "its host knows no TCP")                                   \
    X(EPROTO, UNREACHABLE, SERVER, "a protocol error on the way")                                  \
    X(EADDRNOTAVAIL, UNREACHABLE, HOST, "no local port is left towards it, or no own address")     \
    X(EADDRINUSE, UNREACHABLE, HOST, "no local port is left towards it")                           \
    X(EAGAIN, UNREACHABLE, HOST, "no local port is left (unix socket: full, tried again)")         \
    X(ENETDOWN, UNREACHABLE, HOST, "the interface towards it is down")                             \
    X(EAFNOSUPPORT, UNREACHABLE, HOST, "the kernel has no such family, such as IPv6")              \
    X(EPFNOSUPPORT, UNREACHABLE, HOST, "the kernel has no such family")                            \
    X(EPROTONOSUPPORT, UNREACHABLE, HOST, "the kernel has no TCP in that family")                  \
    X(ESOCKTNOSUPPORT, UNREACHABLE, HOST, "the kernel has no such sockets in that family")         \
    X(EACCES, UNREACHABLE, HOST, "a filter, a prohibiting route, permissions of a unix socket")    \
    X(EPERM, UNREACHABLE, HOST, "a filter")                                                        \
    X(EINVAL, UNREACHABLE, HOST, "a blackhole route, or an address that cannot be used")           \
    X(EPROTOTYPE, UNREACHABLE, HOST, "the unix socket is of another type")                         \
    X(ENOTDIR, UNREACHABLE, HOST, "the unix socket's path leads nowhere")                          \
    X(ELOOP, UNREACHABLE, HOST, "the unix socket's path has too many links")                       \
    X(ENAMETOOLONG, UNREACHABLE, HOST, "the unix socket's path is too long")                       \
    X(EMFILE, RESOURCE, ROUTER, "the process has no descriptor left")                              \
    X(ENFILE, RESOURCE, ROUTER, "the system has none left")                                        \
    X(ENOBUFS, RESOURCE, ROUTER, "the kernel has no memory left for sockets")                      \
    X(ENOMEM, RESOURCE, ROUTER, "the system has no memory left")                                   \
    X(ENOSPC, RESOURCE, ROUTER, "no further socket may be watched: fs.epoll.max_user_watches")

struct connect_error {
    int error; /* errno */
    enum reason reason;
    enum connect_blame blame;
    const char *meaning;
};

/* The line of an errno; one that is in none counts as unreachable, and is said in the error log. */
const struct connect_error *connect_error_find(int error);

#endif
