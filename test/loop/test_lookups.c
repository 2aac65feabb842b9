/*
 * The threads that look names up: getaddrinfo(3) is replaced, so that a name is answered when the
 * test lets it, and uv_thread_create() as well, so that there are no more threads than it allows.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/control/lookups.h"

#define QUESTIONS 5

/* Of the replaced functions; they know no scene. */
static struct {
    atomic_int threads_left;
    atomic_int asked;       /* names that getaddrinfo() was asked for */
    atomic_bool signals_in; /* a thread has not blocked TERM */
    sem_t release;          /* once for each answer */
} outside;

struct scene {
    uv_loop_t loop;
    struct lookups lookups;
    bool stopped;
};

/* A scene that is not freed. */
static const struct scene *volatile left_behind;

struct asked {
    struct lookup lookup; /* first */
    bool answered;
};

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument);
int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument)
{
    if (atomic_load(&outside.threads_left) == 0)
        return UV_EAGAIN;
    atomic_fetch_sub(&outside.threads_left, 1);
    return __real_uv_thread_create(thread, entry, argument);
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    sigset_t blocked;

    (void)service;
    (void)hints;
    (void)found;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (!sigismember(&blocked, SIGTERM))
        atomic_store(&outside.signals_in, true);
    atomic_fetch_add(&outside.asked, 1);
    while (sem_wait(&outside.release) != 0)
        continue;
    errno = EIO;
    return strcmp(node, "broken.test") == 0 ? EAI_SYSTEM : EAI_NONAME;
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    atomic_store(&outside.threads_left, LOOKUPS_MAX_THREADS);
    atomic_store(&outside.asked, 0);
    atomic_store(&outside.signals_in, false);
    sem_init(&outside.release, 0, 0);
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    assert_false(atomic_load(&outside.signals_in));
    if (lookups_are_stuck(&scene->lookups)) {
        left_behind = scene; /* a thread that nobody joins has used it */
        return 0;
    }
    sem_destroy(&outside.release);
    free(scene);
    return 0;
}

static void on_answer(struct lookup *lookup)
{
    struct asked *asked = (struct asked *)lookup;

    assert_false(asked->answered);
    asked->answered = true;
}

static void ask(struct scene *scene, struct asked *asked, const char *name)
{
    memset(asked, 0, sizeof *asked);
    snprintf(asked->lookup.name, sizeof asked->lookup.name, "%s", name);
    asked->lookup.on_answer = on_answer;
    lookups_ask(&scene->lookups, &asked->lookup);
}

/* The loop runs until the answer has come. */
static void expect_answer(struct scene *scene, const struct asked *asked, int error)
{
    while (!asked->answered)
        uv_run(&scene->loop, UV_RUN_ONCE);
    assert_int_equal(asked->lookup.error, error);
}

static void wait_asked(int count)
{
    while (atomic_load(&outside.asked) < count)
        poll(NULL, 0, 1);
}

/* Of this process; the sanitizers may have one of their own. */
static int threads_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;

    assert_non_null(tasks);
    while (readdir(tasks) != NULL)
        count++;
    closedir(tasks);
    return count;
}

static void wait_threads(int count)
{
    while (threads_count() > count)
        poll(NULL, 0, 1);
}

static void on_stopped(void *context)
{
    struct scene *scene = context;

    scene->stopped = true;
}

static void stop(struct scene *scene)
{
    lookups_stop(&scene->lookups, on_stopped, scene);
    while (!scene->stopped)
        uv_run(&scene->loop, UV_RUN_ONCE);
}

static void answers_come_back_on_the_loop(void **state)
{
    struct scene *scene = *state;
    struct asked one, two;

    assert_int_equal(lookups_start(&scene->lookups, &scene->loop), 0);
    ask(scene, &one, "a.test");
    sem_post(&outside.release);
    expect_answer(scene, &one, EAI_NONAME);
    ask(scene, &two, "broken.test");
    sem_post(&outside.release);
    expect_answer(scene, &two, EAI_SYSTEM);
    assert_int_equal(two.lookup.system_error, EIO);
    stop(scene);
    assert_false(lookups_are_stuck(&scene->lookups));
}

