/*
 * Buffers of sockets: as the operator says, also after a reload; else bounded, so that a client
 * that does not read holds little; else as the system decides.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/conn/conn_state.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* What the kernel makes of a size that it was asked for. */
#define AS_KEPT(bytes) (2 * (bytes))

#define MIB 1048576u

struct found {
    int client_receive, client_send, client_unsent, server_receive, server_send;
};

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static int size_of(int fd, int option)
{
    return option_of(fd, SOL_SOCKET, option);
}

static int unsent_of(int fd)
{
    int domain = option_of(fd, SOL_SOCKET, SO_DOMAIN);

    return domain == AF_UNIX ? 0 : option_of(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT);
}

/* The router's sockets of the newest connection; a pair of the test's comes and goes. */
static struct found look(struct rig *rig, const char *listener)
{
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    int client = rig_client(rig, listener);

    io_send(client, hello, len);
    int server = rig_accept(rig, 0);
    io_expect(server, hello, len);
    rig_settle(rig);
    rig_hold(rig);
    const struct conn *conn = TAILQ_LAST(&rig->worker.conns.list, conn_list);
    struct found found = {size_of(conn->client.fd, SO_RCVBUF), size_of(conn->client.fd, SO_SNDBUF),
                          unsent_of(conn->client.fd), size_of(conn->server.fd, SO_RCVBUF),
                          size_of(conn->server.fd, SO_SNDBUF)};
    rig_release(rig);
    io_end(client);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
    return found;
}

static void as_configured(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"sockets\":{\"receive\":\"16k\",\"send\":\"20k\"}");
    struct found found = look(rig, NULL);
    assert_int_equal(found.client_receive, AS_KEPT(16384));
    assert_int_equal(found.client_send, AS_KEPT(20480));
    assert_int_equal(found.server_receive, AS_KEPT(16384));
    assert_int_equal(found.server_send, AS_KEPT(20480));
}

/* What the system gives a socket towards a server. */
static int system_receive(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    int size = size_of(fd, SO_RCVBUF);
    close(fd);
    return size;
}

/* 1 MiB less what may wait unsent, and what both may go beyond their bounds. */
static void bounded_by_default(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    struct found found = look(rig, NULL);
    assert_int_equal(found.server_receive, MIB - 131072 - 196608);
    assert_int_equal(found.client_unsent, 131072);
}

static void bound_changed_by_a_reload(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"sockets\":{\"held\":\"off\"}");
    struct found found = look(rig, NULL);
    assert_true(found.server_receive >= system_receive());
    int as_the_system_has_it = found.client_unsent;
    assert_int_not_equal(as_the_system_has_it, 131072);
    rig_reload(rig, 0, "\"sockets\":{\"held\":\"2m\"}");
    rig_settle(rig);
    found = look(rig, NULL);
    assert_int_equal(found.server_receive, 2 * MIB - 131072 - 196608);
    assert_int_equal(found.client_unsent, 131072);
    rig_reload(rig, 0, "\"sockets\":{\"receive\":\"16k\",\"send\":\"20k\"}");
    rig_settle(rig);
    found = look(rig, NULL);
    assert_int_equal(found.server_receive, AS_KEPT(16384));
    assert_int_equal(found.client_unsent, as_the_system_has_it);
}

/* The listener keeps its socket, and the next client has the new sizes. */
static void changed_by_a_reload(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"sockets\":{\"held\":\"off\"}");
    struct found before = look(rig, NULL);
    rig_reload(rig, 0, "\"sockets\":{\"receive\":\"16k\",\"send\":\"20k\"}");
    rig_settle(rig);
    struct found sized = look(rig, NULL);
    assert_int_equal(sized.client_receive, AS_KEPT(16384));
    assert_int_equal(sized.client_send, AS_KEPT(20480));
    assert_int_equal(sized.server_send, AS_KEPT(20480));
    rig_reload(rig, 0, "\"sockets\":{\"send\":\"20k\",\"held\":\"off\"}");
    rig_settle(rig);
    struct found half = look(rig, NULL);
    assert_int_equal(half.client_receive, before.client_receive);
    assert_int_equal(half.client_send, AS_KEPT(20480));
    assert_int_equal(half.server_receive, before.server_receive);
    rig_reload(rig, 0, "\"sockets\":{\"held\":\"off\"}");
    rig_settle(rig);
    struct found after = look(rig, NULL);
    assert_int_equal(after.client_receive, before.client_receive);
    assert_true(after.client_send > AS_KEPT(20480)); /* the system adapts it again */
    assert_int_equal(after.server_receive, before.server_receive);
}

