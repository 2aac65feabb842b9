#include "router/control/lookups.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

/* --- the threads --- */

static void look_up(struct lookup *lookup)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    lookup->error = getaddrinfo(lookup->name, NULL, &hints, &lookup->found);
    lookup->system_error = errno;
}

/* Under the lock. NULL: the end. */
static struct lookup *next_question(struct lookups *lookups)
{
    while (!lookups->stopping && lookups->questions.first == NULL)
        uv_cond_wait(&lookups->more, &lookups->lock);
    return lookups->stopping ? NULL : (struct lookup *)work_list_take(&lookups->questions);
}

static void run(void *argument)
{
    struct lookups *lookups = argument;
    struct lookup *lookup;

    uv_mutex_lock(&lookups->lock);
    while ((lookup = next_question(lookups)) != NULL) {
        lookups->waiting--;
        lookups->busy++;
        uv_mutex_unlock(&lookups->lock);
        look_up(lookup);
        uv_mutex_lock(&lookups->lock);
        lookups->busy--;
        work_list_add(&lookups->answers, &lookup->work);
        if (!lookups->stopping)
            uv_async_send(&lookups->answered);
    }
    uv_mutex_unlock(&lookups->lock);
}

/* 0 or a negative libuv error. */
static int add_thread(struct lookups *lookups)
{
    assert(lookups->threads < LOOKUPS_MAX_THREADS);
    int error = side_thread_start(&lookups->list[lookups->threads], run, lookups);
    if (error == 0)
        lookups->threads++;
    return error;
}

/* --- answers --- */

static void tell_answers(struct lookups *lookups)
{
    uv_mutex_lock(&lookups->lock);
    struct work *answers = work_list_take_all(&lookups->answers);
    uv_mutex_unlock(&lookups->lock);
    for (struct work *next; answers != NULL; answers = next) {
        struct lookup *lookup = (struct lookup *)answers;
        next = answers->next;
        lookup->on_answer(lookup);
    }
}

static void on_answered(uv_async_t *async)
{
    tell_answers(async->data);
}

/* --- asking --- */

void lookups_ask(struct lookups *lookups, struct lookup *lookup)
{
    assert(lookup->on_answer != NULL && lookup->found == NULL);
    uv_mutex_lock(&lookups->lock);
    assert(!lookups->stopping);
    work_list_add(&lookups->questions, &lookup->work);
    lookups->waiting++;
    bool short_of_threads = lookups->waiting + lookups->busy > lookups->threads;
    uv_cond_signal(&lookups->more);
    uv_mutex_unlock(&lookups->lock);
    if (short_of_threads && lookups->threads < LOOKUPS_MAX_THREADS)
        (void)add_thread(lookups); /* else it waits its turn */
}

bool lookups_take_back(struct lookups *lookups, struct lookup *lookup)
{
    uv_mutex_lock(&lookups->lock);
    bool taken = work_list_remove(&lookups->questions, &lookup->work);
    if (taken)
        lookups->waiting--;
    uv_mutex_unlock(&lookups->lock);
    return taken;
}

/* --- the beginning and the end --- */

static void join(struct lookups *lookups)
{
    for (size_t i = 0; i < lookups->threads; i++) {
        int error = uv_thread_join(&lookups->list[i]);
        assert(error == 0);
    }
    lookups->threads = 0;
    uv_cond_destroy(&lookups->more);
    uv_mutex_destroy(&lookups->lock);
}

/* Some end at once, others when their question is answered. */
static void detach(struct lookups *lookups)
{
    for (size_t i = 0; i < lookups->threads; i++) {
        int error = pthread_detach(lookups->list[i]);
        assert(error == 0);
    }
}

/* Has the threads end that wait for a question. True: those are all. */
static bool end_threads(struct lookups *lookups)
{
    uv_mutex_lock(&lookups->lock);
    assert(!lookups->stopping);
    lookups->stopping = true;
    bool all = lookups->busy + lookups->waiting == 0;
    uv_cond_broadcast(&lookups->more);
    uv_mutex_unlock(&lookups->lock);
    return all;
}

int lookups_start(struct lookups *lookups, uv_loop_t *loop)
{
    memset(lookups, 0, sizeof *lookups);
    lookups->loop = loop;
    work_list_init(&lookups->questions);
    work_list_init(&lookups->answers);
    int error = uv_mutex_init(&lookups->lock);
    if (error != 0)
        return error;
    if ((error = uv_cond_init(&lookups->more)) != 0)
        goto destroy_lock;
    if ((error = uv_async_init(loop, &lookups->answered, on_answered)) != 0)
        goto destroy_cond;
    lookups->answered.data = lookups;
    while (error == 0 && lookups->threads < LOOKUPS_FIRST_THREADS)
        error = add_thread(lookups);
    if (error == 0)
        return 0;
    end_threads(lookups);
    join(lookups);
    uv_close((uv_handle_t *)&lookups->answered, NULL);
    return error;

destroy_cond:
    uv_cond_destroy(&lookups->more);
destroy_lock:
    uv_mutex_destroy(&lookups->lock);
    return error;
}

static void on_closed(uv_handle_t *handle)
{
    struct lookups *lookups = handle->data;

    lookups->on_stopped(lookups->context);
}

void lookups_stop(struct lookups *lookups, void (*on_stopped)(void *context), void *context)
{
    lookups->on_stopped = on_stopped;
    lookups->context = context;
    bool all = end_threads(lookups);
    tell_answers(lookups);
    if (all)
        join(lookups);
    else
        detach(lookups);
    uv_close((uv_handle_t *)&lookups->answered, on_closed);
}

bool lookups_are_stuck(const struct lookups *lookups)
{
    return lookups->threads > 0;
}
