/* From the route to a server: the next one, none, several addresses at once, circles. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/conn/loop_guard.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"
#include "test/support/descriptors.h"

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

/* --- several servers --- */

static void at_most_so_many_tries(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 3; i++)
        rig_refusing_server(rig);
    rig_server(rig);
    rig->backend = ",\"tries\":2";
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test"); /* the balance begins with the first */
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_expect_reason(rig, "connect_refused");
    rig_expect_in_line(rig, "\"retries\":1");
}

static void one_try_is_no_other_server(void **state)
{
    struct rig *rig = *state;

    rig_refusing_server(rig);
    rig_server(rig);
    rig->backend = ",\"tries\":1";
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_expect_reason(rig, "connect_refused");
    expect_served(rig, rig_hello_client(rig, "a.test"), 1);
}

/* What the first of four would have had goes to the others alike. */
static void share_of_a_refusing_server_spreads(void **state)
{
    struct rig *rig = *state;
    uint32_t served[4] = {0};

    rig_refusing_server(rig);
    for (int i = 0; i < 3; i++)
        rig_server(rig);
    rig_start(rig, "");
    for (int i = 0; i < 36; i++) {
        struct pollfd polls[3];
        int client = rig_hello_client(rig, "a.test");
        for (uint32_t s = 1; s < 4; s++)
            polls[s - 1] = (struct pollfd){.fd = rig->servers[s], .events = POLLIN};
        assert_int_equal(poll(polls, 3, RIG_PATIENCE_MS), 1);
        for (uint32_t s = 1; s < 4; s++) {
            if (polls[s - 1].revents == 0)
                continue;
            served[s]++;
            rig_close(rig, rig_accept(rig, s));
        }
        rig_close(rig, client);
    }
    for (uint32_t s = 1; s < 4; s++)
        assert_in_range(served[s], 10, 14);
}

/* --- several addresses of one server --- */

/* Waits until the process has so many descriptors: attempts are sockets. */
static void wait_descriptors(int count)
{
    for (int tries = 0; descriptors_count() != count; tries++) {
        if (tries == RIG_PATIENCE_MS)
            fail_msg("%d descriptors, not %d", descriptors_count(), count);
        poll(NULL, 0, 1);
    }
}

/* A client whose connection has so many attempts under way, all in vain so far. */
static int client_of_a_race(struct rig *rig, int attempts)
{
    rig_settle(rig);
    int before = descriptors_count();
    int client = rig_hello_client(rig, "a.test");

    wait_descriptors(before + 2 + attempts); /* the client's two ends */
    return client;
}

static void silent_address_then_another(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"10s\"}");
    for (int i = 0; i < 2; i++) {
        expect_served(rig, rig_hello_client(rig, "a.test"), 1);
        rig_expect_in_line(rig, "\"server\":\"name.test:1\"");
        rig_expect_in_line(rig, "\"retries\":0");
    }
}

static void refusing_address_then_another(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_refusing_server(rig);
    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    expect_served(rig, rig_hello_client(rig, "a.test"), 2);
    rig_expect_in_line(rig, "\"retries\":0");
}

/* The second one's refusal is no reason to stop waiting for the first, nor to wait for a third. */
static void address_refuses_during_a_race(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"10s\"}");
    expect_served(rig, rig_hello_client(rig, "a.test"), 2);
}

static void every_address_refuses(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    for (int i = 0; i < 3; i++)
        rig_refusing_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_expect_reason(rig, "connect_refused");
    rig_expect_in_line(rig, "\"retries\":0");
}

static void every_address_is_silent(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    for (int i = 0; i < 3; i++)
        rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"1s\"}");
    int client = client_of_a_race(rig, 3); /* each has its try within the second */
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_expect_reason(rig, "connect_timeout");
}

/* Few descriptors: the next address is tried in the place of the one that says nothing. */
static void no_room_beside_a_silent_address(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig->connection_cap = 1;
    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    expect_served(rig, rig_hello_client(rig, "a.test"), 2);
    rig_expect_in_line(rig, "\"retries\":0");
    struct server *server = snapshot_server(rig->snapshots[0], 0, 0);
    rig_wait_figure(&stats_row(server->stats, 0)->connect_failures, 2);
    assert_int_equal(atomic_load(&rig->shared.beside), 0);
}

