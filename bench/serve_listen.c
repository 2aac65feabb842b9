/* The backends' addresses: which name listens where, and the sockets of each thread. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/serve.h"

#define BACKLOG      4096
#define ACCEPT_BATCH 32
/* How long the kernel waits for the client's first bytes before accept() returns the connection. */
#define DEFER_ACCEPT_S 2

static void set_int(int fd, int level, int name, int value)
{
    /* These options are improvements; listening works without them. */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* The file of a unix socket; NULL = the address has none. */
static const char *path_of(const struct socket_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    bool has = address->storage.ss_family == AF_UNIX && un->sun_path[0] != '\0';

    return has ? un->sun_path : NULL;
}

/* Whether the file at the path may be removed: only a socket on which nobody listens. */
static int check_abandoned(const struct socket_address *address)
{
    struct stat status;

    if (lstat(path_of(address), &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = connect(fd, (const struct sockaddr *)&address->storage, address->len);
    bool abandoned = result != 0 && errno == ECONNREFUSED;
    close(fd);
    return abandoned ? 0 : -EADDRINUSE;
}

/*
 * Whether another process listens there: with SO_REUSEPORT it would silently get half of the
 * connections. 0 or a negative errno.
 */
static int check_unused(const struct socket_address *address)
{
    if (path_of(address) != NULL)
        return check_abandoned(address);
    if (address->storage.ss_family == AF_UNIX || socket_address_port(address) == 0)
        return 0;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    int result = 0;
    if (bind(fd, (const struct sockaddr *)&address->storage, address->len) != 0)
        result = -errno;
    close(fd);
    return result;
}

/* A socket for one thread. Negative errno on failure; on port 0 `address` learns the port. */
static int open_listener(struct socket_address *address, bool defer)
{
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (family != AF_UNIX) {
        set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (defer)
            set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_S);
        if (socket_address_is_loopback(address))
            stream_unpace(fd);
    } else if (path_of(address) != NULL) {
        /* check_unused() has looked at it. */
        unlink(path_of(address));
    }
    socklen_t len = sizeof address->storage;
    if (bind(fd, (const struct sockaddr *)&address->storage, address->len) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        (socket_address_port(address) == 0 && family != AF_UNIX &&
         getsockname(fd, (struct sockaddr *)&address->storage, &len) != 0)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* accept4(); a client of this machine is not paced. */
static int accept_client(const struct serve_listener *listener)
{
    struct socket_address client = {.len = sizeof client.storage};
    struct sockaddr *storage = (struct sockaddr *)&client.storage;
    int fd = accept4(listener->fd, storage, &client.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0 && socket_address_is_loopback(&client) &&
        !socket_address_is_loopback(&listener->backend->address))
        stream_unpace(fd);
    return fd;
}

static void on_listener_events(struct pollable *pollable, uint32_t events)
{
    struct serve_listener *listener = (struct serve_listener *)pollable;

    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept_client(listener);
        if (fd >= 0) {
            serve_conn_start(listener, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            /*
             * No descriptor left: wait until connections end, because the level-triggered set would
             * wake at once.
             */
            struct timespec pause = {0, 10000000};
            nanosleep(&pause, NULL);
        }
        if (errno != ECONNABORTED)
            return;
    }
}

static bool say_failed(const struct socket_address *address, int error)
{
    char text[SOCKET_ADDRESS_TEXT];
    const char *fix = "";

    if (error == EADDRINUSE)
        fix = "; choose another --listen, or port 0 for any";
    else if (error == EACCES)
        fix = "; ports below 1024 need root";
    else if (error == EADDRNOTAVAIL)
        fix = "; that is no address of this machine";
    else if (error == ENOENT)
        fix = "; make its directory first";
    else if (error == EMFILE || error == ENFILE)
        fix = "; raise ulimit -n, or add --one-port";
    else if (error == EEXIST)
        fix = " and is no socket; choose another path";
    fprintf(stderr, "sni-bench: --listen %s: %s%s\n", socket_address_format(address, text),
            strerror(error), fix);
    return false;
}

/* One backend's socket for one thread; a unix socket is opened once and watched by all. */
static bool listen_on(struct serve *serve, struct serve_thread *thread, uint32_t index)
{
    struct backend *backend = &serve->backends[index];
    struct serve_listener *listener = &thread->listeners[index];
    bool first = thread == serve->threads;
    bool shared = backend->address.storage.ss_family == AF_UNIX && !first;
    int unused = first ? check_unused(&backend->address) : 0;

    if (unused != 0)
        return say_failed(&backend->address, -unused);
    listener->pollable.on_events = on_listener_events;
    listener->thread = thread;
    listener->backend = backend;
    listener->fd = shared ? serve->threads[0].listeners[index].fd
                          : open_listener(&backend->address, backend->tls == NULL);
    if (listener->fd < 0)
        return say_failed(&backend->address, -listener->fd);
    int result = poller_add_listener(&thread->poller, listener->fd, &listener->pollable);
    return result == 0 || say_failed(&backend->address, -result);
}

static bool parse_address(const char *text, struct socket_address *address)
{
    const char *why;

    if (socket_address_parse(text, address, &why))
        return true;
    fprintf(stderr, "sni-bench: --listen '%s': %s\n", text, why);
    return false;
}

/*
 * Gives each listening backend its address: its own --listen, or the port after its predecessor's.
 */
static bool give_addresses(struct serve *serve)
{
    const struct text_list *listen = &serve->options->serve.listen;
    bool one_each = listen->count > 1;

    if (one_each && listen->count != serve->listener_count) {
        fprintf(stderr,
                "sni-bench: --listen given %zu times for %u names: give it once, or once "
                "for each name\n",
                listen->count, serve->listener_count);
        return false;
    }
    for (uint32_t i = 0; i < serve->listener_count; i++) {
        struct socket_address *address = &serve->backends[i].address;
        const char *text = listen->count == 0 ? "127.0.0.1:9000" : listen->items[one_each ? i : 0];
        if (!parse_address(text, address))
            return false;
        if (one_each || i == 0)
            continue;
        if (address->storage.ss_family == AF_UNIX) {
            fprintf(stderr,
                    "sni-bench: --listen %s is one socket for %u names: give --listen once "
                    "for each name, or add --one-port\n",
                    text, serve->listener_count);
            return false;
        }
        uint32_t port = socket_address_port(address);
        if (port != 0 && port + i > UINT16_MAX) {
            fprintf(stderr,
                    "sni-bench: --listen %s: no %u ports from there on; start lower, or "
                    "use port 0\n",
                    text, serve->listener_count);
            return false;
        }
        if (port != 0)
            socket_address_set_port(address, (uint16_t)(port + i));
    }
    return true;
}

enum bench_exit serve_listen(struct serve *serve)
{
    if (!give_addresses(serve))
        return BENCH_USAGE;
    uint64_t threads = serve->options->load.threads;
    for (uint64_t t = 0; t < threads; t++) {
        struct serve_thread *thread = &serve->threads[t];
        thread->listeners = calloc(serve->listener_count, sizeof *thread->listeners);
        if (thread->listeners == NULL) {
            say_failed(&serve->backends[0].address, ENOMEM);
            return BENCH_FAILED;
        }
        for (uint32_t i = 0; i < serve->listener_count; i++) {
            if (!listen_on(serve, thread, i))
                return BENCH_FAILED;
        }
    }
    /* With --one-port every backend has the address of that port. */
    for (uint32_t i = serve->listener_count; i < serve->backend_count; i++)
        serve->backends[i].address = serve->backends[0].address;
    return BENCH_OK;
}

void serve_unlisten(struct serve *serve)
{
    for (uint64_t t = 0; t < serve->options->load.threads; t++) {
        struct serve_thread *thread = &serve->threads[t];
        for (uint32_t i = 0; thread->listeners != NULL && i < serve->listener_count; i++) {
            const struct socket_address *address = &serve->backends[i].address;
            bool shared = t > 0 && address->storage.ss_family == AF_UNIX;
            if (shared || thread->listeners[i].fd <= 0)
                continue;
            close(thread->listeners[i].fd);
            if (path_of(address) != NULL)
                unlink(path_of(address));
        }
        free(thread->listeners);
    }
}
