/* A worker's orders: drain, stop, another configuration; and how it accepts when it is full. */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

static void talk(int client, int server)
{
    io_send_text(client, "ping");
    io_expect_text(server, "ping");
    io_send_text(server, "pong");
    io_expect_text(client, "pong");
}

/* --- the end --- */

static void ends_without_connections(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_order_end(rig, ORDER_DRAIN, 60000);
    rig_join(rig);
}

static void drain_lets_finish(void **state)
{
    struct rig *rig = *state;
    struct target public;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_address(rig, NULL, &public);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    rig_wait_refused(rig, &public.address, public.len);
    talk(client, server);
    io_stream(server, client, 1000000, 1);
    rig_end_pair(rig, client, server);
    rig_join(rig);
}

static void drain_timeout_closes(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_order_end(rig, ORDER_DRAIN, 200);
    io_expect_gone(client);
    io_expect_gone(server);
    rig_expect_reason(rig, "drain_timeout");
    rig_join(rig);
}

static void stop_at_once(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    int client, server;

    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int connecting = rig_hello_client(rig, "a.test");
    rig_settle(rig);
    client = rig_hello_client(rig, "a.test");
    server = rig_accept(rig, 1);
    io_expect_hello(server, "a.test");
    size_t len = io_hello("a.test", hello);
    int peeking = rig_client(rig, NULL);
    io_send(peeking, hello, len - 1);
    int refused = rig_hello_client(rig, "unknown.test");
    io_expect_alert(refused, 112); /* its client has not hung up yet */
    rig_settle(rig);
    rig_order_end(rig, ORDER_STOP, 0);
    io_expect_gone(connecting);
    io_expect_gone(client);
    io_expect_gone(server);
    io_expect_gone(peeking);
    rig_join(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->closed[REASON_DRAIN_TIMEOUT]), 3);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->closed[REASON_NO_ROUTE]), 1);
}

/* Told to drain, then to stop, then to stop again, which it may not live to hear. */
static void stop_while_draining(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    talk(client, server);
    rig_order_end(rig, ORDER_STOP, 0);
    rig_order_end(rig, ORDER_STOP, 0);
    io_expect_gone(client);
    rig_join(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->closed[REASON_DRAIN_TIMEOUT]), 1);
}

/* What a server that was reset has left for the client is cut short: that is no end in order. */
static void stop_while_delivering(void **state)
{
    static uint8_t answer[150 * 1024];
    struct rig *rig = *state;
    int client, server;
    int small = 4096, unsent = 0;
    ssize_t n;

    rig_start_pair(rig, "", &client, &server);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    io_send(server, answer, sizeof answer);
    do
        assert_int_equal(ioctl(server, SIOCOUTQ, &unsent), 0);
    while (unsent > 0);
    rig_settle(rig);
    rig_hold(rig);
    rig_reset(rig, server);
    rig_release(rig);
    rig_settle(rig);
    rig_order_end(rig, ORDER_STOP, 0);
    rig_join(rig);
    while ((n = recv(client, answer, sizeof answer, 0)) > 0)
        continue;
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->closed[REASON_SERVER_ABORT]), 1);
}

/* What the kernel has accepted is served, not reset, when the drain begins. */
static void drain_takes_what_waits(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    int client = rig_client(rig, NULL);
    io_send(client, hello, len);
    struct order *drain = order_new(ORDER_DRAIN);
    assert_non_null(drain);
    drain->drain.ms = 60000;
    worker_post(&rig->worker, drain);
    rig->hold_ending = true; /* this hold is the last one */
    rig->holdable = false;
    rig_release(rig);
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    talk(client, server);
    rig_end_pair(rig, client, server);
    rig_join(rig);
}

/* --- another configuration --- */

static void adopt_new_snapshot_keeps_old_connections(void **state)
{
    struct rig *rig = *state;
    int old_client, old_server;

    rig_start_pair(rig, "", &old_client, &old_server);
    rig_server(rig);
    rig_reload(rig, 1, "\"policies\":{\"unknown_sni\":\"reset\"}");
    rig_settle(rig);
    for (int i = 0; i < 3; i++) {
        int client = rig_hello_client(rig, "a.test");
        int server = rig_accept(rig, 1);
        io_expect_hello(server, "a.test");
        rig_end_pair(rig, client, server);
    }
    io_expect_reset(rig_hello_client(rig, "b.test"));
    rig_expect_reason(rig, "no_route");
    talk(old_client, old_server);
    rig_end_pair(rig, old_client, old_server);
    assert_int_equal(atomic_load(&rig->snapshots[1]->refs), 1);
}

/* As control does once nobody uses it: the configuration is gone, with all that nobody uses. */
static void free_snapshot(struct rig *rig, uint32_t index)
{
    rig_wait_refs(rig, index, 0);
    assert_true(snapshot_free(rig->snapshots[index])); /* and its configuration with it */
    rig->snapshots[index] = NULL;
    servers_sweep(&rig->servers_known);
    stats_sweep(&rig->stats);
}

