#include "bench/poller.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/clock.h"

int poller_init(struct poller *poller)
{
    poller->again_first = NULL;
    poller->again_last = NULL;
    poller->ready_next = 0;
    poller->ready_count = 0;
    atomic_init(&poller->hurry, false);
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->epoll_fd < 0)
        return -errno;
    poller->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (poller->wake_fd < 0) {
        int error = -errno;
        close(poller->epoll_fd);
        return error;
    }
    return poller_add(poller, poller->wake_fd, NULL, EPOLLIN);
}

void poller_close(struct poller *poller)
{
    close(poller->wake_fd);
    close(poller->epoll_fd);
}

static int add(struct poller *poller, int fd, struct pollable *pollable, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = pollable};

    return epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int poller_add(struct poller *poller, int fd, struct pollable *pollable, uint32_t events)
{
    return add(poller, fd, pollable, events | EPOLLET);
}

int poller_add_listener(struct poller *poller, int fd, struct pollable *pollable)
{
    return add(poller, fd, pollable, EPOLLIN);
}

void poller_again(struct poller *poller, struct pollable *pollable)
{
    if (pollable->again)
        return;
    pollable->again = true;
    pollable->events = 0;
    pollable->again_next = NULL;
    if (poller->again_last == NULL)
        poller->again_first = pollable;
    else
        poller->again_last->again_next = pollable;
    poller->again_last = pollable;
}

/* Fallback where a system call filter does not know epoll_pwait2: up to a millisecond late. */
static int wait_coarsely(struct poller *poller, uint64_t timeout_ns)
{
    int timeout_ms =
        timeout_ns == CLOCK_NEVER ? -1 : (int)((timeout_ns + NS_PER_MS - 1) / NS_PER_MS);

    return epoll_wait(poller->epoll_fd, poller->ready, POLLER_BATCH, timeout_ms);
}

void poller_wait(struct poller *poller, uint64_t timeout_ns)
{
    if (poller->ready_next < poller->ready_count)
        return;
    if (poller->again_first != NULL)
        timeout_ns = 0;
    struct timespec timeout = {(time_t)(timeout_ns / NS_PER_S), (long)(timeout_ns % NS_PER_S)};
    int count = epoll_pwait2(poller->epoll_fd, poller->ready, POLLER_BATCH,
                             timeout_ns == CLOCK_NEVER ? NULL : &timeout, NULL);
    if (count < 0 && (errno == ENOSYS || errno == EPERM))
        count = wait_coarsely(poller, timeout_ns);
    assert(count >= 0 || errno == EINTR);
    poller->ready_next = 0;
    poller->ready_count = count < 0 ? 0 : count;
}

static bool in_a_hurry(struct poller *poller)
{
    return atomic_load_explicit(&poller->hurry, memory_order_relaxed);
}

/* Puts the rest of an unfinished round before the pollables that were queued during it. */
static void put_back(struct poller *poller, struct pollable *rest)
{
    struct pollable *last = rest;

    if (rest == NULL)
        return;
    while (last->again_next != NULL)
        last = last->again_next;
    last->again_next = poller->again_first;
    if (poller->again_first == NULL)
        poller->again_last = last;
    poller->again_first = rest;
}

static void run_again_queue(struct poller *poller)
{
    struct pollable *pollable = poller->again_first;

    poller->again_first = NULL;
    poller->again_last = NULL;
    while (pollable != NULL && !in_a_hurry(poller)) {
        struct pollable *next = pollable->again_next;
        uint32_t events = pollable->events | EPOLLIN | EPOLLOUT;
        pollable->again = false;
        pollable->on_events(pollable, events);
        pollable = next;
    }
    put_back(poller, pollable);
}

static void take_wake(struct poller *poller)
{
    uint64_t count;
    ssize_t got = read(poller->wake_fd, &count, sizeof count);

    (void)got;
}

void poller_dispatch(struct poller *poller)
{
    while (poller->ready_next < poller->ready_count) {
        const struct epoll_event *event = &poller->ready[poller->ready_next];
        struct pollable *pollable = event->data.ptr;
        if (in_a_hurry(poller))
            return;
        poller->ready_next++;
        if (pollable == NULL)
            take_wake(poller);
        else if (pollable->again)
            pollable->events |= event->events;
        else
            pollable->on_events(pollable, event->events);
    }
    run_again_queue(poller);
}

void poller_wake(struct poller *poller)
{
    uint64_t one = 1;
    ssize_t sent = write(poller->wake_fd, &one, sizeof one);

    (void)sent;
}
