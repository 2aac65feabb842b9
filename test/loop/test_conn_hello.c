/* From accept to the route: how hellos arrive, and how they do not. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "router/conn/conn_state.h"
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

/* --- hellos in pieces --- */

/* This program is linked with --wrap: how often the worker asks the parser, and the kernel. */
enum hello_result __real_hello_parse(const uint8_t *bytes, size_t len, uint32_t limit,
                                     struct client_hello *hello);
enum hello_result __wrap_hello_parse(const uint8_t *bytes, size_t len, uint32_t limit,
                                     struct client_hello *hello);

ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);

static atomic_uint parsed, received;

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    atomic_fetch_add(&received, 1);
    return __real_recv(fd, bytes, len, flags);
}

enum hello_result __wrap_hello_parse(const uint8_t *bytes, size_t len, uint32_t limit,
                                     struct client_hello *hello)
{
    atomic_fetch_add(&parsed, 1);
    return __real_hello_parse(bytes, len, limit, hello);
}

/* A hello for a.test, of so many bytes at least. */
static size_t large_hello(size_t bytes, uint8_t *hello, size_t cap)
{
    struct hello_spec spec;

    hello_spec_init(&spec, "a.test");
    spec.total_bytes = bytes;
    size_t len = hello_build(&spec, hello, cap);
    assert_true(len >= bytes);
    return len;
}

static void drip(struct rig *rig, int client, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        io_send(client, bytes + i, 1);
        if (i < 64 || i % 97 == 0 || i + 3 > len)
            rig_settle(rig);
    }
}

static void hello_dripped_byte_by_byte(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len;

    rig_server(rig);
    rig_start(rig, "");
    len = large_hello(1800, hello, sizeof hello);
    int client = rig_client(rig, NULL);
    atomic_store(&parsed, 0);
    drip(rig, client, hello, len);
    int server = rig_accept(rig, 0);
    io_expect(server, hello, len);
    assert_in_range(atomic_load(&parsed), 2, 10); /* not for every byte */
    io_send_text(client, "!");
    io_expect_text(server, "!");
    converse_and_end(rig, client, server);
}

/* Whoever sends a byte at a time has the kernel asked once for each, not until it says no. */
static void byte_by_byte_costs_a_call_each(void **state)
{
    enum { BYTES = 64 };
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];

    rig_server(rig);
    rig_start(rig, "");
    size_t len = large_hello(1800, hello, sizeof hello);
    int client = rig_client(rig, NULL);
    io_send(client, hello, 1);
    rig_settle(rig);
    atomic_store(&received, 0);
    for (size_t i = 1; i <= BYTES; i++) {
        io_send(client, hello + i, 1);
        rig_settle(rig);
    }
    assert_in_range(atomic_load(&received), 2, BYTES + 8);
    io_send(client, hello + BYTES + 1, len - BYTES - 1);
    int server = rig_accept(rig, 0);
    io_expect(server, hello, len);
    converse_and_end(rig, client, server);
}

/* What a client that has sent `sent` bytes of a hello costs while it is silent. */
static void expect_cheap(struct rig *rig, size_t sent)
{
    int unread = -1;
    size_t kept;

    rig_settle(rig);
    rig_hold(rig);
    const struct conn *conn = TAILQ_FIRST(&rig->worker.conns.list);
    assert_int_equal(conn->state, CONN_PEEKING);
    assert_int_equal(ioctl(conn->client.fd, FIONREAD, &unread), 0);
    assert_int_equal(unread, 0); /* the kernel holds nothing */
    assert_non_null(pump_prefaced(&conn->up, &kept));
    assert_int_equal(kept, sent);
    assert_true(malloc_usable_size(conn->up.rest) <= sent + 1024);
    rig_release(rig);
}

/* It announces a large hello and sends little of it: it costs what it has sent. */
static void silent_after_a_piece(void **state)
{
    static uint8_t hello[70000];
    struct rig *rig = *state;
    size_t pieces[] = {1, 8, 1500, 16000};

    rig_server(rig);
    rig_start(rig, "");
    size_t len = large_hello(60000, hello, sizeof hello);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        int client = rig_client(rig, NULL);
        io_send(client, hello, pieces[i]);
        expect_cheap(rig, pieces[i]);
        io_send(client, hello + pieces[i], len - pieces[i]);
        int server = rig_accept(rig, 0);
        io_expect(server, hello, len);
        converse_and_end(rig, client, server);
    }
}

