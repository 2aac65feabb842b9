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
 *  - The client was gone before it was accepted: on to the next. When that does not end, somebody
 *    forbids accepting: a pause, and then as below.
 *  - The socket is broken (somebody has shut it down, a filter forbids accepting, the loop cannot
 *    watch it): it is closed, and control is told, which opens another one.
 */
#include "router/worker/listener.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "router/conn/conn.h"
#include "router/net/net.h"
#include "router/net/room.h"
#include "router/worker/accept_error.h"

/* Connections accepted per wake-up, so that established ones get their turn. */
#define ACCEPT_BATCH 64
/* How long accepting pauses before it looks whether there is room again. */
#define PAUSE_MS 50
/* A pause is said in the log at most so often. */
#define SAY_EVERY_MS 10000

static void pause_all(struct listeners *listeners, const char *why);

/* A TLS client. */
static void accept_tls(struct listener *listener, int fd, const struct sockaddr *from)
{
    struct conns *conns = listener->set->conns;

    conn_accept(conns, listener->view != NULL ? listener->view : conns->view, listener->index, fd,
                from);
}

/* --- broken sockets --- */

/* The listener has left the list, or was never in it; its report goes out. */
static void report(struct listeners *listeners, struct listener *listener, const char *step,
                   int error)
{
    struct order *order = listener->report;
    const struct broken_listener broken = {.endpoint_id = listener->endpoint_id,
                                           .round = listener->round,
                                           .generation = listener->generation,
                                           .worker = listeners->conns->worker,
                                           .step = step,
                                           .error = error};

    assert(order != NULL);
    listener->report = NULL;
    listeners->on_broken(listeners, order, &broken);
}

/* Closes the socket, and says so; the listener must not be used any more. */
static void give_up(struct listener *listener, const char *step, int error)
{
    assert(listener->stage == LISTENER_OPEN);
    report(listener->set, listener, step, error);
    listener_close(listener);
}

/* --- accepting --- */

/* What came of an accept that failed. */
static enum accept_error failed(struct listener *listener, int error)
{
    struct listeners *listeners = listener->set;
    enum accept_error class = accept_error_of(error, ++listener->failed_in_row);

    listener->error = error;
    if (class == ACCEPT_EMPTY)
        listener->failed_in_row = 0;
    else if (class != ACCEPT_PAUSE && listener->stage == LISTENER_OPEN)
        stats_add(&listeners->conns->stats->accept_failures, 1);
    if (class == ACCEPT_PAUSE)
        pause_all(listeners, strerror(error));
    return class;
}

/* One connection, or what kept it away; ACCEPT_NEXT: there may be more. */
static enum accept_error accept_one(struct listener *listener)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;

    if (shared_is_full(listener->set->conns->shared)) {
        pause_all(listener->set, "the connection cap is reached");
        return ACCEPT_PAUSE;
    }
    from.ss_family = AF_UNSPEC;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return failed(listener, errno);
    listener->failed_in_row = 0;
    listener->on_accept(listener, fd, (struct sockaddr *)&from);
    return ACCEPT_NEXT;
}

/* A batch; ACCEPT_NEXT: there may be more. */
static enum accept_error accept_batch(struct listener *listener)
{
    enum accept_error last = ACCEPT_NEXT;

    for (int i = 0; i < ACCEPT_BATCH && last == ACCEPT_NEXT; i++)
        last = accept_one(listener);
    return last;
}

bool listener_accept_rest(struct listener *listener)
{
    enum accept_error last = accept_batch(listener);

    return last == ACCEPT_EMPTY || last == ACCEPT_BROKEN;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    assert(listener->magic == LISTENER_MAGIC);
    conns_assert_own(listener->set->conns);
    uv_update_time(poll->loop); /* timeouts begin now, also if the process was stopped before */
    enum accept_error last = status != 0 ? ACCEPT_BROKEN : accept_batch(listener);
    int error = status != 0 ? -status : listener->error;
    if (last == ACCEPT_EMPTY && (events & UV_DISCONNECT) != 0) {
        /* A unix socket that was shut down is readable for ever, and says EAGAIN. */
        last = ACCEPT_BROKEN;
        error = EINVAL; /* as every other such socket */
    }
    if (last != ACCEPT_BROKEN)
        return;
    if (listener->stage == LISTENER_OPEN)
        give_up(listener, status != 0 ? "poll" : "accept4", error);
    else
        uv_poll_stop(poll); /* nobody comes any more, and it closes soon */
}

/*
 * 0, or an errno: the system has no memory for it, or no room (fs.epoll.max_user_watches). libuv
 * adds a descriptor just before it waits, and aborts when it cannot, but takes it well when the
 * descriptor is there already: so it is.
 */
static int start(struct listener *listener)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = listener->fd};
    int error = uv_poll_start(&listener->poll, UV_READABLE | UV_DISCONNECT, on_readable);

    assert(error == 0); /* it can only fail for a handle that is closing */
    if (epoll_ctl(uv_backend_fd(listener->poll.loop), EPOLL_CTL_ADD, listener->fd, &event) == 0)
        return 0;
    error = errno;
    uv_poll_stop(&listener->poll);
    return error;
}

static void stop_all(struct listeners *listeners)
{
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link)
        uv_poll_stop(&listener->poll);
}

/* All or none. */
static bool start_all(struct listeners *listeners)
{
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (start(listener) != 0) {
            stop_all(listeners);
            return false;
        }
    }
    return true;
}