static void no_question_waits_for_the_answer_of_another(void **state)
{
    struct scene *scene = *state;
    struct asked asked[QUESTIONS];

    assert_true(QUESTIONS > LOOKUPS_FIRST_THREADS && QUESTIONS <= LOOKUPS_MAX_THREADS);
    assert_int_equal(lookups_start(&scene->lookups, &scene->loop), 0);
    for (int i = 0; i < QUESTIONS; i++)
        ask(scene, &asked[i], "a.test");
    wait_asked(QUESTIONS); /* none was answered yet */
    for (int i = 0; i < QUESTIONS; i++)
        sem_post(&outside.release);
    for (int i = 0; i < QUESTIONS; i++)
        expect_answer(scene, &asked[i], EAI_NONAME);
    stop(scene);
}

static void without_further_threads_they_wait(void **state)
{
    struct scene *scene = *state;
    struct asked asked[QUESTIONS];

    atomic_store(&outside.threads_left, LOOKUPS_FIRST_THREADS);
    assert_int_equal(lookups_start(&scene->lookups, &scene->loop), 0);
    for (int i = 0; i < QUESTIONS; i++)
        ask(scene, &asked[i], "a.test");
    for (int i = 0; i < QUESTIONS; i++)
        sem_post(&outside.release);
    for (int i = 0; i < QUESTIONS; i++)
        expect_answer(scene, &asked[i], EAI_NONAME);
    stop(scene);
}

static void what_no_thread_has_in_hand_can_be_taken_back(void **state)
{
    struct scene *scene = *state;
    struct asked asked[QUESTIONS];

    atomic_store(&outside.threads_left, LOOKUPS_FIRST_THREADS);
    assert_int_equal(lookups_start(&scene->lookups, &scene->loop), 0);
    for (int i = 0; i < LOOKUPS_FIRST_THREADS; i++)
        ask(scene, &asked[i], "a.test");
    wait_asked(LOOKUPS_FIRST_THREADS);
    for (int i = LOOKUPS_FIRST_THREADS; i < QUESTIONS; i++)
        ask(scene, &asked[i], "a.test");
    assert_false(lookups_take_back(&scene->lookups, &asked[0].lookup));
    for (int i = QUESTIONS - 1; i > LOOKUPS_FIRST_THREADS; i--) { /* from the end on */
        assert_true(lookups_take_back(&scene->lookups, &asked[i].lookup));
        assert_false(lookups_take_back(&scene->lookups, &asked[i].lookup));
    }
    for (int i = 0; i <= LOOKUPS_FIRST_THREADS; i++)
        sem_post(&outside.release);
    for (int i = 0; i <= LOOKUPS_FIRST_THREADS; i++)
        expect_answer(scene, &asked[i], EAI_NONAME);
    assert_false(lookups_take_back(&scene->lookups, &asked[0].lookup));
    ask(scene, &asked[0], "a.test"); /* the list is in order */
    sem_post(&outside.release);
    expect_answer(scene, &asked[0], EAI_NONAME);
    stop(scene);
    assert_false(lookups_are_stuck(&scene->lookups));
}

static void without_the_first_threads_it_does_not_start(void **state)
{
    struct scene *scene = *state;

    for (int threads = 0; threads < LOOKUPS_FIRST_THREADS; threads++) {
        atomic_store(&outside.threads_left, threads);
        assert_int_equal(lookups_start(&scene->lookups, &scene->loop), UV_EAGAIN);
        assert_false(lookups_are_stuck(&scene->lookups));
        uv_run(&scene->loop, UV_RUN_DEFAULT);
    }
}

static void the_stop_waits_for_no_answer(void **state)
{
    struct scene *scene = *state;
    struct asked asked;
    int before = threads_count();

    assert_int_equal(lookups_start(&scene->lookups, &scene->loop), 0);
    ask(scene, &asked, "a.test");
    wait_asked(1);
    stop(scene);
    assert_true(lookups_are_stuck(&scene->lookups));
    assert_false(asked.answered);
    sem_post(&outside.release); /* only that the test can end in order */
    wait_threads(before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_come_back_on_the_loop),
        TEST(no_question_waits_for_the_answer_of_another),
        TEST(without_further_threads_they_wait),
        TEST(what_no_thread_has_in_hand_can_be_taken_back),
        TEST(without_the_first_threads_it_does_not_start),
        TEST(the_stop_waits_for_no_answer), /* last: a thread that nobody joins uses its stack */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
