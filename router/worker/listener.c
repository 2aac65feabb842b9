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
#include <unistd.h>

#include "router/conn/conn.h"
#include "router/net/net.h"

/* Connections accepted per wake-up, so that established ones get their turn. */
#define ACCEPT_BATCH 64
/* How long accepting pauses before it looks whether there is room again. */
#define PAUSE_MS 50
/* A pause is said in the log at most so often. */
#define SAY_EVERY_MS 10000

static void pause_all(struct listeners *listeners, const char *why);

static bool is_full(const struct shared *shared)
{
    return atomic_load_explicit(&shared->active, memory_order_relaxed) >= shared->connection_cap;
}

/* A TLS client. */
static void accept_tls(struct listener *listener, int fd, const struct sockaddr *from)
{
    conn_accept(listener->set->conns, listener->index, fd, from);
}

/* One connection. False: none is waiting, or accepting has to pause. */
static bool accept_one(struct listener *listener)
{
    struct listeners *listeners = listener->set;
    struct sockaddr_storage from;
    socklen_t len = sizeof from;

    if (is_full(listeners->conns->shared)) {
        pause_all(listeners, "the connection cap is reached");
        return false;
    }
    from.ss_family = AF_UNSPEC;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        listener->on_accept(listener, fd, (struct sockaddr *)&from);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        pause_all(listeners, strerror(errno));
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
    conns_assert_own(listener->set->conns);
    if (status != 0)
        return;
    uv_update_time(poll->loop); /* timeouts begin now, also if the process was stopped before */
    for (int i = 0; i < ACCEPT_BATCH && accept_one(listener); i++)
        continue;
}

static void start(struct listener *listener)
{
    int error = uv_poll_start(&listener->poll, UV_READABLE, on_readable);

    assert(error == 0); /* it can only fail for a handle that is closing */
}

bool listener_open(struct listeners *listeners, const struct handed_listener *handed)
{
    struct listener *listener = calloc(1, sizeof *listener);

    assert(handed->fd >= 0 && listener_find(listeners, handed->endpoint) == NULL);
    if (listener == NULL ||
        uv_poll_init(listeners->conns->loop, &listener->poll, handed->fd) != 0) {
        free(listener);
        close(handed->fd);
        return false;
    }
    listener->poll.data = listener;
    listener->fd = handed->fd;
    listener->endpoint = handed->endpoint;
    listener->index = handed->index;
    listener->set = listeners;
    listener->on_accept = accept_tls;
    LIST_INSERT_HEAD(&listeners->list, listener, link);
    if (!listeners->paused)
        start(listener);
    return true;
}

struct listener *listener_find(struct listeners *listeners, uint64_t endpoint)
{
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
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
    LIST_REMOVE(listener, link);
    uv_close((uv_handle_t *)&listener->poll, on_closed);
}

/* --- pausing --- */

static void on_resume(uv_timer_t *timer)
{
    struct listeners *listeners = timer->data;
    struct listener *listener;

    assert(listeners->paused);
    if (is_full(listeners->conns->shared)) {
        uv_timer_start(timer, on_resume, PAUSE_MS, 0);
        return;
    }
    listeners->paused = false;
    LIST_FOREACH (listener, &listeners->list, link)
        start(listener);
}

/* Stops accepting on all sockets until there is room again. */
static void pause_all(struct listeners *listeners, const char *why)
{
    struct listener *listener;
    struct conns *conns = listeners->conns;
    uint64_t now = uv_now(conns->loop);

    if (listeners->paused)
        return;
    listeners->paused = true;
    stats_add(&conns->stats->accept_pauses, 1);
    if (listeners->pause_said_ms == 0 || now - listeners->pause_said_ms >= SAY_EVERY_MS) {
        conns_log(conns, LOG_LEVEL_WARNING, "worker %u: accepting pauses: %s (%u connections)",
                  conns->worker, why,
                  atomic_load_explicit(&conns->shared->active, memory_order_relaxed));
        listeners->pause_said_ms = now;
    }
    LIST_FOREACH (listener, &listeners->list, link)
        uv_poll_stop(&listener->poll);
    uv_timer_start(&listeners->resume, on_resume, PAUSE_MS, 0);
}

/* --- the set --- */

void listeners_init(struct listeners *listeners, struct conns *conns)
{
    *listeners = (struct listeners){.conns = conns};
    LIST_INIT(&listeners->list);
    uv_timer_init(conns->loop, &listeners->resume);
    listeners->resume.data = listeners;
}

/* TCP sockets: those that unix sockets accept inherit nothing. */
void listeners_size_buffers(struct listeners *listeners, const struct socket_sizes *sizes)
{
    struct socket_sizes *now = &listeners->sizes;
    bool changed =
        now->receive_bytes != sizes->receive_bytes || now->send_bytes != sizes->send_bytes;
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (changed)
            net_resize_buffers(listener->fd, sizes);
        else
            net_size_buffers(listener->fd, sizes);
    }
    *now = *sizes;
}

void listeners_close(struct listeners *listeners)
{
    struct listener *listener, *next;

    for (listener = LIST_FIRST(&listeners->list); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, link);
        listener_close(listener);
    }
    uv_timer_stop(&listeners->resume);
}

void listeners_stop(struct listeners *listeners)
{
    assert(LIST_EMPTY(&listeners->list));
    uv_close((uv_handle_t *)&listeners->resume, NULL);
}
