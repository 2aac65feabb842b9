#include "test/loop/harness_io.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>

#include "sni/alert.h"
#include "sni/build.h"
#include "test/loop/harness.h"

#define STREAM_CHUNK 65536

void io_bound(int fd)
{
    struct timeval patience = {.tv_sec = RIG_PATIENCE_MS / 1000};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
}

size_t io_hello(const char *host, uint8_t hello[IO_HELLO_MAX])
{
    struct hello_spec spec;

    hello_spec_init(&spec, host);
    size_t len = hello_build(&spec, hello, IO_HELLO_MAX);
    assert_true(len > 0);
    return len;
}

void io_send(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0)
            fail_msg("send: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
}

void io_send_text(int fd, const char *text)
{
    io_send(fd, text, strlen(text));
}

/* One read; fails the test unless it brings something. */
static size_t receive(int fd, void *into, size_t len)
{
    ssize_t n = recv(fd, into, len, 0);

    if (n < 0)
        fail_msg("recv: %s", strerror(errno));
    if (n == 0)
        fail_msg("the end came before the bytes");
    return (size_t)n;
}

void io_expect(int fd, const void *bytes, size_t len)
{
    const uint8_t *expected = bytes;
    uint8_t got[4096];

    while (len > 0) {
        size_t n = receive(fd, got, len < sizeof got ? len : sizeof got);
        assert_memory_equal(got, expected, n);
        expected += n;
        len -= n;
    }
}

void io_expect_text(int fd, const char *text)
{
    io_expect(fd, text, strlen(text));
}

void io_expect_hello(int fd, const char *host)
{
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello(host, hello);

    io_expect(fd, hello, len);
}

void io_expect_alert(int fd, uint8_t alert)
{
    const uint8_t record[TLS_ALERT_BYTES] = {21, 3, 3, 0, 2, 2, alert};

    io_expect(fd, record, sizeof record);
}

/* The next read's result: 0 for the end, an errno for an error; bytes fail the test. */
static int receive_nothing(int fd)
{
    uint8_t byte;
    ssize_t n = recv(fd, &byte, 1, 0);

    if (n > 0)
        fail_msg("a byte (0x%02x) where none was expected", byte);
    return n == 0 ? 0 : errno;
}

void io_expect_end(int fd)
{
    int error = receive_nothing(fd);

    if (error != 0)
        fail_msg("expected the end: %s", strerror(error));
}

void io_expect_reset(int fd)
{
    int error = receive_nothing(fd);

    if (error != ECONNRESET)
        fail_msg("expected a reset: %s", error == 0 ? "the end" : strerror(error));
}

void io_expect_reset_after_end(int fd)
{
    struct pollfd pollfd = {.fd = fd};
    int error = 0;
    socklen_t len = sizeof error;

    assert_int_equal(poll(&pollfd, 1, RIG_PATIENCE_MS), 1);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_true(error == ECONNRESET || error == EPIPE);
}

void io_expect_no_reset(int fd)
{
    struct pollfd pollfd = {.fd = fd};

    assert_int_equal(poll(&pollfd, 1, 0), 0);
}

void io_expect_gone(int fd)
{
    int error = receive_nothing(fd);

    if (error != 0 && error != ECONNRESET)
        fail_msg("expected the connection to be gone: %s", strerror(error));
}

void io_end(int fd)
{
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

/* --- streams --- */

uint8_t io_pattern(uint64_t offset, uint32_t seed)
{
    uint64_t mixed = ((offset >> 3) + seed) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint8_t)(mixed >> (8 * (offset & 7)));
}

void io_fill(uint8_t *bytes, size_t len, uint64_t offset, uint32_t seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = io_pattern(offset + i, seed);
}

static size_t chunk(uint64_t left)
{
    return left < STREAM_CHUNK ? (size_t)left : STREAM_CHUNK;
}

static uint64_t stream_send(int fd, uint64_t offset, uint64_t len, uint32_t seed)
{
    uint8_t bytes[STREAM_CHUNK];
    size_t want = chunk(len - offset);

    io_fill(bytes, want, offset, seed);
    ssize_t n = send(fd, bytes, want, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        fail_msg("send at %llu: %s", (unsigned long long)offset, strerror(errno));
    return n > 0 ? (uint64_t)n : 0;
}

static uint64_t stream_receive(int fd, uint64_t offset, uint64_t len, uint32_t seed)
{
    uint8_t got[STREAM_CHUNK], expected[STREAM_CHUNK];
    size_t n = receive(fd, got, chunk(len - offset));

    io_fill(expected, n, offset, seed);
    assert_memory_equal(got, expected, n);
    return n;
}

void io_stream(int from, int to, uint64_t len, uint32_t seed)
{
    uint64_t sent = 0, received = 0;

    while (received < len) {
        struct pollfd poll_fds[2] = {{.fd = to, .events = POLLIN},
                                     {.fd = sent < len ? from : -1, .events = POLLOUT}};
        if (poll(poll_fds, 2, RIG_PATIENCE_MS) <= 0)
            fail_msg("the stream stands still at %llu of %llu bytes", (unsigned long long)received,
                     (unsigned long long)len);
        if (poll_fds[1].revents != 0)
            sent += stream_send(from, sent, len, seed);
        if (poll_fds[0].revents != 0)
            received += stream_receive(to, received, len, seed);
    }
}
