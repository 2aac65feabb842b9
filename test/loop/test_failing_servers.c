/* What is told of servers that fail: to whom they did, and when it begins and ceases. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

static struct server *server_at(const struct rig *rig, uint32_t index)
{
    return snapshot_server(rig->snapshots[rig->snapshot_count - 1], 0, index);
}

static bool is_told(const struct rig *rig, uint32_t index)
{
    return atomic_load(&server_at(rig, index)->trouble.told);
}

static void serve(struct rig *rig, int client, uint32_t by)
{
    int server = rig_accept(rig, by);

    io_expect_hello(server, "a.test");
    io_send_text(server, "served");
    io_expect_text(client, "served");
    rig_end_pair(rig, client, server);
}

static void expect_tried(const struct rig *rig, uint32_t first, uint32_t second, const char *word)
{
    char text[256];

    snprintf(text, sizeof text,
             "\"tried\":[{\"server\":\"127.0.0.1:%u\",\"reason\":\"%s\"},"
             "{\"server\":\"127.0.0.1:%u\",\"reason\":\"%s\"}]",
             rig->ports[first], word, rig->ports[second], word);
    rig_expect_in_line(rig, text);
}

static void the_line_names_those_before_the_one_that_served(void **state)
{
    struct rig *rig = *state;

    rig_refusing_server(rig);
    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    serve(rig, rig_hello_client(rig, "a.test"), 2);
    rig_expect_in_line(rig, "\"retries\":2,\"tried\":[");
    expect_tried(rig, 0, 1, "connect_refused");
}

static void the_line_names_all_when_none_served(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_silent_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"2s\"}");
    log_set_level(LOG_LEVEL_WARNING);
    int client = rig_hello_client(rig, "a.test");
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "connect_timeout");
    rig_expect_in_line(rig, "\"reason\":\"connect_timeout\"},{\"server\"");
    assert_true(is_told(rig, 0) && is_told(rig, 1));
}

static void a_server_that_serves_at_once_is_all(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_end_pair(rig, client, server);
    assert_null(strstr(rig->line, "tried"));
    assert_true(trouble_is_over(&server_at(rig, 0)->trouble));
    rig_order_end(rig, ORDER_STOP, 0);
    rig_join(rig);
    assert_int_equal(rig->worker.conns.news_told, 0);
}

/* The server has not answered yet: that is no failure. */
static void a_client_that_goes_blames_nobody(void **state)
{
    struct rig *rig = *state;

    rig_silent_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accepted, 1);
    rig_settle(rig);
    rig_reset(rig, client);
    rig_expect_reason(rig, "client_abort");
    assert_null(strstr(rig->line, "tried"));
    assert_true(trouble_is_over(&server_at(rig, 0)->trouble));
}

/* Over a reload; one line for the beginning, one for the end, however many clients it concerns. */
static void it_begins_and_ceases_once(void **state)
{
    struct rig *rig = *state;
    bool served = false;

    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    log_set_level(LOG_LEVEL_WARNING);
    for (int i = 0; i < 6; i++)
        serve(rig, rig_hello_client(rig, "a.test"), 1);
    assert_true(is_told(rig, 0));
    assert_false(is_told(rig, 1));
    uint32_t failures = atomic_load(&server_at(rig, 0)->trouble.failures);
    assert_in_range(failures, 2, 6);
    rig_reload(rig, 0, "\"timeouts\":{\"idle\":\"77s\"}");
    rig_settle(rig);
    assert_true(is_told(rig, 0));
    assert_int_equal(atomic_load(&server_at(rig, 0)->trouble.failures), failures);
    assert_int_equal(listen(rig->servers[0], 64), 0);
    for (int i = 0; i < 4; i++) {
        int client = rig_hello_client(rig, "a.test");
        struct pollfd both[2] = {{.fd = rig->servers[0], .events = POLLIN},
                                 {.fd = rig->servers[1], .events = POLLIN}};
        assert_int_equal(poll(both, 2, RIG_PATIENCE_MS), 1);
        served |= both[0].revents != 0;
        serve(rig, client, both[0].revents != 0 ? 0 : 1);
    }
    assert_true(served);
    assert_false(is_told(rig, 0));
    assert_true(trouble_is_over(&server_at(rig, 0)->trouble));
    rig_order_end(rig, ORDER_STOP, 0);
    rig_join(rig);
    assert_int_equal(rig->worker.conns.news_told, 2);
}

/* A server that a reload has removed is still named by the line of a connection that it failed. */
static void it_is_named_when_it_is_gone(void **state)
{
    struct rig *rig = *state;
    char text[128];

    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    int client = rig_hello_client(rig, "a.test");
    int server = rig_accept(rig, 1);
    io_expect_hello(server, "a.test");
    rig_reload(rig, 1, "");
    rig_settle(rig);
    rig_wait_refs(rig, 0, 0);
    rig_end_pair(rig, client, server);
    snprintf(text, sizeof text, "\"tried\":[{\"server\":\"127.0.0.1:%u\",", rig->ports[0]);
    rig_expect_in_line(rig, text);
}

static void what_is_no_tls_is_named(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_client(rig, "");

    io_send_text(client, "GET / HTTP/1.1\r\n\r\n");
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "not_tls");
    rig_expect_in_line(rig, "\"looks\":\"http\"");
}

static void what_is_no_tls_and_is_served_is_named(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"policies\":{\"not_tls\":{\"backend\":\"web\"}}");
    int client = rig_client(rig, NULL);
    io_send_text(client, "SSH-2.0-x\r\n");
    int server = rig_accept(rig, 0);
    io_expect_text(server, "SSH-2.0-x\r\n");
    rig_end_pair(rig, client, server);
    rig_expect_in_line(rig, "\"looks\":\"ssh\",\"policy\":\"not_tls\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROWS(the_line_names_those_before_the_one_that_served),
        RIG_ROW(the_line_names_all_when_none_served, auto),
        RIG_ROWS(a_server_that_serves_at_once_is_all),
        RIG_ROW(a_client_that_goes_blames_nobody, auto),
        RIG_ROWS(it_begins_and_ceases_once),
        RIG_ROWS(it_is_named_when_it_is_gone),
        RIG_ROW(what_is_no_tls_is_named, auto),
        RIG_ROWS(what_is_no_tls_and_is_served_is_named),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