/* What relays goes on without the configuration it came under, and its line still says all. */
static void relaying_pins_no_configuration(void **state)
{
    struct rig *rig = *state;
    int client, server;
    char text[64];

    rig_start_pair(rig, "", &client, &server);
    rig_server(rig);
    rig_reload(rig, 1, "");
    free_snapshot(rig, 0);
    talk(client, server);
    rig_end_pair(rig, client, server);
    rig_expect_in_line(rig, "\"listener\":\"public\"");
    rig_expect_in_line(rig, "\"route\":\"a.test\"");
    rig_expect_in_line(rig, "\"backend\":\"web\"");
    snprintf(text, sizeof text, "\"server\":\"127.0.0.1:%u\"", rig->ports[0]);
    rig_expect_in_line(rig, text);
}

/* One that waits for its hello, or for a server, keeps what it was accepted under. */
static void waiting_pins_its_configuration(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    uint32_t silent = rig_silent_server(rig);
    rig_start(rig, "");
    int peeking = rig_client(rig, NULL);
    io_send_text(peeking, "\x16");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    rig_reload(rig, silent, "");
    rig_settle(rig); /* the order is followed: the next client comes under it */
    int connecting = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 2);
    rig_reload(rig, 0, "");
    rig_settle(rig);
    assert_int_equal(atomic_load(&rig->snapshots[0]->refs), 1);
    assert_int_equal(atomic_load(&rig->snapshots[1]->refs), 1);
    rig_reset(rig, peeking);
    free_snapshot(rig, 0);
    rig_reset(rig, connecting);
    free_snapshot(rig, 1);
    rig_expect_reason(rig, "hello_abort");
    rig_expect_reason(rig, "client_abort");
}

static void unused_snapshot_is_let_go_at_once(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    rig_reload(rig, 0, "");
    rig_wait_refs(rig, 0, 0);
    assert_int_equal(atomic_load(&rig->snapshots[1]->refs), 1);
}

/* A connection that was accepted under the old configuration is routed by it, too. */
static void hello_across_a_reload(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    int client = rig_start_client(rig, "");

    io_send(client, hello, len / 2);
    rig_settle(rig);
    rig_server(rig);
    rig_reload(rig, 1, "");
    rig_settle(rig);
    io_send(client, hello + len / 2, len - len / 2);
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    rig_end_pair(rig, client, server);
    rig_wait_refs(rig, 0, 0);
}

#define LISTENER(name) "{\"name\":\"" name "\",\"address\":\"127.0.0.1:0\"}"

static void removed_listener_closes(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    struct target public, second;

    rig->listeners = LISTENER("public") "," LISTENER("second");
    rig_server(rig);
    rig_start(rig, "");
    rig_address(rig, "public", &public);
    rig_address(rig, "second", &second);
    int client = rig_client(rig, "second");
    io_send(client, hello, len);
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");

    rig->listeners = LISTENER("public");
    rig_hold(rig);
    int waiting = rig_client(rig, "second"); /* the kernel has it: it is served */
    io_send(waiting, hello, len);
    rig_reload(rig, 0, "");
    rig_release(rig);
    rig_wait_refused(rig, &second.address, second.len);
    int waiting_server = rig_accept(rig, 0);
    io_expect_hello(waiting_server, "a.test");
    rig_end_pair(rig, waiting, waiting_server);
    rig_expect_in_line(rig, "\"listener\":\"second\"");

    talk(client, server);
    rig_end_pair(rig, client, server);
    rig_expect_in_line(rig, "\"listener\":\"second\"");
    rig_pair(rig, &client, &server); /* "public" is where it was */
    rig_end_pair(rig, client, server);
    rig_expect_in_line(rig, "\"listener\":\"public\"");
}

static void added_listener_opens(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    rig->listeners = LISTENER("second") "," LISTENER("public");
    rig_reload(rig, 0, "");
    client = rig_client(rig, "second");
    io_send_text(client, "not TLS");
    io_expect_end(client);
    rig_expect_reason(rig, "not_tls");
    rig_expect_in_line(rig, "\"listener\":\"second\"");
    rig_pair(rig, &client, &server); /* its index has changed */
    rig_end_pair(rig, client, server);
    rig_expect_in_line(rig, "\"listener\":\"public\"");
}

/* --- full --- */

/*
 * Accepting pauses while the cap is reached, goes on when there is room, and does not spin: however
 * often the loop turns meanwhile, no listener is looked at, which would count another pause.
 */
