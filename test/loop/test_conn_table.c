/* The table of verdicts: for each row of it one situation that goes through that row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/conn/conn.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* --- PEEKING --- */

/* Half a hello: nothing reaches a server until the other half is there. */
static void peeking_wait(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_server(rig);
    rig_start(rig, "");
    int client = rig_client(rig, NULL);
    io_send(client, hello, len / 2);
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    rig_settle(rig);
    io_send(client, hello + len / 2, len - len / 2);
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
}

static void peeking_routed(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_hello_client(rig, "a.test");
    io_expect_hello(rig_accept(rig, 0), "a.test");
}

static void peeking_refuse(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "b.test");
    io_expect_alert(client, 112);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "no_route");
}

static void peeking_end(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int client = rig_client(rig, NULL);
    io_send_text(client, "\x16");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    rig_reset(rig, client);
    rig_expect_reason(rig, "hello_abort");
}

/* --- CONNECTING --- */

/* What the client says meanwhile changes nothing; the next server has it. */
static void connecting_wait(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"2s\"}");
    int client = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    io_send_text(client, "more");
    int server = rig_accept(rig, 1);
    io_expect_hello(server, "a.test");
    io_expect_text(server, "more");
}

static void connecting_connected(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    rig_pair(rig, &client, &server);
    io_send_text(server, "answer");
    io_expect_text(client, "answer");
}

static void connecting_refuse(void **state)
{
    struct rig *rig = *state;

    rig_refusing_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "connect_refused");
}

static void connecting_end(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    int client = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    rig_settle(rig);
    rig_reset(rig, client);
    rig_expect_reason(rig, "client_abort");
}

/* --- RELAYING --- */

static void relaying_wait(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    rig_pair(rig, &client, &server);
    for (int i = 0; i < 3; i++) {
        io_send_text(client, "question");
        io_expect_text(server, "question");
        io_send_text(server, "answer");
        io_expect_text(client, "answer");
    }
}

/* One side is gone: the other takes what was sent to it, then hears of it in the same way. */
static void relaying_deliver(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    rig_pair(rig, &client, &server);
    io_send_text(server, "last words");
    io_expect_text(client, "last words");
    rig_reset(rig, server);
    io_expect_reset(client);
    rig_expect_reason(rig, "server_abort");
}

static void relaying_end(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    rig_pair(rig, &client, &server);
    io_end(client);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

/* --- CLOSING --- */

/* What a refused client still says is read, so that its alert is not lost to a reset. */
static void closing_wait(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "b.test");
    io_expect_alert(client, 112);
    io_send_text(client, "but why");
    rig_settle(rig);
    io_expect_end(client);
    io_expect_no_reset(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "no_route");
}

static void closing_hang_up(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "b.test");
    io_expect_alert(client, 112);
    io_expect_end(client);
    rig_close(rig, client); /* the client hangs up: nobody waits for the end of its patience */
    rig_expect_reason(rig, "no_route");
}

static void closing_end(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"policies\":{\"unknown_sni\":\"reset\"}");
    io_expect_reset(rig_hello_client(rig, "b.test"));
    rig_expect_reason(rig, "no_route");
}

/* --- the rows --- */

static const struct {
    enum conn_state state;
    enum verdict_kind kind;
    void (*situation)(void **state);
} rows[] = {
    {CONN_PEEKING, VERDICT_WAIT, peeking_wait},
    {CONN_PEEKING, VERDICT_ROUTED, peeking_routed},
    {CONN_PEEKING, VERDICT_REFUSE, peeking_refuse},
    {CONN_PEEKING, VERDICT_END, peeking_end},
    {CONN_CONNECTING, VERDICT_WAIT, connecting_wait},
    {CONN_CONNECTING, VERDICT_CONNECTED, connecting_connected},
    {CONN_CONNECTING, VERDICT_REFUSE, connecting_refuse},
    {CONN_CONNECTING, VERDICT_END, connecting_end},
    {CONN_RELAYING, VERDICT_WAIT, relaying_wait},
    {CONN_RELAYING, VERDICT_DELIVER, relaying_deliver},
    {CONN_RELAYING, VERDICT_END, relaying_end},
    {CONN_CLOSING, VERDICT_WAIT, closing_wait},
    {CONN_CLOSING, VERDICT_HANG_UP, closing_hang_up},
    {CONN_CLOSING, VERDICT_END, closing_end},
};
#define ROWS (sizeof rows / sizeof rows[0])

/* A new row of the table needs its situation here, and one that goes takes it along. */
static void every_row_has_its_situation(void **state)
{
    size_t found = 0;

    (void)state;
    for (int s = 0; s < CONN_STATES; s++) {
        for (int v = 0; v < VERDICTS; v++)
            found += conn_has_row((enum conn_state)s, (enum verdict_kind)v);
    }
    assert_int_equal(found, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(conn_has_row(rows[i].state, rows[i].kind));
        for (size_t j = 0; j < i; j++)
            assert_true(rows[i].state != rows[j].state || rows[i].kind != rows[j].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_situation),
        RIG_ROWS(peeking_wait),
        RIG_ROWS(peeking_routed),
        RIG_ROWS(peeking_refuse),
        RIG_ROWS(peeking_end),
        RIG_ROWS(connecting_wait),
        RIG_ROWS(connecting_connected),
        RIG_ROWS(connecting_refuse),
        RIG_ROWS(connecting_end),
        RIG_ROWS(relaying_wait),
        RIG_ROWS(relaying_deliver),
        RIG_ROWS(relaying_end),
        RIG_ROWS(closing_wait),
        RIG_ROWS(closing_hang_up),
        RIG_ROWS(closing_end),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
