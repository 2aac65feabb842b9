/*
 * Leaving a listening socket: closing one resets whoever has connected and was not accepted. With
 * TCP_DEFER_ACCEPT those are more than wait in its queue: clients that have connected and said
 * nothing are held back, and the kernel does not even count them as connected.
 *
 * The happy path
 *  - Last call: nobody is held back any more. It lasts until nobody is about to connect.
 *  - Shut: newcomers get no answer any more. When nobody has been about to connect in two looks,
 *    what waits is accepted and the socket closes. A worker that ends begins here.
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
#include "router/worker/listener.h"

/* A client that was held back comes a second after its first packet, and a round trip. */
#define LAST_CALL_MS 1300u
/* The same, and what the way there and back may take for whoever has just begun. */
#define SHUT_MS 2000u
/* How long those that wait may wait for room. */
#define FULL_MS 10000u
/* Between two looks: at first, and at most. */
#define LOOK_MIN_MS 10u
#define LOOK_MAX_MS 160u
/* So many looks find nobody: a handshake that ends in the moment of one is seen by the next. */
#define QUIET_LOOKS 2u

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
    struct peer own;

    if (is_unix(listener)) /* connecting is done at once there */
        return NOBODY;
    peer_from_sockaddr((const struct sockaddr *)&listener->where.address, &own);
    if (!diag_connecting(own.port, on_connecting, &asked))
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
    listener->quiet = 0;
}

static void look_at(struct listener *listener)
{
    uint64_t elapsed = uv_now(listener->set->conns->loop) - listener->since_ms;
    enum about_to_connect who = who_connects(listener);

    if (listener->stage == LISTENER_LAST_CALL) {
        if (who == NOBODY || elapsed >= LAST_CALL_MS)
            enter(listener, LISTENER_SHUT);
        return;
    }
    listener->quiet = who == NOBODY ? listener->quiet + 1 : 0;
    bool complete =
        listener->quiet >= QUIET_LOOKS || elapsed >= (who == NOT_KNOWN ? LAST_CALL_MS : SHUT_MS);
    if (complete && (listener_accept_rest(listener) || elapsed >= FULL_MS))
        listener_close(listener);
}

static void on_look(uv_timer_t *timer)
{
    struct listeners *listeners = timer->data;
    struct listener *listener, *next;
    bool more = false;

    for (listener = LIST_FIRST(&listeners->list); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, link);
        more |= listener->stage != LISTENER_OPEN;
        if (listener->stage != LISTENER_OPEN)
            look_at(listener);
    }
    listeners->look_ms = 2 * listeners->look_ms;
    if (listeners->look_ms > LOOK_MAX_MS)
        listeners->look_ms = LOOK_MAX_MS;
    if (more && !uv_is_closing((uv_handle_t *)timer))
        uv_timer_start(timer, on_look, listeners->look_ms, 0);
}

static void begin_looking(struct listeners *listeners)
{
    listeners->look_ms = LOOK_MIN_MS;
    uv_timer_start(&listeners->look, on_look, LOOK_MIN_MS, 0);
}

/* --- leaving --- */

/* What is the same for both ways to leave. */
static void begin(struct listener *listener)
{
    struct conns *conns = listener->set->conns;
    struct target *where = &listener->where;

    where->len = sizeof where->address;
    if (getsockname(listener->fd, (struct sockaddr *)&where->address, &where->len) != 0)
        where->address.ss_family = AF_UNSPEC; /* nobody can be about to connect to it */
    if (!is_unix(listener))
        net_stop_deferring(listener->fd);
    assert(listener->view == NULL && conns->view != NULL);
    view_pin(conns->view);
    listener->view = conns->view;
}

void listener_leave(struct listener *listener)
{
    assert(listener->stage == LISTENER_OPEN);
    begin(listener);
    enter(listener, LISTENER_LAST_CALL);
    begin_looking(listener->set);
}

void listeners_leave(struct listeners *listeners)
{
    struct listener *listener;

    LIST_FOREACH (listener, &listeners->list, link) {
        if (listener->stage == LISTENER_OPEN)
            begin(listener);
        if (listener->stage != LISTENER_SHUT)
            enter(listener, LISTENER_SHUT);
    }
    if (!LIST_EMPTY(&listeners->list))
        begin_looking(listeners);
}
