/* Pipes lent and taken back; none is ever left open. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/net/pipe_pool.h"
#include "test/support/descriptors.h"

struct fixture {
    struct pipe_pool pool;
    int descriptors;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->descriptors = descriptors_count();
    pipe_pool_init(&fixture->pool, 4);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    pipe_pool_close(&fixture->pool);
    assert_int_equal(descriptors_count(), fixture->descriptors);
    free(fixture);
    return 0;
}

static void take_all(struct pipe_pool *pool, struct pipe *pipes[4])
{
    for (int i = 0; i < 4; i++) {
        pipes[i] = pipe_pool_take(pool);
        assert_non_null(pipes[i]);
        assert_int_equal(pipes[i]->held_bytes, 0);
    }
}

static void no_more_than_the_limit(void **state)
{
    struct fixture *fixture = *state;
    struct pipe *pipes[4];

    take_all(&fixture->pool, pipes);
    assert_null(pipe_pool_take(&fixture->pool));
    assert_int_equal(fixture->pool.open_count, 4);
    assert_int_equal(descriptors_count(), fixture->descriptors + 8);
    pipe_pool_give(&fixture->pool, &pipes[2]);
    assert_null(pipes[2]);
    pipes[2] = pipe_pool_take(&fixture->pool);
    assert_non_null(pipes[2]);
    assert_null(pipe_pool_take(&fixture->pool));
    for (int i = 0; i < 4; i++)
        pipe_pool_give(&fixture->pool, &pipes[i]);
}

static void limit_of_none(void **state)
{
    struct fixture *fixture = *state;

    fixture->pool.limit = 0;
    assert_null(pipe_pool_take(&fixture->pool));
    assert_int_equal(descriptors_count(), fixture->descriptors);
}

static void last_given_is_first_lent(void **state)
{
    struct fixture *fixture = *state;
    struct pipe *pipes[4];

    take_all(&fixture->pool, pipes);
    struct pipe *second = pipes[1], *third = pipes[3];
    pipe_pool_give(&fixture->pool, &pipes[1]);
    pipe_pool_give(&fixture->pool, &pipes[3]);
    assert_ptr_equal(pipe_pool_take(&fixture->pool), third);
    assert_ptr_equal(pipe_pool_take(&fixture->pool), second);
    struct pipe *back[] = {pipes[0], second, pipes[2], third};
    for (int i = 0; i < 4; i++)
        pipe_pool_give(&fixture->pool, &back[i]);
}

static void pipes_do_not_block_nor_leak(void **state)
{
    struct fixture *fixture = *state;
    struct pipe *pipe = pipe_pool_take(&fixture->pool);
    char byte;

    assert_non_null(pipe);
    assert_true(fcntl(pipe->read_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(pipe->write_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(pipe->read_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(pipe->write_fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(pipe->write_fd, "x", 1), 1);
    assert_int_equal(read(pipe->read_fd, &byte, 1), 1);
    pipe_pool_give(&fixture->pool, &pipe);
}

/* Closed with what is in it: nobody may ever read it for another connection. */
static void discard_closes(void **state)
{
    struct fixture *fixture = *state;
    struct pipe *pipe = pipe_pool_take(&fixture->pool);

    assert_non_null(pipe);
    assert_int_equal(write(pipe->write_fd, "secret", 6), 6);
    pipe->held_bytes = 6;
    pipe_pool_discard(&fixture->pool, &pipe);
    assert_null(pipe);
    assert_int_equal(fixture->pool.open_count, 0);
    assert_int_equal(descriptors_count(), fixture->descriptors);
}

static void sweep_closes_what_was_unused(void **state)
{
    struct fixture *fixture = *state;
    struct pipe *pipes[4];

    take_all(&fixture->pool, pipes);
    for (int i = 0; i < 4; i++)
        pipe_pool_give(&fixture->pool, &pipes[i]);
    pipe_pool_sweep(&fixture->pool); /* all were used since the last one */
    assert_int_equal(fixture->pool.free_count, 4);
    struct pipe *one = pipe_pool_take(&fixture->pool);
    struct pipe *two = pipe_pool_take(&fixture->pool);
    pipe_pool_give(&fixture->pool, &one);
    pipe_pool_give(&fixture->pool, &two);
    pipe_pool_sweep(&fixture->pool); /* two at a time were enough */
    assert_int_equal(fixture->pool.free_count, 2);
    assert_int_equal(fixture->pool.open_count, 2);
    assert_int_equal(descriptors_count(), fixture->descriptors + 4);
    pipe_pool_sweep(&fixture->pool); /* and now none */
    assert_int_equal(fixture->pool.open_count, 0);
    assert_int_equal(descriptors_count(), fixture->descriptors);
    pipe_pool_sweep(&fixture->pool);
}

static void sweep_leaves_lent_pipes(void **state)
{
    struct fixture *fixture = *state;
    struct pipe *pipe = pipe_pool_take(&fixture->pool);

    assert_non_null(pipe);
    for (int i = 0; i < 3; i++)
        pipe_pool_sweep(&fixture->pool);
    assert_int_equal(write(pipe->write_fd, "x", 1), 1);
    pipe_pool_discard(&fixture->pool, &pipe);
}

/* The system has no descriptors left: no pipe, nothing half open, and later it works again. */
static void no_descriptors(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct pipe *pipe = pipe_pool_take(&fixture->pool);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(pipe);
    assert_int_equal(fixture->pool.open_count, 0);
    pipe = pipe_pool_take(&fixture->pool);
    assert_non_null(pipe);
    pipe_pool_give(&fixture->pool, &pipe);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_than_the_limit),      TEST(limit_of_none),  TEST(last_given_is_first_lent),
        TEST(pipes_do_not_block_nor_leak), TEST(discard_closes), TEST(sweep_closes_what_was_unused),
        TEST(sweep_leaves_lent_pipes),     TEST(no_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
