/* From accept to the route: how hellos arrive, and how they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sni/build.h"
#include "sni/hello.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* Both ways and in order to the end: what a routed connection must do. */
static void converse_and_end(struct rig *rig, int client, int server)
{
    io_send_text(client, "up");
    io_expect_text(server, "up");
    io_send_text(server, "down");
    io_expect_text(client, "down");
    rig_end_pair(rig, client, server);
}

static void hello_in_one_segment(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    converse_and_end(rig, client, server);
    rig_expect_in_line(rig, "\"sni\":\"a.test\"");
    rig_expect_in_line(rig, "\"route\":\"a.test\",\"backend\":\"web\"");
    rig_expect_in_line(rig, "\"alpn\":[\"h2\",\"http/1.1\"]");
    rig_expect_in_line(rig, "\"tls\":\"TLSv1.3\"");
    rig_expect_in_line(rig, "\"retries\":0");
    rig_expect_in_line(rig, "\"bytes_out\":4,");
}

/* What follows the hello in the same segment goes the same way. */
static void hello_with_data_behind(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[IO_HELLO_MAX + 1000];
    size_t len;

    rig_server(rig);
    rig_start(rig, "");
    len = io_hello("a.test", bytes);
    io_fill(bytes + len, 1000, 0, 1);
    int client = rig_client(rig, NULL);
    io_send(client, bytes, len + 1000);
    int server = rig_accept(rig, 0);
    io_expect(server, bytes, len + 1000);
    converse_and_end(rig, client, server);
}