static void connection_cap_pauses_and_resumes(void **state)
{
    struct rig *rig = *state;
    int clients[4], servers[4];

    rig->connection_cap = 2;
    rig_start_pair(rig, "", &clients[0], &servers[0]);
    rig_pair(rig, &clients[1], &servers[1]);
    clients[2] = rig_hello_client(rig, "a.test");
    clients[3] = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accept_pauses, 1);
    for (int i = 0; i < 100; i++) {
        talk(clients[i % 2], servers[i % 2]);
        rig_settle(rig);
    }
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accept_pauses), 1);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 2);
    for (int i = 0; i < 2; i++) /* the second may leave while accepting pauses anew */
        rig_end_pair(rig, clients[i], servers[i]);
    for (int i = 2; i < 4; i++) {
        servers[i] = rig_accept(rig, 0);
        io_expect_hello(servers[i], "a.test");
    }
    assert_in_range(stats_figure_read(&rig->worker.conns.stats->accept_pauses), 1, 3);
    talk(clients[2], servers[2]);
    talk(clients[3], servers[3]);
}

/* A listener that opens while accepting pauses waits with the others. */
static void listener_added_while_full(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig->connection_cap = 1;
    rig_start_pair(rig, "", &client, &server);
    int waiting = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accept_pauses, 1);
    rig->listeners = LISTENER("public") "," LISTENER("second");
    rig_reload(rig, 0, "");
    rig_settle(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 1);
    rig_end_pair(rig, client, server);
    server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    rig_end_pair(rig, waiting, server);
    client = rig_client(rig, "second");
    io_send_text(client, "not TLS");
    io_expect_end(client);
    rig_expect_reason(rig, "not_tls");
}

/* Told to end while it is full and a client waits: there is room for it once another has left. */
static void end_while_full(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig->connection_cap = 1;
    rig_start_pair(rig, "", &client, &server);
    int waiting = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accept_pauses, 1);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    talk(client, server);
    rig_end_pair(rig, client, server);
    server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    rig_end_pair(rig, waiting, server);
    rig_join(rig);
}

/* Nobody leaves: it ends with the drain all the same. */
static void drain_is_over_while_full(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig->connection_cap = 1;
    rig_start_pair(rig, "", &client, &server);
    int waiting = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accept_pauses, 1);
    rig_order_end(rig, ORDER_DRAIN, 200);
    io_expect_gone(waiting);
    io_expect_gone(client);
    rig_join(rig);
}

/* --- asking --- */

/* What an ask has found, written by the worker, read when it was answered. */
struct found {
    uint32_t conns;
    bool answered;
    bool looked;
};

static void count_conns(struct conns *conns, void *context)
{
    struct found *found = context;

    found->conns = conns->count;
}

static void on_answer(void *context, bool looked)
{
    struct found *found = context;

    found->answered = true;
    found->looked = looked;
}

static void ask(struct rig *rig, struct found *found)
{
    struct order *order = order_new(ORDER_ASK);

    assert_non_null(order);
    *found = (struct found){0};
    order->ask.look = count_conns;
    order->ask.on_answer = on_answer;
    order->ask.context = found;
    worker_post(&rig->worker, order);
}

static void asked_while_running(void **state)
{
    struct rig *rig = *state;
    struct found found;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    ask(rig, &found);
    rig_settle(rig);
    assert_false(found.answered); /* nothing of the asker's runs on the worker's thread */
    order_answer_all(&rig->answers, NULL, NULL);
    assert_true(found.answered && found.looked);
    assert_int_equal(found.conns, 1);
}

/* Whoever asks is answered, also by a worker that has ended meanwhile. */
static void asked_after_the_end(void **state)
{
    struct rig *rig = *state;
    struct found found;

    rig_server(rig);
    rig_start(rig, "");
    rig_order_end(rig, ORDER_STOP, 0);
    for (int tries = 0; tries < RIG_PATIENCE_MS && !atomic_load(&rig->worker.ended); tries++)
        poll(NULL, 0, 1);
    ask(rig, &found);
    rig_join(rig);
    order_answer_all(&rig->answers, NULL, NULL);
    assert_true(found.answered && !found.looked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROWS(ends_without_connections),
        RIG_ROWS(drain_lets_finish),
        RIG_ROWS(drain_timeout_closes),
        RIG_ROWS(stop_at_once),
        RIG_ROWS(stop_while_draining),
        RIG_ROWS(stop_while_delivering),
        RIG_ROWS(asked_while_running),
        RIG_ROWS(asked_after_the_end),
        RIG_ROWS(drain_takes_what_waits),
        RIG_ROWS(adopt_new_snapshot_keeps_old_connections),
        RIG_ROWS(relaying_pins_no_configuration),
        RIG_ROWS(waiting_pins_its_configuration),
        RIG_ROWS(unused_snapshot_is_let_go_at_once),
        RIG_ROWS(hello_across_a_reload),
        RIG_ROWS(removed_listener_closes),
        RIG_ROWS(added_listener_opens),
        RIG_ROWS(connection_cap_pauses_and_resumes),
        RIG_ROWS(listener_added_while_full),
        RIG_ROWS(end_while_full),
        RIG_ROWS(drain_is_over_while_full),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
