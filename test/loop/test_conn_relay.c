/* Relaying: bytes both ways, ends and resets passed on, sides that do not read, timeouts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

#define BULK_BYTES (8u * 1024u * 1024u)
/* More than all buffers on the way can hold: the sockets' at their largest and a rest. */
#define MORE_THAN_BUFFERS (512u * 1024u * 1024u)

/* --- socket options --- */

static uint16_t port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in at = {0};
    socklen_t len = sizeof at;

    return name(fd, (struct sockaddr *)&at, &len) == 0 && at.sin_family == AF_INET
               ? ntohs(at.sin_port)
               : 0;
}

static int peer_name(int fd, struct sockaddr *at, socklen_t *len)
{
    return getpeername(fd, at, len);
}

static int own_name(int fd, struct sockaddr *at, socklen_t *len)
{
    return getsockname(fd, at, len);
}

/* The router's end of a connection whose other end is the test's `fd`: they share the process. */
static int other_end(int fd)
{
    uint16_t own = port_of(fd, own_name), peer = port_of(fd, peer_name);

    for (int candidate = 3; candidate < 1024; candidate++) {
        if (port_of(candidate, own_name) == peer && port_of(candidate, peer_name) == own)
            return candidate;
    }
    fail_msg("no socket has port %u as its peer", own);
    return -1;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* Keepalive towards the server begins when the connection is some seconds old. */
static void nodelay_and_keepalive_on_both_sides(void **state)
{
    struct rig *rig = *state;
    struct timespec look = {.tv_nsec = 20 * 1000 * 1000};
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    int to_client = other_end(client), to_server = other_end(server);
    assert_int_equal(option(to_client, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(to_server, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(to_client, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(to_client, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    for (int looks = 0; option(to_server, SOL_SOCKET, SO_KEEPALIVE) != 1; looks++) {
        assert_true(looks < 3000);
        nanosleep(&look, NULL);
    }
    assert_int_equal(option(to_server, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    rig_end_pair(rig, client, server);
}

/*
 * A server with Nagle's algorithm on holds its second small write back until the first is
 * acknowledged, so the acknowledgement must not wait for bytes of the client's.
 */
static void server_with_nagle_is_not_held_back(void **state)
{
    struct rig *rig = *state;
    struct timespec look = {.tv_nsec = 20 * 1000 * 1000};
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    int to_server = other_end(server);
    assert_int_equal(option(to_server, IPPROTO_TCP, TCP_QUICKACK), 0);
    io_stream(server, client, 100, 1);
    for (int looks = 0; option(to_server, IPPROTO_TCP, TCP_QUICKACK) != 1; looks++) {
        assert_true(looks < 500);
        nanosleep(&look, NULL);
    }
    rig_end_pair(rig, client, server);
}

/* --- bytes --- */

static void bulk_both_ways(void **state)
{
    struct rig *rig = *state;
    int client, server;
    char in_line[64];

    rig_start_pair(rig, "", &client, &server);
    io_stream(client, server, BULK_BYTES, 1);
    io_stream(server, client, BULK_BYTES, 2);
    rig_end_pair(rig, client, server);
    snprintf(in_line, sizeof in_line, "\"bytes_out\":%u,", BULK_BYTES);
    rig_expect_in_line(rig, in_line);
}

static void many_small_messages(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    for (uint32_t i = 0; i < 300; i++) {
        io_stream(client, server, 1 + i % 100, i);
        io_stream(server, client, 1 + i * 7 % 1000, i);
    }
    rig_end_pair(rig, client, server);
}

/* Bulk, then small, then bulk: the adaptive path changes twice. */
static void calm_between_bulk(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    for (uint32_t round = 0; round < 3; round++) {
        io_stream(server, client, BULK_BYTES / 4, round);
        for (uint32_t i = 0; i < 20; i++)
            io_stream(server, client, 10, i);
    }
    rig_end_pair(rig, client, server);
}

static void no_pipe_to_be_had(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig->no_pipe = true;
    rig_start_pair(rig, "", &client, &server);
    io_stream(client, server, BULK_BYTES / 2, 3);
    io_stream(server, client, BULK_BYTES / 2, 4);
    rig_end_pair(rig, client, server);
}

static void server_speaks_first(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_hello_client(rig, "", "a.test");
    int server = rig_accept(rig, 0);

    io_send_text(server, "before I have read a byte");
    io_expect_text(client, "before I have read a byte");
    io_expect_hello(server, "a.test");
    rig_end_pair(rig, client, server);
}

/* --- ends --- */

static void client_half_closes_then_downloads(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    io_send_text(client, "the last of me");
    io_end(client);
    io_expect_text(server, "the last of me");
    io_expect_end(server);
    io_stream(server, client, BULK_BYTES, 5);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

static void server_half_closes_then_client_uploads(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    io_send_text(server, "the last of me");
    io_end(server);
    io_expect_text(client, "the last of me");
    io_expect_end(client);
    io_stream(client, server, BULK_BYTES, 6);
    io_end(client);
    io_expect_end(server);
    rig_expect_reason(rig, "closed");
}

static void both_close(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_hold(rig); /* both ends are found at once, with bytes in front of them */
    io_send_text(client, "up");
    io_send_text(server, "down");
    io_end(client);
    io_end(server);
    rig_release(rig);
    io_expect_text(server, "up");
    io_expect_text(client, "down");
    io_expect_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

/* The end waits behind bytes that the other side has not taken yet. */
static void end_behind_unread_bytes(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[65536];
    uint64_t sent = 0;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    for (;;) { /* until all buffers on the way to the server are full */
        struct pollfd pollfd = {.fd = client, .events = POLLOUT};
        io_fill(bytes, sizeof bytes, sent, 7);
        ssize_t n = send(client, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += (uint64_t)n;
        } else {
            rig_settle(rig); /* the worker has moved what it could */
            if (poll(&pollfd, 1, 0) == 0)
                break;
        }
        assert_true(sent < MORE_THAN_BUFFERS);
    }
    io_end(client);
    rig_settle(rig);
    for (uint64_t got = 0; got < sent;) {
        uint8_t expected[sizeof bytes];
        ssize_t n = recv(server, bytes, sizeof bytes, 0);
        assert_true(n > 0);
        io_fill(expected, (size_t)n, got, 7);
        assert_memory_equal(bytes, expected, (size_t)n);
        got += (uint64_t)n;
    }
    io_expect_end(server);
    io_send_text(server, "and back");
    io_end(server);
    io_expect_text(client, "and back");
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

/* --- resets --- */

static void reset_by_client_resets_server(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_reset(rig, client);
    io_expect_reset(server);
    rig_expect_reason(rig, "client_abort");
}

static void reset_by_server_resets_client(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_reset(rig, server);
    io_expect_reset(client);
    rig_expect_reason(rig, "server_abort");
}

static void server_resets_after_response(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_hold(rig);
    io_send_text(server, "response");
    rig_reset(rig, server);
    rig_release(rig);
    io_expect_text(client, "response");
    io_expect_reset(client);
    rig_expect_reason(rig, "server_abort");
    rig_expect_in_line(rig, "\"bytes_out\":8,");
}

/* The client's bytes cannot be written any more, the response is there nevertheless. */
static void server_resets_after_response_while_client_sends(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_hold(rig);
    io_send_text(client, "more that nobody will read");
    io_send_text(server, "response");
    rig_reset(rig, server);
    rig_release(rig);
    io_expect_text(client, "response");
    io_expect_reset(client);
    rig_expect_reason(rig, "server_abort");
    rig_expect_in_line(rig, "\"bytes_out\":8,");
}

static void client_resets_after_request_while_server_sends(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    rig_hold(rig);
    io_send_text(server, "more that nobody will read");
    io_send_text(client, "request");
    rig_reset(rig, client);
    rig_release(rig);
    io_expect_text(server, "request");
    io_expect_reset(server);
    rig_expect_reason(rig, "client_abort");
}

/* Sends until the connection is gone or blocked for good; it may not take more than buffers hold.
 */
static void send_until_gone(int fd)
{
    static uint8_t bytes[256 * 1024];
    uint64_t sent = 0;
    ssize_t n;

    while ((n = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0) {
        sent += (uint64_t)n;
        assert_true(sent < MORE_THAN_BUFFERS);
    }
    assert_true(errno == ECONNRESET || errno == EPIPE);
}

static void reset_after_half_close(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    io_end(client);
    io_expect_end(server);
    rig_reset(rig, client); /* nothing is being read from it any more: only the error tells */
    io_expect_reset_after_end(server);
    rig_expect_reason(rig, "client_abort");

    rig_pair(rig, &client, &server);
    io_end(server);
    io_expect_end(client);
    rig_close(rig, server); /* gone for good: it answers the next bytes with a reset */
    send_until_gone(client);
    rig_expect_reason(rig, "closed"); /* the server had said all it wanted */
}

/* Reads the pattern to its end, which must be in order. */
static void expect_pattern_and_end(int fd, uint64_t len, uint32_t seed)
{
    static uint8_t got[64 * 1024], wanted[sizeof got];
    uint64_t at = 0;
    ssize_t n;

    while ((n = recv(fd, got, sizeof got, 0)) > 0) {
        io_fill(wanted, (size_t)n, at, seed);
        assert_memory_equal(got, wanted, (size_t)n);
        at += (uint64_t)n;
    }
    if (n < 0)
        fail_msg("recv, behind %llu bytes: %s", (unsigned long long)at, strerror(errno));
    assert_int_equal(at, len);
}

/*
 * The client says one thing more after the server has closed: it still gets the whole answer. Its
 * buffer is small only until then: through a small one the kernel would creep, by its timers.
 */
static void answer_outlives_its_server(void **state)
{
    static uint8_t answer[256 * 1024];
    struct rig *rig = *state;
    int client, server;
    int small = 4096, large = 1024 * 1024, unsent = 0;

    rig_start_pair(rig, "", &client, &server);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    io_fill(answer, sizeof answer, 0, 7);
    io_send(server, answer, sizeof answer);
    io_end(server);
    do /* a reset overtakes what the server's kernel has not sent yet: that would be its own doing
        */
        assert_int_equal(ioctl(server, SIOCOUTQ, &unsent), 0);
    while (unsent > 0);
    rig_close(rig, server);
    io_send_text(client, "by the way");
    rig_settle(rig);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVBUF, &large, sizeof large), 0);
    expect_pattern_and_end(client, sizeof answer, 7);
    rig_expect_reason(rig, "closed");
}

/* --- sides that do not read --- */

static void server_never_reads(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"idle\":\"500ms\"}", &client, &server);
    send_until_gone(client);
    rig_expect_reason(rig, "idle_timeout");
}

static void client_never_reads(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"idle\":\"500ms\"}", &client, &server);
    send_until_gone(server);
    rig_expect_reason(rig, "idle_timeout");
}

/* Fills all buffers from one side to the other; returns how much they took. */
static uint64_t fill_the_way(struct rig *rig, int from)
{
    static uint8_t bytes[256 * 1024];
    struct pollfd pollfd = {.fd = from, .events = POLLOUT};
    uint64_t sent = 0;

    do {
        ssize_t n;
        while ((n = send(from, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
            sent += (uint64_t)n;
        assert_int_equal(errno, EAGAIN);
        assert_true(sent < MORE_THAN_BUFFERS);
        rig_settle(rig);
    } while (poll(&pollfd, 1, 0) != 0);
    return sent;
}

static void read_and_forget(int fd, uint64_t len)
{
    static uint8_t bytes[256 * 1024];

    while (len > 0) {
        ssize_t n = recv(fd, bytes, len < sizeof bytes ? (size_t)len : sizeof bytes, 0);
        if (n <= 0)
            fail_msg("%llu bytes are missing: %s", (unsigned long long)len,
                     n == 0 ? "the end" : strerror(errno));
        len -= (uint64_t)n;
    }
}

/*
 * Once the receiver has caught up, the sender is listened to as before. One direction at a time: a
 * kernel whose receive buffer is full drops the segments that come, with the acknowledgements in
 * them, so two ends that are both full may wait for each other's probes for many seconds.
 */
static void goes_on_after_back_pressure(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t up = fill_the_way(rig, client);
        read_and_forget(server, up);
        uint64_t down = fill_the_way(rig, server);
        read_and_forget(client, down);
        for (uint32_t i = 0; i < 10; i++) {
            rig_settle(rig);
            io_stream(client, server, 1 + i * 10, i);
            io_stream(server, client, 1 + i * 10, i);
        }
    }
    rig_end_pair(rig, client, server);
}

/* One direction that stands still does not hold the other one up. */
static void other_direction_goes_on(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    fill_the_way(rig, client);
    io_stream(server, client, BULK_BYTES, 8);
}

static void client_resets_while_server_never_reads(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"half_close\":\"300ms\"}", &client, &server);
    fill_the_way(rig, client);
    rig_reset(rig, client);
    rig_expect_reason(rig, "client_abort");
}

static void server_resets_while_client_never_reads(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"half_close\":\"300ms\"}", &client, &server);
    fill_the_way(rig, server);
    rig_reset(rig, server);
    rig_expect_reason(rig, "server_abort");
}

/* --- timeouts --- */

static void idle_timeout(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"idle\":\"1s\",\"connect\":\"60s\",\"hello\":\"60s\"}",
                   &client, &server);
    io_send_text(server, "something");
    io_expect_text(client, "something");
    io_expect_gone(client);
    io_expect_gone(server);
    rig_expect_reason(rig, "idle_timeout");
}

static void half_close_timeout(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"half_close\":\"1s\",\"idle\":\"1h\"}", &client, &server);
    io_end(client);
    io_expect_end(server);
    io_expect_gone(client);
    rig_expect_reason(rig, "half_close_timeout");

    rig_pair(rig, &client, &server);
    io_end(server);
    io_expect_end(client);
    io_expect_gone(server);
    rig_expect_reason(rig, "half_close_timeout");
}

/* Without an idle timeout a half-closed connection still has its own. */
static void half_close_timeout_without_idle(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"timeouts\":{\"half_close\":\"1s\",\"idle\":\"off\"}", &client, &server);
    io_end(client);
    io_expect_end(server);
    io_expect_gone(client);
    rig_expect_reason(rig, "half_close_timeout");
}

/* --- many --- */

#define CONNECTIONS 100

/* Every server socket tells its number; the client that reads it says it back. */
static void one_hundred_connections_at_once(void **state)
{
    struct rig *rig = *state;
    int clients[CONNECTIONS], servers[CONNECTIONS];
    bool seen[CONNECTIONS] = {false};

    rig_server(rig);
    rig_start(rig, "");
    for (int i = 0; i < CONNECTIONS; i++)
        clients[i] = rig_hello_client(rig, "a.test");
    for (uint8_t i = 0; i < CONNECTIONS; i++) {
        servers[i] = rig_accept(rig, 0);
        io_expect_hello(servers[i], "a.test");
        io_send(servers[i], &i, 1);
    }
    assert_int_equal(atomic_load(&rig->shared.active), CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++) {
        uint8_t number;
        assert_int_equal(recv(clients[i], &number, 1, 0), 1);
        assert_in_range(number, 0, CONNECTIONS - 1);
        assert_false(seen[number]);
        seen[number] = true;
        io_stream(clients[i], servers[number], 100000, number);
        io_stream(servers[number], clients[i], 100000, number);
        rig_end_pair(rig, clients[i], servers[number]);
    }
}

/* Several streams at once in one worker: budgets, the run queue, the one pipe. */
static void streams_side_by_side(void **state)
{
    enum { STREAMS = 8, BYTES = 4 * 1024 * 1024 };
    struct rig *rig = *state;
    int clients[STREAMS], servers[STREAMS];
    static uint8_t bytes[BYTES], got[BYTES];
    size_t sent[STREAMS] = {0};

    rig_server(rig);
    rig_start(rig, "");
    io_fill(bytes, BYTES, 0, 9);
    for (int i = 0; i < STREAMS; i++)
        rig_pair(rig, &clients[i], &servers[i]);
    rig_hold(rig); /* so that each of them has more than a turn's worth waiting */
    for (int i = 0; i < STREAMS; i++) {
        ssize_t n = send(clients[i], bytes, BYTES, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(n > 0);
        sent[i] = (size_t)n;
        io_end(clients[i]);
    }
    rig_release(rig);
    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(recv(servers[i], got, sent[i], MSG_WAITALL), sent[i]);
        assert_memory_equal(got, bytes, sent[i]);
        io_expect_end(servers[i]);
        rig_close(rig, servers[i]);
        rig_expect_reason(rig, "closed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROWS(bulk_both_ways),
        RIG_ROWS(many_small_messages),
        RIG_ROWS(calm_between_bulk),
        RIG_ROWS(no_pipe_to_be_had),
        RIG_ROWS(server_speaks_first),
        RIG_ROWS(client_half_closes_then_downloads),
        RIG_ROWS(server_half_closes_then_client_uploads),
        RIG_ROWS(both_close),
        RIG_ROWS(end_behind_unread_bytes),
        RIG_ROWS(reset_by_client_resets_server),
        RIG_ROWS(reset_by_server_resets_client),
        RIG_ROWS(server_resets_after_response),
        RIG_ROWS(server_resets_after_response_while_client_sends),
        RIG_ROWS(client_resets_after_request_while_server_sends),
        RIG_ROW(nodelay_and_keepalive_on_both_sides, auto),
        RIG_ROWS(server_with_nagle_is_not_held_back),
        RIG_ROWS(reset_after_half_close),
        RIG_ROWS(answer_outlives_its_server),
        RIG_ROWS(server_never_reads),
        RIG_ROWS(client_never_reads),
        RIG_ROWS(goes_on_after_back_pressure),
        RIG_ROWS(other_direction_goes_on),
        RIG_ROWS(client_resets_while_server_never_reads),
        RIG_ROWS(server_resets_while_client_never_reads),
        RIG_ROWS(idle_timeout),
        RIG_ROWS(half_close_timeout),
        RIG_ROWS(half_close_timeout_without_idle),
        RIG_ROWS(one_hundred_connections_at_once),
        RIG_ROWS(streams_side_by_side),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