static void hello_and_end_at_once(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    int client = rig_hello_client(rig, "a.test");
    io_end(client);
    rig_release(rig);
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    io_expect_end(server);
    io_send_text(server, "answer");
    io_end(server);
    io_expect_text(client, "answer");
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

/* The worker looks at every byte, and asks the kernel for all that are missing. */
static void hello_dripped_byte_by_byte(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len;

    rig_server(rig);
    rig_start(rig, "");
    len = io_hello("a.test", hello);
    int client = rig_client(rig, NULL);
    for (size_t i = 0; i < len; i++) {
        io_send(client, hello + i, 1);
        if (i < 64 || i % 97 == 0 || i + 3 > len)
            rig_settle(rig);
    }
    int server = rig_accept(rig, 0);
    io_expect(server, hello, len);
    /* One byte must be enough to wake it now, though it had waited for many. */
    io_send_text(client, "!");
    io_expect_text(server, "!");
    converse_and_end(rig, client, server);
}

/* Half, then the worker waits for the rest; then the rest, the end and all at once. */
static void rest_of_hello_with_the_end(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    int client = rig_start_client(rig, "");

    io_send(client, hello, len / 2);
    rig_settle(rig);
    rig_hold(rig);
    io_send(client, hello + len / 2, len - len / 2);
    io_end(client);
    rig_release(rig);
    int server = rig_accept(rig, 0);
    io_expect(server, hello, len);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

static size_t cut_hello(const size_t *cuts, size_t count, uint8_t *wire, size_t cap)
{
    uint8_t message[IO_HELLO_MAX];
    struct hello_spec spec;

    hello_spec_init(&spec, "a.test");
    spec.total_bytes = 1800;
    size_t len = hello_build_handshake(&spec, message, sizeof message);
    assert_true(len >= 1800);
    return hello_wrap_records(message, len, 0x0301, cuts, count, wire, cap);
}

static void hello_cut_into_records(void **state)
{
    static const size_t cuts[][3] = {{1, 1, 1}, {3, 50, 7}, {4, 90, 16384}, {1700, 1, 2}};
    struct rig *rig = *state;
    uint8_t wire[6 * IO_HELLO_MAX];

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        size_t len = cut_hello(cuts[i], 3, wire, sizeof wire);
        int client = rig_client(rig, NULL);
        io_send(client, wire, len - 1);
        rig_settle(rig);
        io_send(client, wire + len - 1, 1);
        int server = rig_accept(rig, 0);
        io_expect(server, wire, len);
        converse_and_end(rig, client, server);
    }
}

/* The largest hello that is allowed, in records of one byte: longer than any first look. */
static void largest_hello_in_smallest_records(void **state)
{
    static uint8_t message[HELLO_LIMIT_DEFAULT + 4], wire[6 * sizeof message];
    static const size_t cut = 1;
    struct rig *rig = *state;
    struct hello_spec spec;

    rig_server(rig);
    rig_start(rig, "");
    hello_spec_init(&spec, "a.test");
    spec.total_bytes = 60000;
    size_t len = hello_build_handshake(&spec, message, sizeof message);
    assert_true(len >= 60000);
    len = hello_wrap_records(message, len, 0x0301, &cut, 1, wire, sizeof wire);
    assert_true(len > 300000);
    int client = rig_client(rig, NULL);
    io_send(client, wire, len);
    int server = rig_accept(rig, 0);
    io_expect(server, wire, len);
    converse_and_end(rig, client, server);
}

static void half_hello_then_fin(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_server(rig);
    rig_start(rig, "");
    for (int late = 0; late < 2; late++) {
        int client = rig_client(rig, NULL);
        io_send(client, hello, len / 2);
        if (late)
            rig_settle(rig);
        io_end(client);
        io_expect_gone(client);
        rig_expect_reason(rig, "hello_abort");
        rig_expect_in_line(rig, "\"bytes_in\":0,");
    }
}

static void half_hello_then_reset(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    int client = rig_client(rig, NULL);
    io_send(client, hello, len / 2);
    rig_reset(rig, client); /* before it is accepted: it may vanish without a trace */
    rig_release(rig);
    rig_settle(rig);
    client = rig_client(rig, NULL);
    io_send(client, hello, len - 1);
    rig_settle(rig);
    rig_reset(rig, client);
    rig_wait_figure(&rig->worker.conns.stats->closed[REASON_HELLO_ABORT],
                    stats_figure_read(&rig->worker.conns.stats->accepted));
}

static void reset_while_peeking(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    int client = rig_start_client(rig, "");

    io_send(client, hello, len / 2);
    rig_settle(rig);
    rig_hold(rig); /* the rest and the reset are found together: the reset wins */
    io_send(client, hello + len / 2, len - len / 2 - 1);
    rig_reset(rig, client);
    rig_release(rig);
    rig_expect_reason(rig, "hello_abort");
}

/* Closed without a byte: a figure, not a line. */
static void port_scan(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_client(rig, "");

    io_end(client);
    io_expect_end(client);
    rig_wait_figure(&rig->worker.conns.stats->empty, 1);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 1);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->closed[REASON_HELLO_ABORT]), 1);
}

static void silence_until_timeout(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_client(
        rig, "\"timeouts\":{\"hello\":\"100ms\"},\"policies\":{\"hello_timeout\":\"alert\"}");

    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "hello_timeout");
}

static void half_hello_until_timeout(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    int client = rig_start_client(rig, "\"timeouts\":{\"hello\":\"500ms\"}");

    io_send(client, hello, len - 1);
    io_expect_end(client);
    rig_expect_reason(rig, "hello_timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROWS(hello_in_one_segment),
        RIG_ROWS(hello_with_data_behind),
        RIG_ROWS(hello_and_end_at_once),
        RIG_ROWS(hello_dripped_byte_by_byte),
        RIG_ROWS(rest_of_hello_with_the_end),
        RIG_ROWS(hello_cut_into_records),
        RIG_ROWS(largest_hello_in_smallest_records),
        RIG_ROWS(half_hello_then_fin),
        RIG_ROWS(half_hello_then_reset),
        RIG_ROWS(reset_while_peeking),
        RIG_ROWS(port_scan),
        RIG_ROWS(silence_until_timeout),
        RIG_ROWS(half_hello_until_timeout),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