/* In pieces, with bulk right behind it, in the segment of its last piece and after. */
static void pieces_with_bulk_behind(void **state)
{
    enum { BULK = 500000 };
    static uint8_t bytes[4000 + 16384 + BULK];
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    size_t len = large_hello(4000, bytes, sizeof bytes);
    io_fill(bytes + len, BULK, 0, 1);
    for (size_t cut = 1; cut < len; cut += 1111) {
        int client = rig_client(rig, NULL);
        io_send(client, bytes, cut);
        rig_settle(rig);
        io_send(client, bytes + cut, len + 100 - cut);
        int server = rig_accept(rig, 0);
        io_send(client, bytes + len + 100, BULK - 100);
        io_expect(server, bytes, len + BULK);
        converse_and_end(rig, client, server);
        char in_line[64];
        snprintf(in_line, sizeof in_line, "\"bytes_in\":%zu,", len + BULK + 2);
        rig_expect_in_line(rig, in_line);
    }
}

/* The pieces outlive a server that refuses. */
static void pieces_for_the_next_server(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_refusing_server(rig);
    rig_refusing_server(rig);
    uint32_t good = rig_server(rig);
    rig_start(rig, "");
    int client = rig_client(rig, NULL);
    io_send(client, hello, 100);
    rig_settle(rig);
    io_send(client, hello + 100, len - 100);
    int server = rig_accept(rig, good);
    io_expect(server, hello, len);
    converse_and_end(rig, client, server);
}

/* Whatever the pieces come to, they are freed, and no server sees them. */
static void pieces_that_are_refused(void **state)
{
    static const struct {
        size_t at; /* the byte that is changed */
        uint8_t byte;
        const char *reason;
    } cases[] = {
        {5, 2, "malformed"},    /* a message that is no ClientHello */
        {6, 0xff, "too_large"}, /* announces 16 MiB */
        {3, 0x7f, "malformed"}, /* a record of 32 KiB */
        {0, 'G', "not_tls"},
    };
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = io_hello("a.test", hello);
        hello[cases[i].at] = cases[i].byte;
        int client = rig_client(rig, NULL);
        drip(rig, client, hello, cases[i].at + 1);
        (void)send(client, hello + cases[i].at + 1, len - cases[i].at - 1, MSG_NOSIGNAL);
        rig_expect_reason(rig, cases[i].reason);
        rig_expect_in_line(rig, "\"bytes_in\":0,");
        rig_close(rig, client);
    }
    size_t len = io_hello("nowhere.test", hello);
    int client = rig_client(rig, NULL);
    drip(rig, client, hello, len);
    io_expect_alert(client, 112);
    rig_close(rig, client);
    rig_expect_reason(rig, "no_route");
}

/* The router is told to stop while pieces are held, waiting for more and for a server. */
static void pieces_at_the_stop(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_silent_server(rig);
    rig_start(rig, "");
    int waiting = rig_client(rig, NULL), whole = rig_client(rig, NULL);
    io_send(waiting, hello, 100);
    io_send(whole, hello, 100);
    rig_settle(rig);
    io_send(whole, hello + 100, len - 100);
    rig_settle(rig);
    rig_order_end(rig, ORDER_STOP, 0);
    io_expect_gone(waiting);
    io_expect_gone(whole);
    rig_expect_reason(rig, "drain_timeout");
    rig_expect_reason(rig, "drain_timeout");
}

/* Every size of hello through receive buffers that begin as small as they may be. */
static void small_receive_buffers(void **state)
{
    static const size_t sizes[] = {600, 1700, 3000, 6000, 14000, 15000, 20000, 33000, 65000};
    static uint8_t hello[70000];
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"sockets\":{\"receive\":\"4k\"}");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = large_hello(sizes[i], hello, sizeof hello);
        int client = rig_client(rig, NULL);
        io_send(client, hello, len);
        int server = rig_accept(rig, 0);
        io_expect(server, hello, len);
        converse_and_end(rig, client, server);
    }
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

/*
 * The largest hello that is allowed, in records of one byte: longer than any first look, also
 * through a receive buffer that holds a hundredth of it.
 */
static void largest_in_smallest_records(struct rig *rig, const char *members)
{
    static uint8_t message[HELLO_LIMIT_DEFAULT + 4], wire[6 * sizeof message];
    static const size_t cut = 1;
    struct hello_spec spec;

    rig_server(rig);
    rig_start(rig, members);
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

static void largest_hello_in_smallest_records(void **state)
{
    largest_in_smallest_records(*state, "");
}

static void largest_hello_through_a_small_buffer(void **state)
{
    largest_in_smallest_records(*state, "\"sockets\":{\"receive\":\"4k\"}");
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
        RIG_ROW(byte_by_byte_costs_a_call_each, auto),
        RIG_ROWS(silent_after_a_piece),
        RIG_ROWS(pieces_with_bulk_behind),
        RIG_ROWS(pieces_for_the_next_server),
        RIG_ROWS(pieces_that_are_refused),
        RIG_ROWS(pieces_at_the_stop),
        RIG_ROWS(small_receive_buffers),
        RIG_ROWS(rest_of_hello_with_the_end),
        RIG_ROWS(hello_cut_into_records),
        RIG_ROWS(largest_hello_in_smallest_records),
        RIG_ROWS(largest_hello_through_a_small_buffer),
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
