/*
 * Leaving a listening socket: closing one resets whoever has connected and was not accepted. With
 * TCP_DEFER_ACCEPT those are more than wait in its queue: clients that have connected and said
 * nothing are held back, and the kernel does not even count them as connected.
 *
 * The happy path
 *  - Last call: nobody is held back any more. It lasts until nobody is about to connect.
 *  - Shut: newcomers get no answer any more. When nobody is about to connect, what waits is
 *    accepted and the socket closes. A worker that ends begins here. Mostly this takes a moment.
 *
 *  - A socket that another process keeps is not shut: a batch of those that wait is accepted, and
 *    the others stay in its queue for whoever accepts from it next.
 *
 * The failures
 *  - Clients that never finish their handshake (or the kernel does not say whether there are any):
 *    each stage is bounded by what a client that does finish it needs.
 *  - There is no room for those that wait: the socket stays for some more seconds, since
 *    connections end.
 */
#include "router/worker/listener_leave.h"

#include <assert.h>
#include <netinet/in.h>

#include "router/conn/conns.h"
#include "router/net/diag.h"
#include "router/net/net_listen.h"

/* A client that was held back comes a second after its first packet, and a round trip. */
#define LAST_CALL_MS 1300u
/* The same, and what the way there and back may take for whoever has just begun. */
#define SHUT_MS 2000u
/* How long those that wait may wait for room. */
#define FULL_MS 10000u
/* Between two looks: at first, and at most. */
#define LOOK_MIN_MS 1u
#define LOOK_MAX_MS 160u

static bool is_unix(const struct listener *listener)
{
    return listener->where.address.ss_family == AF_UNIX;
}

/* --- who is about to connect --- */

/* Whether the kernel has to be asked: connecting to a unix socket is done at once. */
static bool is_asked(const struct listener *listener)
{
    return listener->stage != LISTENER_OPEN && !is_unix(listener) && !listener->kept;
}

/* Notes whom it is to; true: there are others for whom nobody was found so far. */
static bool on_connecting(void *context, const struct diag_socket *found)
{
    struct listeners *listeners = context;
    struct listener *listener;
    bool others = false;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (!is_asked(listener) || listener->who != NOBODY_CONNECTS)
            continue;
        if (target_overlaps(&listener->where, false, &found->local, false))
            listener->who = SOMEBODY_CONNECTS;
        else
            others = true;
    }
    return others;
}

/* For all that are leaving, with one question, however many they are. */
static void find_who_connects(struct listeners *listeners)
{
    struct listener *listener;
    bool any = false, only_v4 = true;

    LIST_FOREACH (listener, &listeners->list, link) {
        listener->who = NOBODY_CONNECTS;
        any |= is_asked(listener);
        only_v4 &= !is_asked(listener) || listener->where.address.ss_family == AF_INET;
    }
    if (!any || diag_connecting(only_v4, on_connecting, listeners))
        return;
    LIST_FOREACH (listener, &listeners->list, link) {
        if (is_asked(listener))
            listener->who = NOT_KNOWN_WHO_CONNECTS;
    }
}

/* --- the stages --- */

static void enter(struct listener *listener, enum listener_stage stage)
{
    assert(listener->stage < stage);
    if (stage == LISTENER_SHUT && !listener->kept)
        net_refuse_newcomers(listener->fd, is_unix(listener));
    listener->stage = stage;
    listener->since_ms = uv_now(listener->set->conns->loop);
}

static uint64_t elapsed_ms(const struct listener *listener)
{
    return uv_now(listener->set->conns->loop) - listener->since_ms;
}

static bool has_stage(const struct listeners *listeners, enum listener_stage stage)
{
    const struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (listener->stage == stage)
            return true;
    }
    return false;
}

/* Those whose last call is over, are shut. */
static void shut(struct listeners *listeners)
{
    struct listener *listener;

    if (!has_stage(listeners, LISTENER_LAST_CALL))
        return;
    if (!listeners->ending)
        find_who_connects(listeners);
    LIST_FOREACH (listener, &listeners->list, link) {
        if (listener->stage == LISTENER_LAST_CALL &&
            (listeners->ending || listener->who == NOBODY_CONNECTS ||
             elapsed_ms(listener) >= LAST_CALL_MS))
            enter(listener, LISTENER_SHUT);
    }
}

/* Closes one that is shut, if all have come that are to come. */
static void close_if_complete(struct listener *listener)
{
    uint32_t most_ms = listener->who == NOT_KNOWN_WHO_CONNECTS ? LAST_CALL_MS : SHUT_MS;

    if (listener->who != NOBODY_CONNECTS && elapsed_ms(listener) < most_ms)
        return;
    if (listener_accept_rest(listener) || listener->kept || elapsed_ms(listener) >= FULL_MS)
        listener_close(listener);
}

static void on_look(uv_timer_t *timer);

/*
 * Has all that are leaving go as far as they can by now, shut and closed within a moment, so that
 * few newcomers notice; and looks again later if some are left.
 */
static void look_at_all(struct listeners *listeners)
{
    struct listener *listener, *next;

    shut(listeners);
    if (has_stage(listeners, LISTENER_SHUT))
        find_who_connects(listeners);
    for (listener = LIST_FIRST(&listeners->list); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, link);
        if (listener->stage == LISTENER_SHUT)
            close_if_complete(listener);
    }
    if (has_stage(listeners, LISTENER_LAST_CALL) || has_stage(listeners, LISTENER_SHUT))
        uv_timer_start(&listeners->look, on_look, listeners->look_ms, 0);
}

static void on_look(uv_timer_t *timer)
{
    struct listeners *listeners = timer->data;

    listeners->look_ms = 2 * listeners->look_ms;
    if (listeners->look_ms > LOOK_MAX_MS)
        listeners->look_ms = LOOK_MAX_MS;
    look_at_all(listeners);
}

void listeners_look(struct listeners *listeners)
{
    uv_update_time(listeners->conns->loop);
    listeners->look_ms = LOOK_MIN_MS;
    look_at_all(listeners);
}

/* --- leaving --- */

void listener_leave(struct listener *listener)
{
    struct conns *conns = listener->set->conns;
    struct target *where = &listener->where;

    assert(listener->stage == LISTENER_OPEN && listener->view == NULL && conns->view != NULL);
    where->len = sizeof where->address;
    if (getsockname(listener->fd, (struct sockaddr *)&where->address, &where->len) != 0)
        where->address.ss_family = AF_UNSPEC; /* nobody can be about to connect to it */
    if (!is_unix(listener) && !listener->kept)
        net_stop_deferring(listener->fd);
    view_pin(conns->view);
    listener->view = conns->view;
    enter(listener, LISTENER_LAST_CALL);
}

void listeners_leave(struct listeners *listeners)
{
    struct listener *listener;

    listeners->ending = true;
    LIST_FOREACH (listener, &listeners->list, link) {
        if (listener->stage == LISTENER_OPEN)
            listener_leave(listener);
    }
    listeners_look(listeners);
}
