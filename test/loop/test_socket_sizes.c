/* Buffers of sockets: as the operator says, also after a reload; else as the system decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/conn/conn_state.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* What the kernel makes of a size that it was asked for. */
#define AS_KEPT(bytes) (2 * (bytes))

struct found {
    int client_receive, client_send, server_receive, server_send;
};

static int size_of(int fd, int option)
{
    int size = -1;
    socklen_t len = sizeof size;

    assert_int_equal(getsockopt(fd, SOL_SOCKET, option, &size, &len), 0);
    return size;
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
                          size_of(conn->server.fd, SO_RCVBUF), size_of(conn->server.fd, SO_SNDBUF)};
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

/* The listener keeps its socket, and the next client has the new sizes. */
static void changed_by_a_reload(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    struct found before = look(rig, NULL);
    rig_reload(rig, 0, "\"sockets\":{\"receive\":\"16k\",\"send\":\"20k\"}");
    rig_settle(rig);
    struct found sized = look(rig, NULL);
    assert_int_equal(sized.client_receive, AS_KEPT(16384));
    assert_int_equal(sized.client_send, AS_KEPT(20480));
    assert_int_equal(sized.server_send, AS_KEPT(20480));
    rig_reload(rig, 0, "\"sockets\":{\"send\":\"20k\"}");
    rig_settle(rig);
    struct found half = look(rig, NULL);
    assert_int_equal(half.client_receive, before.client_receive);
    assert_int_equal(half.client_send, AS_KEPT(20480));
    assert_int_equal(half.server_receive, before.server_receive);
    rig_reload(rig, 0, "");
    rig_settle(rig);
    struct found after = look(rig, NULL);
    assert_int_equal(after.client_receive, before.client_receive);
    assert_true(after.client_send > AS_KEPT(20480)); /* the system adapts it again */
    assert_int_equal(after.server_receive, before.server_receive);
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
        RIG_ROW(client_of_a_unix_socket, auto),
        RIG_ROWS(smallest_buffers),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
