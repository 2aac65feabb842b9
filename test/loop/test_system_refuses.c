/*
 * The system refuses while bytes are carried: splice(2) is denied, there is no pipe, the kernel has
 * no memory. This program is linked with --wrap, and the tests say which calls fail and how.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

ssize_t __real_splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags);
ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
int __real_pipe2(int fds[2], int flags);
int __wrap_pipe2(int fds[2], int flags);

/* The errno of the calls that fail; 0 = they work. */
static struct {
    atomic_int splice_in;      /* from a socket into the pipe */
    atomic_int splice_out;     /* from the pipe to a socket */
    atomic_int splice_nothing; /* of no bytes, as a filter would */
    atomic_int recv, send;     /* of non-blocking sockets: the router's */
    atomic_int pipe2;
} refused;
static atomic_int splices; /* calls that were to carry something */

static bool is_refused(atomic_int *with)
{
    int error = atomic_load(with);

    if (error != 0)
        errno = error;
    return error != 0;
}

static bool is_pipe(int fd)
{
    struct stat found;

    return fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode);
}

ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags)
{
    if (len == 0 && is_refused(&refused.splice_nothing))
        return -1;
    if (len > 0) {
        atomic_fetch_add(&splices, 1);
        if (is_refused(is_pipe(in) ? &refused.splice_out : &refused.splice_in))
            return -1;
    }
    return __real_splice(in, in_at, out, out_at, len, flags);
}

static bool is_routers(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    return is_routers(fd) && is_refused(&refused.recv) ? -1 : __real_recv(fd, bytes, len, flags);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return is_routers(fd) && is_refused(&refused.send) ? -1 : __real_send(fd, bytes, len, flags);
}

int __wrap_pipe2(int fds[2], int flags)
{
    return is_refused(&refused.pipe2) ? -1 : __real_pipe2(fds, flags);
}

static void refuse_nothing(void)
{
    atomic_store(&refused.splice_in, 0);
    atomic_store(&refused.splice_out, 0);
    atomic_store(&refused.splice_nothing, 0);
    atomic_store(&refused.recv, 0);
    atomic_store(&refused.send, 0);
    atomic_store(&refused.pipe2, 0);
    atomic_store(&splices, 0);
}

static int setup(void **state)
{
    refuse_nothing();
    return rig_setup(state);
}

static int teardown(void **state)
{
    refuse_nothing();
    return rig_teardown(state);
}

static void start_pair(struct rig *rig, int *client, int *server)
{
    rig_server(rig);
    rig_start(rig, "");
    rig_pair(rig, client, server);
}

static void end_both(struct rig *rig, int client, int server)
{
    io_end(client);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

#define BULK_BYTES 4000000u

/* --- splice is denied --- */

/* Both ways whole, then another connection's: no splice is tried any more. */
static void expect_copied(struct rig *rig, int client, int server)
{
    io_stream(server, client, BULK_BYTES, 1);
    io_stream(client, server, BULK_BYTES, 2);
    end_both(rig, client, server);
    int before = atomic_load(&splices);
    rig_pair(rig, &client, &server);
    io_stream(server, client, BULK_BYTES, 3);
    end_both(rig, client, server);
    assert_int_equal(atomic_load(&splices), before);
    if (rig->mode != RELAY_COPY)
        assert_true(before > 0 && atomic_load(&rig->shared.splice_denied));
}

/* As if no worker had found out yet. */
static void forget_denial(struct rig *rig)
{
    rig_hold(rig);
    splice_pipe_close(&rig->worker.conns.pipe);
    splice_pipe_init(&rig->worker.conns.pipe);
    atomic_store(&rig->shared.splice_denied, false);
    rig_release(rig);
}

static void splice_denied_at_first_use(void **state)
{
    static const int errors[] = {ENOSYS, EPERM, EINVAL, EOPNOTSUPP, EACCES};
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        forget_denial(rig);
        atomic_store(&refused.splice_in, errors[i]);
        atomic_store(&refused.splice_nothing, errors[i]);
        rig_pair(rig, &client, &server);
        expect_copied(rig, client, server);
    }
}

/* It has carried bytes, and is denied then, as by a filter that comes later. */
static void splice_denied_in_the_middle(void **state)
{
    struct rig *rig = *state;
    int client, server;

    start_pair(rig, &client, &server);
    io_stream(server, client, BULK_BYTES, 9);
    atomic_store(&refused.splice_in, EPERM);
    expect_copied(rig, client, server);
}