/* --- one listener --- */

static void listener_free(struct listener *listener)
{
    assert(listener->magic == LISTENER_MAGIC);
    listener->magic = 0;
    free(listener->report); /* zeroed: it owns nothing */
    free(listener);
}

void handed_release(struct handed_listener *handed)
{
    free(handed->made);
    free(handed->report);
    handed->made = NULL;
    handed->report = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    listener_free(handle->data);
}

void listener_open(struct listeners *listeners, struct handed_listener *handed)
{
    struct listener *listener = handed->made;

    assert(listener != NULL && handed->report != NULL && handed->fd >= 0);
    assert(listener_find(listeners, handed->endpoint_id, handed->round) == NULL);
    listener->magic = LISTENER_MAGIC;
    listener->report = handed->report;
    listener->fd = handed->fd;
    handed->made = NULL;
    handed->report = NULL;
    handed->fd = -1;
    listener->endpoint_id = handed->endpoint_id;
    listener->round = handed->round;
    listener->generation = handed->generation;
    listener->index = handed->index;
    listener->backlog = handed->backlog;
    listener->kept = handed->kept;
    listener->set = listeners;
    listener->on_accept = accept_tls;
    int error = uv_poll_init(listeners->conns->loop, &listener->poll, listener->fd);
    if (error != 0) {
        report(listeners, listener, "epoll_ctl", -error);
        close(listener->fd);
        listener_free(listener);
        return;
    }
    listener->poll.data = listener;
    LIST_INSERT_HEAD(&listeners->list, listener, link);
    if (listeners->paused)
        return;
    error = start(listener);
    if (error != 0)
        give_up(listener, "epoll_ctl", error);
}

void listener_follow(struct listener *listener, const struct handed_listener *handed)
{
    listener->index = handed->index;
    if (listener->backlog == handed->backlog)
        return;
    /* On a socket that listens already this changes the length of its queue and nothing else. */
    if (listen(listener->fd, (int)handed->backlog) != 0)
        conns_log(listener->set->conns, LOG_LEVEL_WARNING, "worker %u: cannot change a backlog: %s",
                  listener->set->conns->worker, strerror(errno));
    listener->backlog = handed->backlog;
}

struct listener *listener_find(struct listeners *listeners, uint64_t endpoint_id, uint32_t round)
{
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (listener->endpoint_id == endpoint_id && listener->round == round &&
            listener->stage == LISTENER_OPEN)
            return listener;
    }
    return NULL;
}

void listener_close(struct listener *listener)
{
    struct listeners *listeners = listener->set;
    struct view *view = listener->view;

    LIST_REMOVE(listener, link);
    listener->view = NULL;
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    close(listener->fd); /* the loop has let go of it; newcomers are refused from now on */
    if (view != NULL)
        conns_unpin(listeners->conns, view);
    listeners->on_gone(listeners);
}

/* --- pausing --- */

static void on_resume(uv_timer_t *timer)
{
    struct listeners *listeners = timer->data;

    assert(listeners->paused);
    if (!shared_is_full(listeners->conns->shared) && start_all(listeners))
        listeners->paused = false;
    else
        uv_timer_start(timer, on_resume, PAUSE_MS, 0);
}

/* Stops accepting on all sockets until there is room again. */
static void pause_all(struct listeners *listeners, const char *why)
{
    struct conns *conns = listeners->conns;
    uint64_t now = uv_now(conns->loop);
    uint32_t active = atomic_load_explicit(&conns->shared->active, memory_order_relaxed);

    if (listeners->paused)
        return;
    listeners->paused = true;
    stats_add(&conns->stats->accept_pauses, 1);
    if (listeners->pause_said_ms == 0 || now - listeners->pause_said_ms >= SAY_EVERY_MS) {
        conns_log(conns, LOG_LEVEL_WARNING, "worker %u: accepting pauses: %s (%u connection%s)",
                  conns->worker, why, active, active == 1 ? "" : "s");
        listeners->pause_said_ms = now;
    }
    stop_all(listeners);
    uv_timer_start(&listeners->resume, on_resume, PAUSE_MS, 0);
}

/* --- the set --- */

void listeners_init(struct listeners *listeners, struct conns *conns)
{
    *listeners = (struct listeners){.conns = conns};
    LIST_INIT(&listeners->list);
    uv_timer_init(conns->loop, &listeners->resume);
    listeners->resume.data = listeners;
    uv_timer_init(conns->loop, &listeners->look);
    listeners->look.data = listeners;
}

/* TCP sockets: those that unix sockets accept inherit nothing. */
void listeners_size_buffers(struct listeners *listeners, const struct socket_sizes *sizes)
{
    struct socket_sizes *now = &listeners->sizes;
    bool changed =
        now->receive_bytes != sizes->receive_bytes || now->send_bytes != sizes->send_bytes;
    bool bounded = room_bounds_unsent(now) != room_bounds_unsent(sizes);
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (changed)
            net_resize_buffers(listener->fd, sizes);
        else
            net_size_buffers(listener->fd, sizes);
        if (bounded)
            room_bound_unsent(listener->fd, sizes);
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
}

void listeners_stop(struct listeners *listeners)
{
    assert(LIST_EMPTY(&listeners->list));
    uv_close((uv_handle_t *)&listeners->resume, NULL);
    uv_close((uv_handle_t *)&listeners->look, NULL);
}
