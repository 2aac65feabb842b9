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

/*
 * Starts log writer and workers with so many threads, asks each if `answers` is there, and stops
 * them if they could start.
 */
static int play(int threads, struct answers *answers)
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
    if (code == 0 && answers != NULL)
        assert_true(workers_ask(&workers, look, on_answer, answers));
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
    assert_int_equal(play(1 + WORKERS, NULL), 0);
}

static void too_few_threads_are_the_end(void **state)
{
    (void)state;
    for (int threads = 0; threads <= WORKERS; threads++)
        assert_int_equal(play(threads, NULL), EX_OSERR);
}

/* Also those that are told to end at the same time. */
static void every_worker_answers(void **state)
{
    struct answers answers = {0};

    (void)state;
    assert_int_equal(play(1 + WORKERS, &answers), 0);
    assert_int_equal(answers.count, WORKERS);
    assert_int_equal(atomic_load(&answers.looked), answers.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_threads_can_be_started),
        cmocka_unit_test(every_worker_answers),
        cmocka_unit_test(too_few_threads_are_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
