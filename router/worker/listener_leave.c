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

enum about_to_connect { NOBODY, SOMEBODY, NOT_KNOWN };

static bool is_unix(const struct listener *listener)
{
    return listener->where.address.ss_family == AF_UNIX;
}

/* --- who is about to connect --- */

struct asked {
    const struct target *where;
    bool found;
};

static bool on_connecting(void *context, const struct diag_socket *found)
{
    struct asked *asked = context;

    asked->found = target_overlaps(asked->where, false, &found->local, false);
    return !asked->found;
}

static enum about_to_connect who_connects(const struct listener *listener)
{
    struct asked asked = {.where = &listener->where};

    if (is_unix(listener)) /* connecting is done at once there */
        return NOBODY;
    if (!diag_connecting(&listener->where, on_connecting, &asked))
        return NOT_KNOWN;
    return asked.found ? SOMEBODY : NOBODY;
}

/* --- the stages --- */

static void enter(struct listener *listener, enum listener_stage stage)
{
    assert(listener->stage < stage);
    if (stage == LISTENER_SHUT)
        net_refuse_newcomers(listener->fd, is_unix(listener));
    listener->stage = stage;
    listener->since_ms = uv_now(listener->set->conns->loop);
}

static uint64_t elapsed_ms(const struct listener *listener)
{
    return uv_now(listener->set->conns->loop) - listener->since_ms;
}

/* Goes as far as it can by now: shut and close within a moment, so that few newcomers notice. */
static void look_at(struct listener *listener)
{
    if (listener->stage == LISTENER_LAST_CALL) {
        if (!listener->set->ending && who_connects(listener) != NOBODY &&
            elapsed_ms(listener) < LAST_CALL_MS)
            return;
        enter(listener, LISTENER_SHUT);
    }
    enum about_to_connect who = who_connects(listener);
    bool complete =
        who == NOBODY || elapsed_ms(listener) >= (who == NOT_KNOWN ? LAST_CALL_MS : SHUT_MS);
    if (complete && (listener_accept_rest(listener) || elapsed_ms(listener) >= FULL_MS))
        listener_close(listener);
}

static void on_look(uv_timer_t *timer);

/* Looks at all that are leaving, and again later if some are left. */
static void look_at_all(struct listeners *listeners)
{
    struct listener *listener, *next;
    bool more = false;

    for (listener = LIST_FIRST(&listeners->list); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, link);
        if (listener->stage != LISTENER_OPEN)
            look_at(listener);
    }
    LIST_FOREACH (listener, &listeners->list, link)
        more |= listener->stage != LISTENER_OPEN;
    if (more)
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
    if (!is_unix(listener))
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