/* Bytes are in the pipe already: they get out, in order. */
static void splice_out_of_the_pipe_denied(void **state)
{
    static const int errors[] = {EINVAL, ENOSYS};
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        forget_denial(rig);
        atomic_store(&refused.splice_out, errors[i]);
        rig_pair(rig, &client, &server);
        expect_copied(rig, client, server);
    }
}

static void no_pipe(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOSYS, EPERM};
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        atomic_store(&refused.pipe2, errors[i]);
        rig_pair(rig, &client, &server);
        io_stream(server, client, BULK_BYTES, 1);
        io_stream(client, server, BULK_BYTES, 2);
        end_both(rig, client, server);
        assert_int_equal(atomic_load(&splices), 0);
    }
}

/* --- no memory in the kernel --- */

/* Whatever had come before, it ends in a reset. */
static void expect_cut(int fd)
{
    static uint8_t bytes[65536];
    ssize_t n;

    do {
        n = recv(fd, bytes, sizeof bytes, 0);
    } while (n > 0);
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
}

/* An answer is under way; from now on `call` fails, and neither side takes that for an end. */
static void answer_is_cut(struct rig *rig, atomic_int *call, int error)
{
    static uint8_t bytes[200000];
    int client, server;

    rig_pair(rig, &client, &server);
    io_stream(server, client, BULK_BYTES, 1);
    rig_hold(rig);
    atomic_store(call, error);
    io_send(server, bytes, sizeof bytes);
    rig_release(rig);
    rig_expect_reason(rig, "resource");
    atomic_store(call, 0);
    expect_cut(client);
    expect_cut(server);
    rig_pair(rig, &client, &server);
    end_both(rig, client, server);
}

static void no_memory_in_the_kernel(void **state)
{
    static const int errors[] = {ENOMEM, ENOBUFS};
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (rig->mode != RELAY_COPY) {
            answer_is_cut(rig, &refused.splice_in, errors[i]);
            answer_is_cut(rig, &refused.splice_out, errors[i]);
        }
        if (rig->mode != RELAY_SPLICE) {
            rig_hold(rig);
            splice_pipe_deny(&rig->worker.conns.pipe);
            rig_release(rig);
            answer_is_cut(rig, &refused.recv, errors[i]);
            answer_is_cut(rig, &refused.send, errors[i]);
            forget_denial(rig);
        }
    }
}

static void no_memory_while_peeking(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (int taken = 0; taken < 2; taken++) {
        int client = rig_client(rig, NULL);
        if (taken)
            io_send_text(client, "\x16\x03\x01");
        rig_settle(rig);
        rig_hold(rig);
        atomic_store(&refused.recv, ENOMEM);
        io_send_text(client, "\x16\x03\x01");
        rig_release(rig);
        io_expect_gone(client);
        rig_settle(rig);
        atomic_store(&refused.recv, 0);
        rig_expect_reason(rig, "resource");
    }
}

/* A socket's own error that a filter might give as well: it is the connection's end, no denial. */
static void error_that_is_no_denial(void **state)
{
    struct rig *rig = *state;
    int client, server;

    if (rig->mode == RELAY_COPY)
        skip();
    rig_server(rig);
    rig_start(rig, "");
    rig_pair(rig, &client, &server);
    io_stream(server, client, BULK_BYTES, 1);
    rig_hold(rig);
    atomic_store(&refused.splice_in, EACCES);
    io_send_text(server, "x");
    rig_release(rig);
    expect_cut(client);
    rig_expect_reason(rig, "server_abort");
    assert_false(atomic_load(&rig->shared.splice_denied));
}

#define ROW(situation, path)                                                                       \
    {                                                                                              \
#situation " [" #path "]", situation, setup, teardown, (void *)&rig_##path                 \
    }
#define ROWS(situation) ROW(situation, copy), ROW(situation, splice), ROW(situation, auto)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROWS(splice_denied_at_first_use),     ROWS(splice_denied_in_the_middle),
        ROWS(splice_out_of_the_pipe_denied),  ROWS(no_pipe),
        ROWS(no_memory_in_the_kernel),        ROWS(no_memory_while_peeking),
        ROW(error_that_is_no_denial, splice), ROW(error_that_is_no_denial, auto),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
