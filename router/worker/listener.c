/*
 * Accepting.
 *
 * The happy path
 *  - The socket is readable: accept4() up to a bounded batch, each connection starts at once.
 *
 * The failures
 *  - The connection cap is reached, or the system is out of descriptors or memory: all
 *    listeners of the worker pause and look again a moment later; nothing spins, clients wait
 *    in the kernel's queue.
 *  - The client was gone before it was accepted: on to the next.
 */
#include "router/worker/listener.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "router/worker/worker.h"

/* Connections accepted per wake-up, so that those that are there get their turn. */
#define ACCEPT_BATCH 64
/* How long accepting pauses before it looks whether there is room again. */
#define PAUSE_MS 50
/* A pause is said in the log at most so often. */
#define SAY_EVERY_MS 10000

static bool is_full(const struct host *host)
{
    return atomic_load_explicit(&host->active, memory_order_relaxed) >= host->connection_cap;
}

/* One connection. False: none is waiting, or accepting has to pause. */
static bool accept_one(struct listener *listener)
{
    struct worker *worker = listener->worker;
    struct sockaddr_storage from;
    socklen_t len = sizeof from;

    if (is_full(worker->host)) {
        listeners_pause(worker, "the connection cap is reached");
        return false;
    }
    from.ss_family = AF_UNSPEC;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        conn_accept(worker, listener->index, fd, (struct sockaddr *)&from);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        listeners_pause(worker, strerror(errno));
        return false;
    case EAGAIN:
        return false;
    default: /* the client's own trouble, see accept(2) */
        return true;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)events;
    worker_assert_own(listener->worker);
    if (status != 0)
        return;
    for (int i = 0; i < ACCEPT_BATCH && accept_one(listener); i++)
        continue;
}

static void start(struct listener *listener)
{
    int error = uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    assert(error == 0); /* it can only fail for a handle that is closing */
}

bool listener_open(struct worker *worker, const struct handed_listener *handed)
{
    struct listener *listener = calloc(1, sizeof *listener);

    if (listener == NULL || uv_poll_init(&worker->loop, &listener->poll, handed->fd) != 0) {
        free(listener);
        close(handed->fd);
        return false;
    }
    listener->poll.data = listener;
    listener->fd = handed->fd;
    listener->endpoint = handed->endpoint;
    listener->index = handed->index;
    listener->worker = worker;
    LIST_INSERT_HEAD(&worker->listeners, listener, next);
    if (!worker->paused)
        start(listener);
    return true;
}

struct listener *listener_find(struct worker *worker, uint64_t endpoint)
{
    struct listener *listener;

    LIST_FOREACH(listener, &worker->listeners, next)
    {
        if (listener->endpoint == endpoint)
            return listener;
    }
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    close(listener->fd);
    free(listener);
}

void listener_close(struct listener *listener)
{
    /* The kernel has completed these handshakes: closing now would reset them. */
    while (accept_one(listener))
        continue;
    LIST_REMOVE(listener, next);
    uv_close((uv_handle_t *)&listener->poll, on_closed);
}

/* --- pausing --- */

static void on_resume(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    struct listener *listener;

    if (is_full(worker->host)) {
        uv_timer_start(timer, on_resume, PAUSE_MS, 0);
        return;
    }
    worker->paused = false;
    LIST_FOREACH(listener, &worker->listeners, next)
    start(listener);
}

void listeners_pause(struct worker *worker, const char *why)
{
    struct listener *listener;
    uint64_t now = uv_now(&worker->loop);

    if (worker->paused)
        return;
    worker->paused = true;
    tally_add(&worker->tally.accept_pauses, 1);
    if (worker->pause_said_ms == 0 || now - worker->pause_said_ms >= SAY_EVERY_MS) {
        worker_log(worker, LOG_LEVEL_WARNING, "worker %u: accepting pauses: %s (%u connections)",
                   worker->index, why,
                   atomic_load_explicit(&worker->host->active, memory_order_relaxed));
        worker->pause_said_ms = now;
    }
    LIST_FOREACH(listener, &worker->listeners, next)
    uv_poll_stop(&listener->poll);
    uv_timer_start(&worker->resume, on_resume, PAUSE_MS, 0);
}
