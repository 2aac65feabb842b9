#include "router/net/net.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "router/net/room.h"

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

/* --- buffers --- */

void net_size_buffers(int fd, const struct socket_sizes *sizes)
{
    if (sizes->receive_bytes != 0)
        set_option(fd, SOL_SOCKET, SO_RCVBUF, (int)sizes->receive_bytes);
    if (sizes->send_bytes != 0)
        set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)sizes->send_bytes);
}

/* What to ask for to get what a socket of this kind has from the start; 0: it cannot be told. */
static uint32_t size_of_new(int fd, int option)
{
    int family, size = 0;
    socklen_t len = sizeof family;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) != 0)
        return 0;
    int model = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (model < 0)
        return 0;
    len = sizeof size;
    if (getsockopt(model, SOL_SOCKET, option, &size, &len) != 0)
        size = 0;
    close(model);
    return (uint32_t)size / 2; /* the kernel doubles what it is asked for */
}

void net_resize_buffers(int fd, const struct socket_sizes *sizes)
{
    struct socket_sizes all = *sizes;

    if (sizes->receive_bytes == 0)
        all.receive_bytes = size_of_new(fd, SO_RCVBUF);
    if (sizes->send_bytes == 0)
        all.send_bytes = size_of_new(fd, SO_SNDBUF);
    net_size_buffers(fd, &all);
    set_option(fd, SOL_SOCKET, SO_BUF_LOCK,
               (sizes->send_bytes != 0 ? SOCK_SNDBUF_LOCK : 0) |
                   (sizes->receive_bytes != 0 ? SOCK_RCVBUF_LOCK : 0));
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

int net_connect_socket(const struct target *to, const struct socket_sizes *sizes)
{
    int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    net_size_buffers(fd, sizes);
    if (is_unix(to))
        return fd;
    room_bound_receive(fd, sizes);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
    if (is_local(to))
        net_unpace(fd);
    return fd;
}

int net_connect(int fd, const struct target *to)
{
    int result;

    do {
        result = connect(fd, (const struct sockaddr *)&to->address, to->len);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || errno == EISCONN) /* the latter after EINTR, as the next */
        return 0;
    return errno == EALREADY ? EINPROGRESS : errno;
}

int net_connect_result(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    return error;
}

struct peer net_local(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    struct peer local;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        address.ss_family = AF_UNSPEC;
    peer_from_sockaddr((const struct sockaddr *)&address, &local);
    return local;
}

bool net_peer_is_us(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getpid();
}
