/* The worker's pipe: opened, used again, closed; never left with bytes of one stream for another.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/net/splice_pipe.h"
#include "test/support/descriptors.h"

struct fixture {
    struct splice_pipe pipe;
    int descriptors;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->descriptors = descriptors_count();
    splice_pipe_init(&fixture->pipe);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    splice_pipe_close(&fixture->pipe);
    assert_int_equal(descriptors_count(), fixture->descriptors);
    free(fixture);
    return 0;
}

static bool is_open(const struct fixture *fixture)
{
    int more = descriptors_count() - fixture->descriptors;

    assert_true(more == 0 || more == 2);
    return more == 2;
}

static void opened_when_needed(void **state)
{
    struct fixture *fixture = *state;

    assert_false(is_open(fixture));
    assert_true(splice_pipe_take(&fixture->pipe));
    assert_true(is_open(fixture));
    int fd = fixture->pipe.read_fd;
    splice_pipe_give(&fixture->pipe);
    assert_true(splice_pipe_take(&fixture->pipe));
    assert_int_equal(fixture->pipe.read_fd, fd);
    splice_pipe_give(&fixture->pipe);
}

static void does_not_block_nor_leak(void **state)
{
    struct fixture *fixture = *state;
    struct splice_pipe *pipe = &fixture->pipe;

    assert_true(splice_pipe_take(pipe));
    assert_true(fcntl(pipe->read_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(pipe->write_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(pipe->read_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(pipe->write_fd, F_GETFD) & FD_CLOEXEC);
    splice_pipe_give(pipe);
}

/* Closed with what is in it: nobody may ever read it for another connection. */
static void bytes_left_close_it(void **state)
{
    struct fixture *fixture = *state;
    struct splice_pipe *pipe = &fixture->pipe;
    char byte;

    assert_true(splice_pipe_take(pipe));
    assert_int_equal(write(pipe->write_fd, "secret", 6), 6);
    pipe->held_bytes = 6;
    splice_pipe_give(pipe);
    assert_false(is_open(fixture));
    assert_true(splice_pipe_take(pipe));
    assert_int_equal(pipe->held_bytes, 0);
    assert_int_equal(read(pipe->read_fd, &byte, 1), -1);
    splice_pipe_give(pipe);
}

static void sweep_closes_what_was_unused(void **state)
{
    struct fixture *fixture = *state;

    assert_true(splice_pipe_take(&fixture->pipe));
    splice_pipe_give(&fixture->pipe);
    splice_pipe_sweep(&fixture->pipe); /* it was used since the last one */
    assert_true(is_open(fixture));
    splice_pipe_sweep(&fixture->pipe); /* and now it was not */
    assert_false(is_open(fixture));
    splice_pipe_sweep(&fixture->pipe);
    assert_true(splice_pipe_take(&fixture->pipe));
    splice_pipe_give(&fixture->pipe);
}

/* Denied while it is in use: the use goes on, and there is no other. */
static void denied(void **state)
{
    struct fixture *fixture = *state;
    struct splice_pipe *pipe = &fixture->pipe;
    char byte;

    assert_true(splice_pipe_take(pipe));
    assert_int_equal(write(pipe->write_fd, "x", 1), 1);
    splice_pipe_deny(pipe);
    assert_int_equal(read(pipe->read_fd, &byte, 1), 1);
    splice_pipe_give(pipe);
    assert_false(is_open(fixture));
    splice_pipe_sweep(pipe);
    assert_false(splice_pipe_take(pipe));
    assert_false(is_open(fixture));
}

/* The system has no descriptors left: nothing half open, and after a sweep it is asked again. */
static void no_descriptors(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool taken = splice_pipe_take(&fixture->pipe);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(taken);
    assert_false(is_open(fixture));
    assert_false(splice_pipe_take(&fixture->pipe));
    splice_pipe_sweep(&fixture->pipe);
    assert_true(splice_pipe_take(&fixture->pipe));
    splice_pipe_give(&fixture->pipe);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opened_when_needed),
        TEST(does_not_block_nor_leak),
        TEST(bytes_left_close_it),
        TEST(sweep_closes_what_was_unused),
        TEST(denied),
        TEST(no_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
