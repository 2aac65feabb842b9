/* From the route to a server: the next one, none, and a client that does not wait for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* The client's hello reaches this server, and the connection is good for both ways. */
static void expect_served(struct rig *rig, int client, uint32_t by)
{
    int server = rig_accept(rig, by);

    io_expect_hello(server, "a.test");
    io_send_text(server, "served");
    io_expect_text(client, "served");
    rig_end_pair(rig, client, server);
}

static void connect_refused_next_server(void **state)
{
    struct rig *rig = *state;

    rig_refusing_server(rig);
    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    for (int i = 0; i < 3; i++) /* the balance begins with each of them once */
        expect_served(rig, rig_hello_client(rig, "a.test"), 2);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->retries), 2 + 1);
}

static void connect_refused_names_the_server_that_served(void **state)
{
    struct rig *rig = *state;
    char server[64];

    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    expect_served(rig, rig_hello_client(rig, "a.test"), 1);
    snprintf(server, sizeof server, "\"server\":\"127.0.0.1:%u\"", rig->ports[1]);
    rig_expect_in_line(rig, server);
    rig_expect_in_line(rig, "\"retries\":1");
}

static void all_servers_refuse_alert_80(void **state)
{
    struct rig *rig = *state;

    rig_refusing_server(rig);
    rig_refusing_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "connect_refused");
    rig_expect_in_line(rig, "\"retries\":1");
    rig_expect_in_line(rig, "\"route\":\"a.test\",\"backend\":\"web\",\"server\":\"127.0.0.1:");
    rig_expect_in_line(rig, "\"bytes_in\":0,\"bytes_out\":0");
}

static void connect_timeout_next_server(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"2s\"}");
    expect_served(rig, rig_hello_client(rig, "a.test"), 1);
    rig_expect_in_line(rig, "\"retries\":1");
}

static void all_servers_silent_alert_80(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"300ms\"}");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "connect_timeout");
}

static void servers_fail_differently(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_refusing_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"2s\"}");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "no_server");
}

static void unix_server_is_absent(void **state)
{
    struct rig *rig = *state;

    rig->spare = "unix:/nonexistent/server.sock";
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "connect_refused");
}

/* A connect to a unix socket is done at once, here from within the timer that gave the silent
 * server up: the idle timeout must hold all the same. */
static void unix_server_after_a_silent_one(void **state)
{
    struct rig *rig = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char spare[64];

    rig_silent_server(rig);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listening >= 0);
    rig->sockets[rig->socket_count++] = listening;
    /* Only a family: the kernel picks a name of the abstract name space, five digits. */
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(listen(listening, 8), 0);
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    snprintf(spare, sizeof spare, "unix:@%.5s", address.sun_path + 1);
    rig->spare = spare;
    rig->servers[rig->server_count] = listening;
    rig_start(rig, "\"timeouts\":{\"connect\":\"2s\",\"idle\":\"200ms\"}");
    int client = rig_hello_client(rig, "a.test");
    int server = accept(listening, NULL, NULL);
    assert_true(server >= 0);
    rig->sockets[rig->socket_count++] = server;
    io_bound(server);
    io_expect_hello(server, "a.test");
    io_expect_gone(client);
    rig_expect_reason(rig, "idle_timeout");
    rig_expect_in_line(rig, "\"retries\":1");
}

static void reset_while_connecting(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = rig_hello_client(rig, "a.test");
    rig_settle(rig);
    rig_reset(rig, client);
    rig_expect_reason(rig, "client_abort");
    rig_expect_in_line(rig, "\"backend\":\"web\"");
}

/* The second half of the hello and the reset are found at once: there is nobody to connect for. */
static void reset_with_the_end_of_the_hello(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = rig_client(rig, NULL);
    io_send(client, hello, len / 2);
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    rig_settle(rig);
    rig_hold(rig);
    io_send(client, hello + len / 2, len - len / 2);
    rig_reset(rig, client);
    rig_release(rig);
    rig_expect_reason(rig, "client_abort");
}

/* An end is no abort: the client may well have said all it wants to say. */
static void end_while_connecting(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    int client = rig_start_hello_client(rig, "\"timeouts\":{\"connect\":\"2s\"}", "a.test");
    rig_settle(rig);
    io_end(client);
    int server = rig_accept(rig, 1);
    io_expect_hello(server, "a.test");
    io_expect_end(server);
    io_send_text(server, "late answer");
    io_end(server);
    io_expect_text(client, "late answer");
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

/* More bytes come while the connect is under way: they are as good as those before. */
static void bytes_while_connecting(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    int client = rig_start_hello_client(rig, "\"timeouts\":{\"connect\":\"2s\"}", "a.test");
    rig_settle(rig);
    io_send_text(client, "early data");
    int server = rig_accept(rig, 1);
    io_expect_hello(server, "a.test");
    io_expect_text(server, "early data");
    rig_end_pair(rig, client, server);
}

static void balance_in_turn(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    for (uint32_t i = 0; i < 6; i++)
        expect_served(rig, rig_hello_client(rig, "a.test"), i % 2);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->retries), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROWS(connect_refused_next_server),
        RIG_ROWS(connect_refused_names_the_server_that_served),
        RIG_ROWS(all_servers_refuse_alert_80),
        RIG_ROWS(connect_timeout_next_server),
        RIG_ROWS(all_servers_silent_alert_80),
        RIG_ROWS(servers_fail_differently),
        RIG_ROWS(unix_server_is_absent),
        RIG_ROWS(unix_server_after_a_silent_one),
        RIG_ROWS(reset_while_connecting),
        RIG_ROWS(reset_with_the_end_of_the_hello),
        RIG_ROWS(end_while_connecting),
        RIG_ROWS(bytes_while_connecting),
        RIG_ROWS(balance_in_turn),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
