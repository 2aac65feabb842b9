/* One direction by itself: pumps between sockets of this test, readiness told by poll(2). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/net/pump.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

#define COPY_BYTES  32768u
#define PUMP_BUDGET (1024u * 1024u)

/* source -> from ==pump==> to -> sink; the pump's two sockets do not block, the test's do. */
struct bench {
    int source, sink;
    struct side from, to;
    struct pump pump;
    struct pump_tools tools;
    struct splice_pipe pipe;
    uint8_t scratch[COPY_BYTES];
};

static void set_buffers(int fd, int option, int bytes)
{
    if (bytes > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes), 0);
}

/* A TCP connection on loopback; `buffers` bounds what lies on the way, 0 = as the system likes. */
static void connect_pair(int *writer, int *reader, int buffers)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(listening >= 0);
    set_buffers(listening, SO_RCVBUF, buffers);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    *writer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_buffers(*writer, SO_SNDBUF, buffers);
    assert_int_equal(connect(*writer, (struct sockaddr *)&address, sizeof address), 0);
    *reader = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(*reader >= 0);
    close(listening);
    io_bound(*writer);
    io_bound(*reader);
}

static void unblock(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void bench_open(struct bench *bench, enum relay_mode mode, int buffers)
{
    connect_pair(&bench->source, &bench->from.fd, 0);
    connect_pair(&bench->to.fd, &bench->sink, buffers);
    unblock(bench->from.fd);
    unblock(bench->to.fd);
    bench->from.readable = bench->from.writable = true;
    bench->to.readable = bench->to.writable = true;
    splice_pipe_init(&bench->pipe);
    bench->tools = (struct pump_tools){
        .scratch = bench->scratch, .copy_bytes = COPY_BYTES, .pipe = &bench->pipe, .mode = mode};
    pump_init(&bench->pump, &bench->from, &bench->to);
}

static void close_once(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int setup(void **state)
{
    const enum relay_mode *mode = *state;
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench_open(bench, *mode, 0);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    pump_close(&bench->pump);
    assert_false(pump_holds_bytes(&bench->pump));
    assert_int_equal(bench->pipe.held_bytes, 0);
    splice_pipe_close(&bench->pipe);
    close_once(&bench->source);
    close_once(&bench->sink);
    close_once(&bench->from.fd);
    close_once(&bench->to.fd);
    free(bench);
    return 0;
}

/* Opens the bench anew with small buffers towards the sink. */
static void reopen(struct bench *bench, int buffers)
{
    enum relay_mode mode = bench->tools.mode;

    splice_pipe_close(&bench->pipe);
    close_once(&bench->source);
    close_once(&bench->sink);
    close_once(&bench->from.fd);
    close_once(&bench->to.fd);
    memset(bench, 0, sizeof *bench);
    bench_open(bench, mode, buffers);
}

/* Tells the sides what has become possible, as the ready set does. Never waits. */
static void look(struct bench *bench)
{
    struct pollfd fds[2] = {{.fd = bench->from.fd, .events = POLLIN | POLLRDHUP},
                            {.fd = bench->to.fd, .events = POLLOUT}};

    assert_true(poll(fds, 2, 0) >= 0);
    bench->from.fin |= (fds[0].revents & POLLRDHUP) != 0;
    bench->from.failed |= (fds[0].revents & POLLERR) != 0;
    bench->from.readable |= fds[0].revents != 0;
    bench->to.writable |= fds[1].revents != 0;
}

static enum pump_result turn(struct bench *bench)
{
    look(bench);
    return pump_run(&bench->pump, &bench->tools, PUMP_BUDGET);
}

/* The pump's side has `len` unread bytes, or as many as fit. */
static void await_readable(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
}

/* --- bytes --- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static size_t send_some(int fd, uint64_t offset, size_t want)
{
    uint8_t bytes[65536];

    io_fill(bytes, want, offset, 1);
    ssize_t n = send(fd, bytes, want, MSG_DONTWAIT | MSG_NOSIGNAL);
    assert_true(n > 0 || errno == EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

static size_t receive_some(int fd, uint64_t offset, size_t want)
{
    uint8_t got[65536], expected[65536];
    ssize_t n = recv(fd, got, want, MSG_DONTWAIT);

    if (n < 0) {
        assert_int_equal(errno, EAGAIN);
        return 0;
    }
    io_fill(expected, (size_t)n, offset, 1);
    assert_memory_equal(got, expected, (size_t)n);
    return (size_t)n;
}

/* Chunks of random size at random turns: whole, in order, and then the end. */
static void carry_randomly(struct bench *bench, uint32_t seed, uint64_t total)
{
    uint64_t sent = 0, received = 0;
    enum pump_result result = PUMP_WAIT;

    while (result != PUMP_ENDED || received < total) {
        if (sent < total && next_random(&seed) % 4 != 0) {
            uint64_t want = 1 + next_random(&seed) % 65536;
            sent += send_some(bench->source, sent, want < total - sent ? want : total - sent);
            if (sent == total)
                io_end(bench->source);
        }
        if (result != PUMP_ENDED)
            result = turn(bench);
        assert_true(result == PUMP_WAIT || result == PUMP_AGAIN || result == PUMP_ENDED);
        if (next_random(&seed) % 4 == 0)
            received += receive_some(bench->sink, received, 1 + next_random(&seed) % 65536);
    }
    assert_int_equal(received, total);
    assert_int_equal(bench->pump.bytes, total);
    assert_false(pump_holds_bytes(&bench->pump));
}

static void random_chunks(void **state)
{
    struct bench *bench = *state;

    carry_randomly(bench, 1, 3000000);
}

static void random_chunks_into_a_narrow_receiver(void **state)
{
    struct bench *bench = *state;

    for (uint32_t seed = 0; seed < 8; seed++) {
        reopen(bench, 4096);
        carry_randomly(bench, seed, 300000);
        bench->pump = (struct pump){0};
    }
}

static void random_chunks_without_a_pipe(void **state)
{
    struct bench *bench = *state;

    reopen(bench, 4096);
    splice_pipe_deny(&bench->pipe);
    carry_randomly(bench, 2, 500000);
}

/* --- a receiver that does not read --- */

/* Sends until the pump's side takes no more; returns how many bytes were sent in all. */
static uint64_t press(struct bench *bench)
{
    uint64_t sent = 0, before;

    do {
        before = sent;
        for (size_t n; (n = send_some(bench->source, sent, 65536)) > 0;)
            sent += n;
        while (turn(bench) == PUMP_AGAIN)
            continue;
        assert_true(sent < 64u * 1024 * 1024);
    } while (sent != before);
    return sent;
}

static void back_pressure_stops_reading(void **state)
{
    struct bench *bench = *state;

    reopen(bench, 4096);
    uint64_t sent = press(bench);
    assert_true(pump_holds_bytes(&bench->pump));
    /* One rest, and not a byte more is read, however often it is asked. */
    uint64_t carried = bench->pump.bytes;
    uint32_t rest = bench->pump.rest->left;
    assert_in_range(rest, 1, 65536);
    assert_int_equal(bench->pipe.held_bytes, 0);
    bench->from.readable = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(pump_run(&bench->pump, &bench->tools, PUMP_BUDGET), PUMP_WAIT);
    assert_int_equal(bench->pump.bytes, carried);
    assert_int_equal(bench->pump.rest->left, rest);
    /* And nothing was lost. */
    io_end(bench->source);
    uint64_t received = 0;
    for (enum pump_result result = PUMP_WAIT; result != PUMP_ENDED || received < sent;) {
        if (result != PUMP_ENDED)
            result = turn(bench);
        received += receive_some(bench->sink, received, 65536);
    }
    assert_int_equal(received, sent);
}

static void end_with_bytes_pending(void **state)
{
    struct bench *bench = *state;

    reopen(bench, 4096);
    uint64_t sent = press(bench);
    io_end(bench->source);
    assert_int_equal(turn(bench), PUMP_WAIT); /* the end waits behind the bytes */
    assert_true(pump_holds_bytes(&bench->pump));
    uint64_t received = 0;
    while (turn(bench) != PUMP_ENDED)
        received += receive_some(bench->sink, received, 1000);
    assert_false(pump_holds_bytes(&bench->pump));
    assert_int_equal(bench->pump.bytes, sent);
    while (received < sent)
        received += receive_some(bench->sink, received, 65536);
}

static void closed_with_bytes_pending(void **state)
{
    struct bench *bench = *state;

    reopen(bench, 4096);
    press(bench);
    pump_close(&bench->pump);
    assert_false(pump_holds_bytes(&bench->pump));
}

/* --- ends and failures --- */

static void nothing_to_do(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(turn(bench), PUMP_WAIT);
    assert_false(bench->from.readable);
}

static void end_at_once(void **state)
{
    struct bench *bench = *state;

    io_end(bench->source);
    await_readable(bench->from.fd);
    assert_int_equal(turn(bench), PUMP_ENDED);
    assert_int_equal(bench->pump.bytes, 0);
}

/* The end is there, but nobody has told: it is found by reading all the same. */
static void end_that_was_not_announced(void **state)
{
    struct bench *bench = *state;

    io_send_text(bench->source, "bytes");
    io_end(bench->source);
    await_readable(bench->from.fd);
    bench->from.readable = true;
    while (pump_run(&bench->pump, &bench->tools, PUMP_BUDGET) != PUMP_ENDED)
        bench->from.readable = true;
    io_expect_text(bench->sink, "bytes");
}

static void reset_socket(int *fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close_once(fd);
}

static void read_reset(void **state)
{
    struct bench *bench = *state;

    io_send_text(bench->source, "the last words");
    reset_socket(&bench->source);
    await_readable(bench->from.fd);
    enum pump_result result = PUMP_WAIT;
    for (int i = 0; i < 3 && result == PUMP_WAIT; i++)
        result = turn(bench);
    assert_int_equal(result, PUMP_READ_FAILED);
    assert_int_equal(bench->pump.error, ECONNRESET);
    io_expect_text(bench->sink, "the last words");
}

static void write_reset(void **state)
{
    struct bench *bench = *state;
    struct pollfd pollfd = {.fd = bench->to.fd, .events = POLLIN};

    io_send_text(bench->source, "for nobody");
    await_readable(bench->from.fd);
    reset_socket(&bench->sink);
    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
    assert_int_equal(turn(bench), PUMP_WRITE_FAILED);
    assert_true(bench->pump.error == ECONNRESET || bench->pump.error == EPIPE);
    assert_int_equal(bench->pump.bytes, 0);
}

static void write_reset_with_bytes_pending(void **state)
{
    struct bench *bench = *state;
    struct pollfd pollfd = {.fd = bench->to.fd, .events = POLLIN};

    reopen(bench, 4096);
    press(bench);
    reset_socket(&bench->sink);
    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
    assert_int_equal(turn(bench), PUMP_WRITE_FAILED);
}

static void write_after_shutdown(void **state)
{
    struct bench *bench = *state;

    io_send_text(bench->source, "for nobody");
    await_readable(bench->from.fd);
    assert_int_equal(shutdown(bench->to.fd, SHUT_WR), 0);
    assert_int_equal(turn(bench), PUMP_WRITE_FAILED);
    assert_int_equal(bench->pump.error, EPIPE);
}

/* --- turns --- */

/* The kernel passes on what was sent as the window grows, which takes a moment. */
static void await_bytes(int fd, int bytes)
{
    int unread = 0;

    for (int waited_ms = 0; unread < bytes; waited_ms++) {
        assert_true(waited_ms < RIG_PATIENCE_MS);
        assert_int_equal(ioctl(fd, FIONREAD, &unread), 0);
        poll(NULL, 0, unread < bytes ? 1 : 0);
    }
}

static void budget_used_up(void **state)
{
    enum { BYTES = 3 * 1024 * 1024 };
    struct bench *bench = *state;
    static uint8_t bytes[BYTES];
    int large = 2 * BYTES;
    uint64_t received = 0;

    /* Both ways wide enough for more than a turn's worth, so that only the budget can end it. */
    if (setsockopt(bench->source, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large) != 0 ||
        setsockopt(bench->from.fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large) != 0 ||
        setsockopt(bench->to.fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large) != 0)
        skip(); /* only root may */
    io_fill(bytes, sizeof bytes, 0, 1);
    io_send(bench->source, bytes, sizeof bytes);
    await_bytes(bench->from.fd, 2 * PUMP_BUDGET);
    assert_int_equal(turn(bench), PUMP_AGAIN);
    assert_true(bench->pump.bytes >= 1024 * 1024); /* a turn's worth */
    assert_true(bench->pump.bytes < BYTES);        /* and then others */
    io_end(bench->source);
    for (enum pump_result result = PUMP_AGAIN; result != PUMP_ENDED || received < BYTES;) {
        if (result != PUMP_ENDED)
            result = turn(bench);
        received += receive_some(bench->sink, received, 65536);
    }
}

/* --- what is left over --- */

/* Fills what is on the way to the pump; true: it is more than a receiver is asked to keep. */
static bool fill(struct bench *bench, uint64_t *sent)
{
    int unread = 0;
    size_t n;

    while ((n = send_some(bench->source, *sent, 65536)) > 0)
        *sent += n;
    assert_int_equal(ioctl(bench->from.fd, FIONREAD, &unread), 0);
    return unread > 512 * 1024;
}

/* As room.h bounds what waits unsent, on a connection whose windows have grown. */
static uint64_t warm_up(struct bench *bench)
{
    uint64_t sent = 0, received = 0;
    int unsent = 128 * 1024;

    reopen(bench, 4 * 1024 * 1024);
    set_buffers(bench->from.fd, SO_RCVBUF, 4 * 1024 * 1024);
    bench->to.bounded = true;
    assert_int_equal(
        setsockopt(bench->to.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent), 0);
    while (sent < 16 * 1024 * 1024 || received < sent) {
        if (sent < 16 * 1024 * 1024)
            sent += send_some(bench->source, sent, 65536);
        turn(bench);
        received += receive_some(bench->sink, received, 65536);
    }
    return sent;
}

/* The kernel takes little at once, though the windows are wide: as little stays with the pump. */
static void paced_receiver(void **state)
{
    struct bench *bench = *state;
    uint64_t sent = warm_up(bench), received = sent;
    unsigned slow = 1024 * 1024, off = UINT32_MAX;

    assert_int_equal(setsockopt(bench->to.fd, SOL_SOCKET, SO_MAX_PACING_RATE, &slow, sizeof slow),
                     0);
    if (!fill(bench, &sent))
        skip(); /* the system has small buffers */
    assert_int_equal(turn(bench), PUMP_WAIT);
    assert_false(bench->to.writable);
    if (pump_holds_bytes(&bench->pump))
        assert_in_range(bench->pump.rest->left, 1, 80 * 1024);
    assert_int_equal(setsockopt(bench->to.fd, SOL_SOCKET, SO_MAX_PACING_RATE, &off, sizeof off), 0);
    while (received < sent) {
        turn(bench);
        received += receive_some(bench->sink, received, 65536);
    }
}

/* --- which way --- */

/* Carries a chunk through; the pump reads it in one piece. */
static void pass(struct bench *bench, size_t len)
{
    uint8_t bytes[4 * COPY_BYTES];
    struct pollfd pollfd = {.fd = bench->from.fd, .events = POLLIN};
    int lowat = (int)len;

    assert_int_equal(setsockopt(bench->from.fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat), 0);
    io_fill(bytes, len, 0, 5);
    io_send(bench->source, bytes, len);
    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
    assert_int_equal(turn(bench), PUMP_WAIT);
    io_expect(bench->sink, bytes, len);
}

static bool has_spliced(const struct bench *bench)
{
    return bench->pipe.read_fd >= 0;
}

static void mode_decides(void **state)
{
    struct bench *bench = *state;

    pass(bench, 10);
    assert_int_equal(has_spliced(bench), bench->tools.mode == RELAY_SPLICE);
    pass(bench, 4 * COPY_BYTES);
    assert_int_equal(has_spliced(bench), bench->tools.mode != RELAY_COPY);
}

/* Copies what is small, splices what comes in bulk, copies again when it has calmed down. */
static void adaptive_switch(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 10; i++)
        pass(bench, 100);
    assert_false(has_spliced(bench));
    pass(bench, 4 * COPY_BYTES);
    assert_true(has_spliced(bench));
    /* Now the pipe is closed: a splice would show by opening it. */
    for (int i = 0; i < 20; i++)
        pass(bench, 100);
    splice_pipe_close(&bench->pipe);
    for (int i = 0; i < 10; i++)
        pass(bench, 100);
    assert_false(has_spliced(bench));
    pass(bench, 4 * COPY_BYTES);
    assert_true(has_spliced(bench));
}

/* The system has no pipe: it copies, and splices again when there is one. */
static void no_pipe_for_a_while(void **state)
{
    struct bench *bench = *state;

    bench->pipe.refused = true;
    pass(bench, 4 * COPY_BYTES);
    pass(bench, 4 * COPY_BYTES);
    assert_false(has_spliced(bench));
    splice_pipe_sweep(&bench->pipe);
    pass(bench, 4 * COPY_BYTES);
    assert_int_equal(has_spliced(bench), bench->tools.mode != RELAY_COPY);
}

/* --- a preface --- */

static void preface(struct bench *bench, const char *text, bool counted)
{
    assert_true(pump_preface(&bench->pump, (const uint8_t *)text, strlen(text), counted));
}

/* What the router says itself goes first and is not counted; the sender's bytes are. */
static void preface_goes_first(void **state)
{
    struct bench *bench = *state;

    preface(bench, "PROXY ", false);
    preface(bench, "taken earlier, ", true);
    io_send_text(bench->source, "come since");
    await_readable(bench->from.fd);
    assert_int_equal(turn(bench), PUMP_WAIT);
    io_expect_text(bench->sink, "PROXY taken earlier, come since");
    assert_int_equal(bench->pump.bytes, strlen("taken earlier, come since"));
    assert_false(pump_holds_bytes(&bench->pump));
}

/*
 * With bytes behind it that are there already, one segment carries both. The kernel waits a fifth
 * of a second for them at most, which a busy machine may exceed: one such passage is enough.
 */
static void preface_shares_a_segment(void **state)
{
    struct bench *bench = *state;
    uint32_t segments = 0;

    for (int tries = 0; tries < 20 && segments != 1; tries++) {
        pump_close(&bench->pump);
        reopen(bench, 0);
        preface(bench, "PROXY ", false);
        io_send_text(bench->source, "hello");
        await_readable(bench->from.fd);
        assert_int_equal(turn(bench), PUMP_WAIT);
        io_expect_text(bench->sink, "PROXY hello");
        segments = io_data_segments(bench->sink);
    }
    assert_int_equal(segments, 1);
}

/* With nothing behind it, it goes at once. */
static void preface_alone(void **state)
{
    struct bench *bench = *state;

    preface(bench, "PROXY ", false);
    bench->from.readable = true; /* a promise that is not kept */
    assert_int_equal(pump_run(&bench->pump, &bench->tools, PUMP_BUDGET), PUMP_WAIT);
    assert_false(bench->pump.unpushed);
    io_expect_text(bench->sink, "PROXY ");
    assert_int_equal(bench->pump.bytes, 0);
}

static void preface_and_end(void **state)
{
    struct bench *bench = *state;

    preface(bench, "PROXY ", false);
    io_end(bench->source);
    await_readable(bench->from.fd);
    assert_int_equal(turn(bench), PUMP_ENDED);
    io_end(bench->to.fd);
    io_expect_text(bench->sink, "PROXY ");
    io_expect_end(bench->sink);
}

/* It goes in pieces, and only the sender's part is counted. */
static void preface_into_a_narrow_receiver(void **state)
{
    static uint8_t own[200000], taken[200000];
    struct bench *bench = *state;
    uint64_t received = 0;

    reopen(bench, 4096);
    io_fill(own, sizeof own, 0, 1);
    io_fill(taken, sizeof taken, sizeof own, 1);
    assert_true(pump_preface(&bench->pump, own, sizeof own, false));
    assert_true(pump_preface(&bench->pump, taken, sizeof taken, true));
    io_end(bench->source);
    await_readable(bench->from.fd);
    enum pump_result result = PUMP_WAIT;
    while (result != PUMP_ENDED || received < sizeof own + sizeof taken) {
        if (result != PUMP_ENDED)
            result = turn(bench);
        assert_true(bench->pump.bytes <= sizeof taken);
        received += receive_some(bench->sink, received, 65536);
    }
    assert_int_equal(bench->pump.bytes, sizeof taken);
}

#define ROW(situation, path)                                                                       \
    {                                                                                              \
#situation " [" #path "]", situation, setup, teardown, (void *)&rig_##path                 \
    }
#define ROWS(situation) ROW(situation, copy), ROW(situation, splice), ROW(situation, auto)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROWS(random_chunks),
        ROWS(random_chunks_into_a_narrow_receiver),
        ROWS(random_chunks_without_a_pipe),
        ROWS(back_pressure_stops_reading),
        ROWS(end_with_bytes_pending),
        ROWS(closed_with_bytes_pending),
        ROWS(nothing_to_do),
        ROWS(end_at_once),
        ROWS(end_that_was_not_announced),
        ROWS(read_reset),
        ROWS(write_reset),
        ROWS(write_reset_with_bytes_pending),
        ROWS(write_after_shutdown),
        ROWS(budget_used_up),
        ROWS(paced_receiver),
        ROWS(mode_decides),
        ROW(adaptive_switch, auto),
        ROWS(no_pipe_for_a_while),
        ROWS(preface_goes_first),
        ROWS(preface_shares_a_segment),
        ROWS(preface_alone),
        ROWS(preface_and_end),
        ROWS(preface_into_a_narrow_receiver),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
