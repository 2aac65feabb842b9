#include "router/net/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define KEEPALIVE_IDLE_S     60
#define KEEPALIVE_INTERVAL_S 20
#define KEEPALIVE_PROBES     3

static void set_option(int fd, int level, int option, int value)
{
    /* Every one of these is a preference: a kernel that refuses it still carries bytes. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

void net_keepalive(int fd)
{
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

void net_urgent_inline(int fd)
{
    set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

void net_push(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* saying it again sends what was held back */
}

void net_quick_ack(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

void net_unpace(int fd)
{
    static const char reno[] = "reno"; /* the one that every kernel has */

    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1);
}

void net_reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* --- connecting --- */

static bool is_unix(const struct target *where)
{
    return where->address.ss_family == AF_UNIX;
}

static bool is_local(const struct target *where)
{
    struct peer peer;

    peer_from_sockaddr((const struct sockaddr *)&where->address, &peer);
    return peer_is_local(&peer);
}

static int fail(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

int net_connect(const struct target *to, bool *done)
{
    int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *done = false;
    if (fd < 0)
        return -1;
    if (!is_unix(to)) {
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
        if (is_local(to))
            net_unpace(fd);
    }
    if (connect(fd, (const struct sockaddr *)&to->address, to->len) == 0)
        *done = true;
    else if (errno != EINPROGRESS)
        return fail(fd);
    return fd;
}

int net_connect_result(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    return error;
}
