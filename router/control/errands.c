#include "router/control/errands.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"

/* --- the thread --- */

/* Under the lock. NULL: the end. */
static struct errand *next_errand(struct errands *errands)
{
    while (!errands->stopping && errands->asked.first == NULL)
        uv_cond_wait(&errands->more, &errands->lock);
    return (struct errand *)work_list_take(&errands->asked);
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
        work_list_add(&errands->done, &errand->work);
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

/* --- what was done --- */

/* True: that was all there will be. */
static bool tell_done(struct errands *errands)
{
    uv_mutex_lock(&errands->lock);
    struct work *done = work_list_take_all(&errands->done);
    bool ended = errands->ended;
    uv_mutex_unlock(&errands->lock);
    for (struct work *next; done != NULL; done = next) {
        struct errand *errand = (struct errand *)done;
        next = done->next;
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
    work_list_add(&errands->asked, &errand->work);
    uv_cond_signal(&errands->more);
    uv_mutex_unlock(&errands->lock);
}

bool errands_give_up(struct errands *errands, struct errand *errand)
{
    part_assert_own(&errands->part);
    uv_mutex_lock(&errands->lock);
    bool taken = work_list_remove(&errands->asked, &errand->work);
    errand->given_up = !taken;
    uv_mutex_unlock(&errands->lock);
    return taken;
}

/* --- the part --- */

static int start(struct part *part)
{
    struct errands *errands = part->self;

    assert(part == &errands->part);
    work_list_init(&errands->asked);
    work_list_init(&errands->done);
    int error = uv_mutex_init(&errands->lock);
    assert(error == 0);
    error = uv_cond_init(&errands->more);
    assert(error == 0);
    error = uv_async_init(errands->loop, &errands->done_async, on_done);
    if (error == 0) {
        errands->done_async.data = errands;
        error = side_thread_start(&errands->thread, run, errands);
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
