/* A worker that cannot be started: the others are ended, and so are the parts before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "router/control/log_part.h"
#include "router/control/workers.h"
#include "router/log/log.h"

#define WORKERS 3

/* How many threads can still be started. */
static int threads_left;

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument);
int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument)
{
    if (threads_left == 0)
        return UV_EAGAIN;
    threads_left--;
    return __real_uv_thread_create(thread, entry, argument);
}

static void on_wake(void *context)
{
    (void)context;
}

static void on_stopped(void *context)
{
    bool *stopped = context;

    *stopped = true;
}

/* What asks have come to. */
struct answers {
    atomic_uint looked; /* counted by the workers */
    unsigned told;      /* ... and by control, as it is told */
    unsigned count;
};

static void look(struct conns *conns, void *context)
{
    struct answers *answers = context;

    conns_assert_own(conns);
    atomic_fetch_add(&answers->looked, 1);
}

static void on_answer(void *context, bool looked)
{
    struct answers *answers = context;

    answers->told += looked;
    answers->count++;
}

static void ask_all(struct workers *workers, uv_loop_t *loop, void *context)
{
    (void)loop;
    assert_true(workers_ask(workers, look, on_answer, context));
}

/*
 * Starts log writer and workers with so many threads, does something with them, and stops them, if
 * they could start.
 */
static int play(int threads,
                void (*meanwhile)(struct workers *workers, uv_loop_t *loop, void *context),
                void *context)
{
    uv_loop_t loop;
    struct log_part log;
    struct workers workers;
    struct part *list[] = {&log.part, &workers.part};
    struct stats stats;
    struct shared shared = {.connection_cap = 10, .writer = &log.writer, .stats = &stats};
    struct parts parts;
    bool stopped = false;

    threads_left = threads;
    assert_true(stats_init(&stats, WORKERS));
    assert_int_equal(uv_loop_init(&loop), 0);
    log_part_init(&log, WORKERS, "/dev/null");
    workers_init(&workers, &loop, WORKERS, &shared, on_wake, NULL);
    parts_init(&parts, list, 2, on_stopped, &stopped);
    int code = parts_start(&parts);
    assert_int_equal(stopped, code != 0);
    if (code == 0 && meanwhile != NULL)
        meanwhile(&workers, &loop, context);
    if (code == 0)
        parts_stop(&parts);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(stopped);
    workers_free(&workers);
    stats_close(&stats);
    assert_int_equal(uv_loop_close(&loop), 0);
    return code;
}

static void all_threads_can_be_started(void **state)
{
    (void)state;
    assert_int_equal(play(1 + WORKERS, NULL, NULL), 0);
}

static void too_few_threads_are_the_end(void **state)
{
    (void)state;
    for (int threads = 0; threads <= WORKERS; threads++)
        assert_int_equal(play(threads, NULL, NULL), EX_OSERR);
}

/* Also those that are told to end at the same time. */
static void every_worker_answers(void **state)
{
    struct answers answers = {0};

    (void)state;
    assert_int_equal(play(1 + WORKERS, ask_all, &answers), 0);
    assert_int_equal(answers.count, WORKERS);
    assert_int_equal(atomic_load(&answers.looked), answers.told);
}

/* The first worker that is asked waits until it is let go. */
static void stand_still(struct conns *conns, void *context)
{
    uv_sem_t *gate = context;

    if (conns->worker == 0)
        uv_sem_wait(gate);
}

static void on_still_answer(void *context, bool looked)
{
    (void)context;
    (void)looked;
}

/* Turns the loop until all workers have turned, as the watchdog wants to know. */
static void expect_turning(struct workers *workers, uv_loop_t *loop)
{
    for (int tries = 0; !workers_turn(workers); tries++) {
        assert_true(tries < 100000);
        uv_run(loop, UV_RUN_ONCE); /* answers wake it */
    }
}

/* Turns the loop until these have answered; nobody is asked anew meanwhile. */
static void await_from(struct workers *workers, uint32_t first, uv_loop_t *loop)
{
    for (uint32_t i = first; i < WORKERS; i++) {
        while (workers->turns[i].awaited)
            uv_run(loop, UV_RUN_ONCE);
    }
}

static void stop_one(struct workers *workers, uv_loop_t *loop, void *context)
{
    uv_sem_t *gate = context;

    assert_true(workers_turn(workers)); /* nobody was asked before */
    expect_turning(workers, loop);
    expect_turning(workers, loop);
    assert_true(workers_ask(workers, stand_still, on_still_answer, gate));
    await_from(workers, 0, loop); /* they had been asked before that */
    assert_true(workers_turn(workers));
    await_from(workers, 1, loop);
    assert_false(workers_turn(workers));
    assert_true(workers->turns[0].awaited);
    uv_sem_post(gate);
    expect_turning(workers, loop);
}

static void a_worker_that_stands_still_is_noticed(void **state)
{
    uv_sem_t gate;

    (void)state;
    assert_int_equal(uv_sem_init(&gate, 0), 0);
    assert_int_equal(play(1 + WORKERS, stop_one, &gate), 0);
    uv_sem_destroy(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_threads_can_be_started),
        cmocka_unit_test(every_worker_answers),
        cmocka_unit_test(a_worker_that_stands_still_is_noticed),
        cmocka_unit_test(too_few_threads_are_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