/* A newcomer waits while attempts beside the first have taken the room that it needs. */
static void attempts_beside_take_room(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig->connection_cap = 2;
    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = client_of_a_race(rig, 2);
    int other = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accept_pauses, 1);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 1);
    rig_reset(rig, client);
    rig_expect_reason(rig, "client_abort");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 2);
    rig_reset(rig, other);
    rig_expect_reason(rig, "client_abort");
    assert_int_equal(atomic_load(&rig->shared.beside), 0);
}

/* A budget shorter than the pause between addresses: each has its try all the same. */
static void little_time_for_two_addresses(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"200ms\"}");
    expect_served(rig, rig_hello_client(rig, "a.test"), 1);
}

/* Takes what fills the queue of a silent server; the kernel knocks again within seconds. */
static void begin_to_answer(struct rig *rig, uint32_t server)
{
    struct pollfd pollfd = {.fd = rig->servers[server], .events = POLLIN};

    rig_close(rig, rig_accept(rig, server));
    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
}

/*
 * Both attempts of a race are answered before the worker looks, `first` first: it gets the hello,
 * the other one is closed without a byte.
 */
static void race_is_won_by(struct rig *rig, uint32_t first)
{
    uint32_t second = 1 - first;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = client_of_a_race(rig, 2);
    rig_hold(rig);
    begin_to_answer(rig, first);
    begin_to_answer(rig, second);
    rig_release(rig);
    int winner = rig_accept(rig, first), loser = rig_accept(rig, second);
    io_expect_hello(winner, "a.test");
    io_expect_end(loser);
    io_send_text(winner, "served");
    io_expect_text(client, "served");
    io_end(client);
    io_expect_end(winner);
    io_end(winner);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

static void first_address_wins_the_race(void **state)
{
    race_is_won_by(*state, 0);
}

static void second_address_wins_the_race(void **state)
{
    race_is_won_by(*state, 1);
}

static void reset_during_a_race(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    rig_reset(rig, client_of_a_race(rig, 2));
    rig_expect_reason(rig, "client_abort");
}

static void told_to_end_during_a_race(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = client_of_a_race(rig, 2);
    rig_order_end(rig, ORDER_STOP, 0);
    io_expect_gone(client);
    rig_join(rig);
}

/* A whole server is silent, then the next one: its share is over before the race is. */
static void race_in_vain_then_next_server(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_silent_server(rig);
    rig->spare = "127.0.0.1:1"; /* nobody listens there */
    rig_start(rig, "\"timeouts\":{\"connect\":\"2s\"}");
    int client = client_of_a_race(rig, 2);
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_expect_reason(rig, "no_server"); /* they failed in different ways */
    rig_expect_in_line(rig, "\"retries\":1");
}

/* --- descriptors --- */

/* From now on the process may open only so many descriptors more; returns what held before. */
static rlim_t limit_descriptors(int more)
{
    struct rlimit limit;
    int fds[8], highest = 0;

    assert_in_range(more, 1, 8);
    for (int i = 0; i < more; i++) {
        fds[i] = dup(STDERR_FILENO);
        assert_true(fds[i] >= 0);
        highest = fds[i] > highest ? fds[i] : highest;
    }
    for (int i = 0; i < more; i++)
        close(fds[i]);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)highest + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void unlimit_descriptors(rlim_t before)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A client whose accept and `more - 1` further sockets are all that there is room for. */
static int client_with_few_descriptors(struct rig *rig, int more, rlim_t *before)
{
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_settle(rig);
    rig_hold(rig);
    int client = rig_client(rig, NULL);
    io_send(client, hello, len);
    *before = limit_descriptors(more);
    rig_release(rig);
    return client;
}

static void no_descriptor_for_an_attempt(void **state)
{
    struct rig *rig = *state;
    rlim_t before;

    rig_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    int client = client_with_few_descriptors(rig, 1, &before);
    io_expect_alert(client, 80);
    io_expect_end(client);
    unlimit_descriptors(before);
    rig_expect_reason(rig, "resource");
    rig_expect_in_line(rig, "\"retries\":0");
    rig_close(rig, client);
    expect_served(rig, rig_hello_client(rig, "a.test"), 1);
}

/* The attempt that is under way is waited for, and the next one is made when it can be. */
static void no_descriptor_during_a_race(void **state)
{
    struct rig *rig = *state;
    rlim_t before;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = client_with_few_descriptors(rig, 2, &before);
    struct server *server = snapshot_server(rig->snapshots[0], 0, 0);
    rig_wait_figure(&stats_row(server->stats, 0)->connect_failures, 1);
    unlimit_descriptors(before);
    expect_served(rig, client, 1);
}

/* --- circles --- */

static void expect_loop(struct rig *rig)
{
    int client = rig_hello_client(rig, "a.test");

    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "loop");
}

