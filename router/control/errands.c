#include "router/control/errands.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"

/* --- lists --- */

static void list_init(struct errand_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void list_add(struct errand_list *list, struct errand *errand)
{
    errand->next = NULL;
    *list->end = errand;
    list->end = &errand->next;
}

static struct errand *list_take(struct errand_list *list)
{
    struct errand *first = list->first;

    if (first == NULL)
        return NULL;
    list->first = first->next;
    if (list->first == NULL)
        list->end = &list->first;
    return first;
}

/* Takes this one out, if it is there. */
static bool list_remove(struct errand_list *list, const struct errand *errand)
{
    struct errand **link = &list->first;

    while (*link != NULL && *link != errand)
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    *link = errand->next;
    if (*link == NULL)
        list->end = link;
    return true;
}

/* --- the thread --- */

/* Under the lock. NULL: the end. */
static struct errand *next_errand(struct errands *errands)
{
    while (!errands->stopping && errands->asked.first == NULL)
        uv_cond_wait(&errands->more, &errands->lock);
    return list_take(&errands->asked);
}

static void run(void *argument)
{
    struct errands *errands = argument;

    uv_mutex_lock(&errands->lock);
    while ((errands->running = next_errand(errands)) != NULL) {
        struct errand *errand = errands->running;
        uv_mutex_unlock(&errands->lock);
        errand->run(errand);
        uv_mutex_lock(&errands->lock);
        errands->running = NULL; /* it may be freed as soon as it is told */
        list_add(&errands->done, errand);
        if (errands->stuck)
            break; /* nobody is there any more */
        uv_async_send(&errands->done_async);
    }
    if (!errands->stuck) {
        errands->ended = true;
        uv_async_send(&errands->done_async);
    }
    uv_mutex_unlock(&errands->lock);
}

/* The thread gets no signals. 0 or a negative libuv error. */
static int start_thread(struct errands *errands)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = uv_thread_create(&errands->thread, run, errands);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* --- what was done --- */

/* True: that was all there will be. */
static bool tell_done(struct errands *errands)
{
    struct errand_list done;

    uv_mutex_lock(&errands->lock);
    done = errands->done;
    list_init(&errands->done);
    bool ended = errands->ended;
    uv_mutex_unlock(&errands->lock);
    for (struct errand *errand = done.first, *next; errand != NULL; errand = next) {
        next = errand->next;
        errand->on_done(errand);
    }
    return ended;
}

static void on_closed(uv_handle_t *handle)
{
    struct errands *errands = handle->data;

    errands->on_stopped(&errands->part);
}

static void join(struct errands *errands)
{
    int error = uv_thread_join(&errands->thread);

    assert(error == 0);
    uv_cond_destroy(&errands->more);
    uv_mutex_destroy(&errands->lock);
    errands->joined = true;
}

static void on_done(uv_async_t *async)
{
    struct errands *errands = async->data;

    part_assert_own(&errands->part);
    if (!tell_done(errands) || errands->joined)
        return;
    join(errands);
    uv_close((uv_handle_t *)async, on_closed);
}

/* --- asking --- */

bool errands_are_run(const struct errands *errands)
{
    return errands->part.state == PART_RUNNING;
}

void errands_ask(struct errands *errands, struct errand *errand)
{
    part_assert_own(&errands->part);
    assert(errands_are_run(errands) && errand->run != NULL && errand->on_done != NULL);
    uv_mutex_lock(&errands->lock);
    errand->given_up = false;
    list_add(&errands->asked, errand);
    uv_cond_signal(&errands->more);
    uv_mutex_unlock(&errands->lock);
}

bool errands_give_up(struct errands *errands, struct errand *errand)
{
    part_assert_own(&errands->part);
    uv_mutex_lock(&errands->lock);
    bool taken = list_remove(&errands->asked, errand);
    errand->given_up = !taken;
    uv_mutex_unlock(&errands->lock);
    return taken;
}

/* --- the part --- */

static int start(struct part *part)
{
    struct errands *errands = part->self;

    assert(part == &errands->part);
    list_init(&errands->asked);
    list_init(&errands->done);
    int error = uv_mutex_init(&errands->lock);
    assert(error == 0);
    error = uv_cond_init(&errands->more);
    assert(error == 0);
    error = uv_async_init(errands->loop, &errands->done_async, on_done);
    if (error == 0) {
        errands->done_async.data = errands;
        error = start_thread(errands);
        if (error != 0)
            uv_close((uv_handle_t *)&errands->done_async, NULL);
    }
    if (error == 0)
        return 0;
    uv_cond_destroy(&errands->more);
    uv_mutex_destroy(&errands->lock);
    log_line(LOG_LEVEL_ERROR, "cannot start the thread that reads configurations: %s",
             strerror(-error));
    return EX_OSERR;
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct errands *errands = part->self;

    assert(part == &errands->part);
    errands->on_stopped = on_stopped;
    uv_mutex_lock(&errands->lock);
    errands->stopping = true;
    errands->stuck = errands->running != NULL && errands->running->given_up;
    bool stuck = errands->stuck;
    uv_cond_signal(&errands->more);
    uv_mutex_unlock(&errands->lock);
    if (!stuck)
        return; /* on_done() */
    int error = pthread_detach(errands->thread);
    assert(error == 0);
    uv_close((uv_handle_t *)&errands->done_async, on_closed);
}

void errands_init(struct errands *errands, uv_loop_t *loop)
{
    *errands = (struct errands){
        .part = {.name = "errands", .self = errands, .start = start, .stop = stop},
        .loop = loop,
    };
}

bool errands_are_stuck(const struct errands *errands)
{
    return errands->stuck;
}
