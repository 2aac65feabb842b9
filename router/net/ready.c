/*
 * The happy path
 *  - The set has news: libuv calls on_set_readable(), which hands each event to its source, and
 *    looks again while several sockets had some.
 *
 * The failures
 *  - A source goes while events of the same batch are handed out: ready_forget() takes it out of
 *    the batch.
 *  - More sockets have news than one batch holds, or than the time allows: the set stays readable,
 *    and libuv comes again.
 *  - The system has no room for a further socket (ENOMEM, ENOSPC): ready_add() says so, and nothing
 *    was added.
 */
#include "router/net/ready.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* Sockets handled per wake-up; what is left keeps the set readable and libuv comes again. */
#define READY_BATCH 64
/* How long the set may be looked at again before the loop gets its turn. */
#define READY_LOOK_MS 2
#define READY_ALWAYS  ((uint32_t)EPOLLOUT | EPOLLRDHUP | EPOLLPRI | (uint32_t)EPOLLET)

/* One look at the set; how many sockets had news. */
static int dispatch(struct ready *ready)
{
    struct epoll_event events[READY_BATCH];
    int count = epoll_wait(ready->epoll_fd, events, READY_BATCH, 0);

    assert(count >= 0 || errno == EINTR);
    ready->batch = events;
    ready->batch_count = count;
    for (int i = 0; i < count; i++) {
        struct ready_source *source = events[i].data.ptr;
        if (source != NULL) /* not forgotten meanwhile */
            source->on_events(source, events[i].events);
    }
    ready->batch = NULL;
    return count;
}

/*
 * Several sockets with news at once mean load: more will have some by now, so look again first. Not
 * for long: timers, listeners and closed connections wait for the loop's turn.
 */
static void on_set_readable(uv_poll_t *poll, int status, int events)
{
    struct ready *ready = poll->data;
    uv_loop_t *loop = poll->loop;

    (void)events;
    uv_update_time(loop); /* the process may have been stopped since the loop looked at its clock */
    uint64_t began_ms = uv_now(loop);
    assert(status == 0); /* an epoll descriptor cannot fail */
    while (dispatch(ready) > 1) {
        uv_update_time(loop);
        if (uv_now(loop) - began_ms >= READY_LOOK_MS)
            break;
    }
}

/* What has come in meanwhile stands behind what was there: so many events later all of that is
 * told. */
void ready_look(struct ready *ready, size_t sockets)
{
    size_t told = 0;
    int count;

    do {
        count = dispatch(ready);
        told += count > 0 ? (size_t)count : 0;
    } while (count < 0 || (count == READY_BATCH && told < sockets));
}

int ready_init(struct ready *ready, uv_loop_t *loop)
{
    ready->batch = NULL;
    ready->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (ready->epoll_fd < 0)
        return uv_translate_sys_error(errno);

    int error = uv_poll_init(loop, &ready->poll, ready->epoll_fd);
    if (error != 0) {
        close(ready->epoll_fd);
        return error;
    }
    ready->poll.data = ready;
    error = uv_poll_start(&ready->poll, UV_READABLE, on_set_readable);
    assert(error == 0); /* it can only fail for a handle that is closing */
    return 0;
}

int ready_add(struct ready *ready, int fd, struct ready_source *source)
{
    struct epoll_event event = {.events = READY_ALWAYS | EPOLLIN, .data.ptr = source};

    assert(fd >= 0 && source->on_events != NULL);
    if (epoll_ctl(ready->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return uv_translate_sys_error(errno);
    return 0;
}

void ready_mute(struct ready *ready, int fd, struct ready_source *source, bool mute)
{
    struct epoll_event event = {.events = READY_ALWAYS | (mute ? 0u : (uint32_t)EPOLLIN),
                                .data.ptr = source};
    int error = epoll_ctl(ready->epoll_fd, EPOLL_CTL_MOD, fd, &event);

    assert(error == 0); /* the socket is in the set: nothing is allocated */
}

void ready_hand_over(struct ready *ready, int fd, struct ready_source *source)
{
    assert(source->on_events != NULL);
    ready_mute(ready, fd, source, false);
}

void ready_forget(struct ready *ready, const struct ready_source *source)
{
    for (int i = 0; ready->batch != NULL && i < ready->batch_count; i++) {
        if (ready->batch[i].data.ptr == source)
            ready->batch[i].data.ptr = NULL;
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct ready *ready = handle->data;

    close(ready->epoll_fd);
    ready->epoll_fd = -1;
}

void ready_stop(struct ready *ready)
{
    uv_close((uv_handle_t *)&ready->poll, on_poll_closed);
}