static void server_is_our_own_listener(void **state)
{
    struct rig *rig = *state;

    rig->leads_back = true;
    rig_start(rig, "");
    expect_loop(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 1);
}

static void one_address_is_our_own_listener(void **state)
{
    struct rig *rig = *state;

    rig->leads_back = rig->one_name = true;
    rig_server(rig);
    rig_start(rig, "");
    expect_served(rig, rig_hello_client(rig, "a.test"), 0);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 1);
}

static void server_is_our_own_unix_listener(void **state)
{
    struct rig *rig = *state;
    char address[64], listener[128];

    snprintf(address, sizeof address, "unix:@sni-router-loop-%d", getpid());
    snprintf(listener, sizeof listener, "{\"name\":\"public\",\"address\":\"%s\"}", address);
    rig->listeners = listener;
    rig->spare = address;
    rig_start(rig, "");
    expect_loop(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 1);
}

/*
 * Nobody knew beforehand: the hello comes round a few times. The innermost connection is refused,
 * and its alert goes all the way out.
 */
static void expect_circle_ends(struct rig *rig)
{
    const struct worker_stats *stats = rig->worker.conns.stats;
    int client = rig_hello_client(rig, "a.test");

    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_wait_figure(&stats->closed[REASON_LOOP], 1);
    rig_wait_figure(&stats->closed[REASON_CLOSED], LOOP_SUSPECT);
    assert_int_equal(stats_figure_read(&stats->accepted), LOOP_SUSPECT + 1);
}

static void circle_that_nobody_knew_of(void **state)
{
    struct rig *rig = *state;

    rig->leads_back = rig->unnoticed = true;
    rig_start(rig, "");
    expect_circle_ends(rig);
}

static void unix_circle_that_nobody_knew_of(void **state)
{
    struct rig *rig = *state;
    char address[64], listener[128];

    snprintf(address, sizeof address, "unix:@sni-router-circle-%d", getpid());
    snprintf(listener, sizeof listener, "{\"name\":\"public\",\"address\":\"%s\"}", address);
    rig->listeners = listener;
    rig->spare = address;
    rig->unnoticed = true;
    rig_start(rig, "");
    expect_circle_ends(rig);
}

/* The same hello from many clients is no circle. */
static void same_hello_from_many_clients(void **state)
{
    struct rig *rig = *state;
    int clients[30], servers[30];

    rig_server(rig);
    rig_start(rig, "");
    for (int i = 0; i < 30; i++)
        rig_pair(rig, &clients[i], &servers[i]);
    for (int i = 0; i < 30; i++) {
        io_end(clients[i]);
        io_expect_end(servers[i]);
        io_end(servers[i]);
        io_expect_end(clients[i]);
        rig_expect_reason(rig, "closed");
    }
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
        RIG_ROWS(at_most_so_many_tries),
        RIG_ROWS(one_try_is_no_other_server),
        RIG_ROW(share_of_a_refusing_server_spreads, auto),
        RIG_ROWS(silent_address_then_another),
        RIG_ROWS(refusing_address_then_another),
        RIG_ROWS(address_refuses_during_a_race),
        RIG_ROW(every_address_refuses, auto),
        RIG_ROW(every_address_is_silent, auto),
        RIG_ROW(no_room_beside_a_silent_address, auto),
        RIG_ROW(attempts_beside_take_room, auto),
        RIG_ROW(little_time_for_two_addresses, auto),
        RIG_ROWS(first_address_wins_the_race),
        RIG_ROWS(second_address_wins_the_race),
        RIG_ROW(reset_during_a_race, auto),
        RIG_ROW(told_to_end_during_a_race, auto),
        RIG_ROW(race_in_vain_then_next_server, auto),
        RIG_ROW(no_descriptor_for_an_attempt, auto),
        RIG_ROW(no_descriptor_during_a_race, auto),
        RIG_ROW(server_is_our_own_listener, auto),
        RIG_ROW(one_address_is_our_own_listener, auto),
        RIG_ROW(server_is_our_own_unix_listener, auto),
        RIG_ROWS(circle_that_nobody_knew_of),
        RIG_ROW(unix_circle_that_nobody_knew_of, auto),
        RIG_ROWS(same_hello_from_many_clients),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
