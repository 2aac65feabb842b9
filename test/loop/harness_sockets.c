/* The test's own clients and servers. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

static int keep(struct rig *rig, int fd)
{
    if (fd < 0)
        fail_msg("no socket: %s", strerror(errno));
    assert_true(rig->socket_count < RIG_SOCKETS);
    rig->sockets[rig->socket_count++] = fd;
    return fd;
}

static int new_socket(struct rig *rig)
{
    int fd = keep(rig, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int on = 1;

    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    io_bound(fd);
    return fd;
}

/* --- servers --- */

/* Binds to a port that was free; listens when there is a backlog. */
static uint32_t add_server(struct rig *rig, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    uint32_t server = rig->server_count;
    int fd = new_socket(rig);

    assert_true(server < RIG_SERVERS);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    rig->servers[server] = fd;
    rig->ports[server] = ntohs(address.sin_port);
    rig->server_count++;
    return server;
}

uint32_t rig_server(struct rig *rig)
{
    return add_server(rig, 1024);
}

/* Bound, so that nobody else gets the port, but not listening. */
uint32_t rig_refusing_server(struct rig *rig)
{
    return add_server(rig, -1);
}

uint32_t rig_silent_server(struct rig *rig)
{
    uint32_t server = add_server(rig, 0); /* the queue takes one connection */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(rig->ports[server])};
    struct pollfd pollfd = {.fd = rig->servers[server], .events = POLLIN};
    int filler = new_socket(rig);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(filler, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
    return server;
}

int rig_accept(struct rig *rig, uint32_t server)
{
    int fd = keep(rig, accept4(rig->servers[server], NULL, NULL, SOCK_CLOEXEC));
    int on = 1;

    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    io_bound(fd);
    return fd;
}

/* --- clients --- */

void rig_address(const struct rig *rig, const char *listener, struct target *address)
{
    const char *name = listener == NULL ? "public" : listener;
    const struct config *config = rig->snapshots[rig->snapshot_count - 1]->config;

    for (uint32_t i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, name) == 0) {
            *address = endpoints_of(&rig->endpoints, i)->where;
            return;
        }
    }
    fail_msg("no listener \"%s\"", name);
}

int rig_client(struct rig *rig, const char *listener)
{
    struct target to;

    rig_address(rig, listener, &to);
    int fd = to.address.ss_family == AF_INET
                 ? new_socket(rig)
                 : keep(rig, socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    io_bound(fd);
    if (connect(fd, (struct sockaddr *)&to.address, to.len) != 0)
        fail_msg("connect: %s", strerror(errno));
    return fd;
}

int rig_hello_client(struct rig *rig, const char *host)
{
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello(host, hello);
    int fd = rig_client(rig, NULL);

    io_send(fd, hello, len);
    return fd;
}

void rig_pair(struct rig *rig, int *client, int *server)
{
    *client = rig_hello_client(rig, "a.test");
    *server = rig_accept(rig, 0);
    io_expect_hello(*server, "a.test");
}

void rig_start_pair(struct rig *rig, const char *members, int *client, int *server)
{
    rig_server(rig);
    rig_start(rig, members);
    rig_pair(rig, client, server);
}

int rig_start_client(struct rig *rig, const char *members)
{
    rig_server(rig);
    rig_start(rig, members);
    return rig_client(rig, NULL);
}

int rig_start_hello_client(struct rig *rig, const char *members, const char *host)
{
    rig_server(rig);
    rig_start(rig, members);
    return rig_hello_client(rig, host);
}

void rig_end_pair(struct rig *rig, int client, int server)
{
    io_end(client);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

void rig_wait_refused(struct rig *rig, const struct sockaddr_storage *address, socklen_t len)
{
    for (int tries = 0; tries < RIG_PATIENCE_MS; tries++) {
        int fd = new_socket(rig);
        int result = connect(fd, (const struct sockaddr *)address, len);
        int error = errno;
        rig_close(rig, fd);
        if (result != 0 && error == ECONNREFUSED)
            return;
        if (result != 0) /* it went while we came */
            assert_int_equal(error, ECONNRESET);
        poll(NULL, 0, 1);
    }
    fail_msg("the listener is still there");
}

/* --- closing --- */

void rig_close(struct rig *rig, int fd)
{
    for (uint32_t i = 0; i < rig->socket_count; i++) {
        if (rig->sockets[i] == fd) {
            rig->sockets[i] = rig->sockets[--rig->socket_count];
            close(fd);
            return;
        }
    }
    fail_msg("not a socket of this test: %d", fd);
}

void rig_reset(struct rig *rig, int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    rig_close(rig, fd);
}
