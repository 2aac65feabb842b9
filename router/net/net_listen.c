/*
 * The failures
 *  - An option that is a preference is refused: the socket listens without it. SO_REUSEPORT,
 *    IPV6_V6ONLY and IP_FREEBIND are none: without them it would be another socket than asked for.
 *  - The path of a unix socket was made, but the socket does not come to listen: the path goes.
 */
#include "router/net/net_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "router/net/net.h"
#include "router/net/room.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* The kernel holds a silent client back for about so long before it bothers us with it. */
#define DEFER_ACCEPT_S 1

static bool is_unix_address(const struct target *where)
{
    return where->address.ss_family == AF_UNIX;
}

static bool is_local(const struct target *where)
{
    struct peer peer;

    peer_from_sockaddr((const struct sockaddr *)&where->address, &peer);
    return peer_is_local(&peer);
}

/* For what is a preference: a kernel that refuses it still carries bytes. */
static void prefer(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static bool require(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* The call of that name has failed: closes the socket (-1: none) and returns the errno. */
static int fail(int *fd, const char **step, const char *name)
{
    int error = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    *step = name;
    return error;
}

/* --- making --- */

/* A socket that is ready to be bound as this listener says. 0, or an errno. */
static int socket_for(const struct listener_config *listener, const struct target *where, int *fd,
                      const char **step)
{
    int family = where->address.ss_family;
    bool v6 = family == AF_INET6;

    *fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return fail(fd, step, "socket");
    net_size_buffers(*fd, &listener->sizes);
    if (is_unix_address(where))
        return 0;
    prefer(*fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (v6 && !require(*fd, IPPROTO_IPV6, IPV6_V6ONLY, listener->v6only ? 1 : 0))
        return fail(fd, step, "setsockopt(IPV6_V6ONLY)");
    if (listener->freebind &&
        !require(*fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1))
        return fail(fd, step, "setsockopt(IP_FREEBIND)");
    return 0;
}

/* What accepted sockets inherit. */
static void set_preferences(int fd, const struct listener_config *listener,
                            const struct target *where)
{
    prefer(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    prefer(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_S);
    net_urgent_inline(fd);
    net_keepalive(fd);
    room_bound_unsent(fd, &listener->sizes);
    if (is_local(where)) /* then so are all its clients */
        net_unpace(fd);
}

/*
 * Bound: from here on a path is there that has to go when this fails. NULL, or the step. A claim
 * shares the port only when it listens already: the kernel lets one such socket listen, and refuses
 * all that try the same later.
 */
static const char *begin_to_listen(int fd, const struct listener_config *listener, const char *path,
                                   enum net_sharing sharing)
{
    if (path != NULL && chmod(path, (mode_t)listener->mode) != 0)
        return "chmod";
    if (listen(fd, (int)listener->backlog) != 0)
        return "listen";
    if (sharing == NET_CLAIM && !require(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return "setsockopt(SO_REUSEPORT)";
    return NULL;
}

int net_listen(const struct listener_config *listener, const struct target *where,
               enum net_sharing sharing, int *fd, const char **step)
{
    const char *path =
        is_unix_address(where) && listener->address.path[0] != '@' ? listener->address.path : NULL;
    int error = socket_for(listener, where, fd, step);

    if (error != 0)
        return error;
    if (!is_unix_address(where)) {
        if (sharing == NET_JOIN && !require(*fd, SOL_SOCKET, SO_REUSEPORT, 1))
            return fail(fd, step, "setsockopt(SO_REUSEPORT)");
        set_preferences(*fd, listener, where);
    }
    if (bind(*fd, (const struct sockaddr *)&where->address, where->len) != 0)
        return fail(fd, step, "bind");
    const char *failed = begin_to_listen(*fd, listener, path, sharing);
    if (failed == NULL)
        return 0;
    error = fail(fd, step, failed);
    if (path != NULL)
        unlink(path);
    return error;
}

/* --- sockets that were passed --- */

bool net_may_be_joined(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, &len) == 0 && value != 0;
}

void net_adopt_listening(int fd, const struct listener_config *listener, const struct target *where)
{
    int flags = fcntl(fd, F_GETFL);

    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    net_size_buffers(fd, &listener->sizes);
    if (!is_unix_address(where))
        set_preferences(fd, listener, where);
    (void)listen(fd, (int)listener->backlog); /* changes the length of its queue and nothing else */
}

/* --- trying --- */

int net_probe_free(const struct listener_config *listener, const struct target *where,
                   const char **step)
{
    int fd, error = socket_for(listener, where, &fd, step);

    if (error != 0)
        return error;
    if (bind(fd, (const struct sockaddr *)&where->address, where->len) != 0)
        return fail(&fd, step, "bind");
    close(fd);
    return 0;
}

bool net_has_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno != EAFNOSUPPORT;
    bool has = bind(fd, (const struct sockaddr *)&any, sizeof any) == 0 || errno != EADDRNOTAVAIL;
    close(fd);
    return has;
}

void net_remove_stale(const struct target *where)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&where->address;
    struct stat found;

    if (!is_unix_address(where) || un->sun_path[0] == '\0')
        return;
    if (lstat(un->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)un, where->len) != 0 && errno == ECONNREFUSED)
        unlink(un->sun_path);
    close(fd);
}

/* --- leaving --- */

void net_stop_deferring(int fd)
{
    prefer(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0);
}

/*
 * The filter of a listening socket sees what is sent to it, from the TCP header on: it drops SYN
 * without ACK. Connections inherit it, and never get such a packet.
 */
static void drop_first_packets(int fd)
{
    enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    /* A kernel without: whoever connects while the socket is left is accepted as well. */
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void net_refuse_newcomers(int fd, bool is_unix)
{
    if (is_unix)
        shutdown(fd, SHUT_RD);
    else
        drop_first_packets(fd);
}