/* --- who does not read --- */

/* Sends what the router takes, as a pattern; true: something was taken. */
static bool push(int server, uint64_t *sent)
{
    static uint8_t bytes[65536];
    bool some = false;

    for (;;) {
        io_fill(bytes, sizeof bytes, *sent, 7);
        ssize_t n = send(server, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            return some;
        }
        *sent += (uint64_t)n;
        some = true;
    }
}

/* What was sent and is not acknowledged: a client whose kernel has no room for it lets it wait. */
static uint64_t on_its_way(int fd)
{
    int untaken = 0, unsent = 0;

    assert_int_equal(ioctl(fd, SIOCOUTQ, &untaken), 0);
    assert_int_equal(ioctl(fd, SIOCOUTQNSD, &unsent), 0);
    return untaken > unsent ? (uint64_t)(untaken - unsent) : 0;
}

/* What the kernel holds of the router's newest connection, but for what is on its way. */
static uint64_t held(struct rig *rig)
{
    uint32_t client[SK_MEMINFO_VARS] = {0}, server[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof client;

    rig_hold(rig);
    const struct conn *conn = TAILQ_LAST(&rig->worker.conns.list, conn_list);
    uint64_t sent = on_its_way(conn->client.fd); /* may become less meanwhile */
    assert_int_equal(getsockopt(conn->client.fd, SOL_SOCKET, SO_MEMINFO, client, &len), 0);
    assert_int_equal(getsockopt(conn->server.fd, SOL_SOCKET, SO_MEMINFO, server, &len), 0);
    if (conn->down.rest != NULL)
        assert_in_range(conn->down.rest->left, 1, 65536);
    rig_release(rig);
    uint64_t queued = client[SK_MEMINFO_WMEM_QUEUED];
    return (queued > sent ? queued - sent : 0) + server[SK_MEMINFO_RMEM_ALLOC];
}

/* It has read fast, so that all buffers have grown, and stops. Nothing is lost when it goes on. */
static void client_that_stops_reading_holds_little(void **state)
{
    static uint8_t bytes[65536];
    struct rig *rig = *state;
    int client, server;
    uint64_t sent = 0;

    rig_start_pair(rig, "", &client, &server);
    io_stream(server, client, 16 * MIB, 3);
    while (push(server, &sent))
        rig_settle(rig);
    assert_in_range(held(rig), 1, MIB);
    for (uint64_t got = 0; got < sent;) {
        ssize_t n = recv(client, bytes, sizeof bytes, 0);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            assert_true(bytes[i] == io_pattern(got + (uint64_t)i, 7));
        got += (uint64_t)n;
    }
    rig_end_pair(rig, client, server);
}

/* What a unix socket accepts inherits nothing from it. */
static void client_of_a_unix_socket(void **state)
{
    struct rig *rig = *state;
    char listener[128];

    snprintf(listener, sizeof listener, "{\"name\":\"socket\",\"address\":\"unix:@sizes-%d\"}",
             getpid());
    rig->listeners = listener;
    rig_server(rig);
    rig_start(rig, "\"sockets\":{\"receive\":\"16k\",\"send\":\"20k\"}");
    struct found found = look(rig, "socket");
    assert_int_equal(found.client_receive, AS_KEPT(16384));
    assert_int_equal(found.client_send, AS_KEPT(20480));
}

/* Streams work through the smallest buffers that are allowed. */
static void smallest_buffers(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "\"sockets\":{\"receive\":\"4k\",\"send\":\"4k\"}");
    rig_pair(rig, &client, &server);
    io_stream(client, server, 300000, 1);
    io_stream(server, client, 300000, 2);
    io_end(client);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROW(as_configured, auto),
        RIG_ROW(changed_by_a_reload, auto),
        RIG_ROW(bounded_by_default, auto),
        RIG_ROW(bound_changed_by_a_reload, auto),
        RIG_ROWS(client_that_stops_reading_holds_little),
        RIG_ROW(client_of_a_unix_socket, auto),
        RIG_ROWS(smallest_buffers),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
