/*
 * The life of a connection: accept, the table of verdicts, the timer, the close door.
 *
 * The happy path
 *  - conn_accept() takes the socket over, and the first phase begins at once.
 *  - An event is noted on the side it concerns, then the phase of the state is asked. What it
 *    comes to, its verdict, is acted on by apply(): the table names the action, the action moves
 *    on and asks the next phase, until a phase waits.
 *  - finish() closes the sockets; in libuv's close phase the connection is logged and freed.
 *
 * The failures
 *  - No memory for the connection: the socket is closed, counted as `resource`.
 *  - The deadline of the state passes: news of the sockets comes first, then its phase is asked
 *    what that means.
 *  - An event for a socket that was closed in the same batch: the connection is still allocated
 *    (memory goes in the close phase only), and what is over is asked nothing.
 */
#include "router/conn/conn.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "router/conn/conn_connect.h"
#include "router/conn/conn_hello.h"
#include "router/conn/conn_linger.h"
#include "router/conn/conn_log.h"
#include "router/conn/conn_refuse.h"
#include "router/conn/conn_relay.h"
#include "router/conn/conn_state.h"
#include "router/net/net.h"
#include "router/net/room.h"

/* --- states --- */

/* Who is asked in a state. */
static const struct phase {
    struct verdict (*on_event)(struct conn *conn, struct side *side, uint32_t events);
    struct verdict (*on_deadline)(struct conn *conn);
    struct verdict (*on_turn)(struct conn *conn); /* NULL: never queues */
    void (*on_leave)(struct conn *conn);          /* NULL: has nothing to give back */
} phases[CONN_STATES] = {
    [CONN_PEEKING] = {hello_event, hello_deadline, NULL, NULL},
    [CONN_CONNECTING] = {connect_event, connect_deadline, NULL, connect_leave},
    [CONN_RELAYING] = {relay_event, relay_deadline, relay_turn, NULL},
    [CONN_CLOSING] = {linger_event, linger_deadline, NULL, NULL},
};

/* Over: both sides are closed, and only libuv's close callback is still to come. */
static bool is_over(const struct conn *conn)
{
    return uv_is_closing((const uv_handle_t *)&conn->timer);
}

static void assert_lingering(const struct conn *conn)
{
    switch ((enum linger_kind)conn->linger.kind) {
    case LINGER_OVER:
        assert(is_over(conn) && conn->client.fd < 0 && conn->server.fd < 0);
        break;
    case LINGER_HANG_UP:
        assert(!is_over(conn) && conn->client.fd >= 0 && conn->server.fd < 0);
        break;
    case LINGER_DELIVER:
        assert(!is_over(conn) && (conn->client.fd < 0) != (conn->server.fd < 0));
        break;
    }
}

/* What holds in a state whenever the connection waits. */
static void assert_invariants(const struct conn *conn)
{
    assert((conn->reason != REASON_NONE) == (conn->state == CONN_CLOSING));
    switch ((enum conn_state)conn->state) {
    case CONN_PEEKING:
        assert(conn->view != NULL);
        assert(conn->client.fd >= 0 && conn->server.fd < 0 && conn->watched);
        assert(conn->passage.backend == CONFIG_NONE && !conn->turn.queued);
        break;
    case CONN_CONNECTING:
        assert(conn->view != NULL);
        assert(conn->client.fd >= 0 && conn->watched && !conn->turn.queued);
        assert(conn->passage.backend != CONFIG_NONE && conn->passage.server != NULL);
        break;
    case CONN_RELAYING:
        assert(conn->view == NULL && conn->passage.server != NULL);
        assert(conn->client.fd >= 0 && conn->server.fd >= 0);
        assert(conn->up.from == &conn->client && conn->down.from == &conn->server);
        assert(!(conn->up.ended && conn->down.ended));
        break;
    case CONN_CLOSING:
        assert(!pump_holds_bytes(&conn->up) && !pump_holds_bytes(&conn->down));
        assert(!conn->turn.queued);
        assert_lingering(conn);
        break;
    case CONN_STATES:
        assert(false);
    }
}

/* What must be there before a state begins; what holds while it waits is asserted then. */
static void assert_can_enter(const struct conn *conn, enum conn_state to)
{
    const struct passage *passage = &conn->passage;

    assert((conn->reason != REASON_NONE) == (to == CONN_CLOSING));
    switch (to) {
    case CONN_CONNECTING:
        assert(conn->view != NULL && passage->backend != CONFIG_NONE && passage->server == NULL);
        assert(conn->client.fd >= 0 && conn->server.fd < 0);
        break;
    case CONN_RELAYING:
        assert(conn->view != NULL && passage->server != NULL);
        assert(conn->client.fd >= 0 && conn->server.fd >= 0 && conn->connecting.more == NULL);
        break;
    case CONN_CLOSING:
        assert(!is_over(conn));
        break;
    case CONN_PEEKING: /* is where it begins */
    case CONN_STATES:
        assert(false);
    }
}

static void move(struct conn *conn, enum conn_state to)
{
    static const uint8_t next[CONN_STATES] = {
        [CONN_PEEKING] = 1u << CONN_CONNECTING | 1u << CONN_CLOSING,
        [CONN_CONNECTING] = 1u << CONN_RELAYING | 1u << CONN_CLOSING,
        [CONN_RELAYING] = 1u << CONN_CLOSING,
        [CONN_CLOSING] = 0,
    };

    assert(conn->magic == CONN_MAGIC && conn->state < CONN_STATES);
    assert((next[conn->state] >> to & 1u) != 0);
    assert_can_enter(conn, to);
    if (phases[conn->state].on_leave != NULL)
        phases[conn->state].on_leave(conn);
    conn->state = (uint8_t)to;
}

/* The first reason stays. */
static void set_reason(struct conn *conn, uint8_t reason)
{
    assert(reason < REASON_COUNT);
    if (conn->reason == REASON_NONE)
        conn->reason = reason;
}

/*
 * An end that comes before all bytes must not look like one that comes after: a direction that is
 * cut short, with bytes in hand or while it was still going, ends in a reset.
 */
static void reset_if_cut(const struct conn *conn, const struct pump *pump)
{
    bool stopped = conn->reason == REASON_DRAIN_TIMEOUT || conn->reason == REASON_RESOURCE ||
                   conn->reason == REASON_INTERNAL;

    if (pump->to == NULL || pump->to->fd < 0)
        return;
    if (pump_holds_bytes(pump) || (stopped && !pump->ended))
        net_reset_on_close(pump->to->fd);
}

/* Nothing is carried any more. */
static void stop_pumps(struct conn *conn)
{
    pump_close(&conn->up);
    pump_close(&conn->down);
    turns_remove(&conn->conns->turns, &conn->turn);
}

/* --- the end --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct conns *conns = conn->conns;
    struct worker_stats *stats = conns->stats;

    assert(conn->magic == CONN_MAGIC);
    assert_invariants(conn);
    stats_add(&stats->closed[conn->reason], 1);
    stats_add(&stats->retries, conn->passage.retries);
    if (conn->reason == REASON_HELLO_ABORT && !conn->passage.spoke)
        stats_add(&stats->empty, 1); /* a port scan or a health check: no line */
    else if (conns_log_config(conns)->access_path != NULL)
        conn_log(conn, conns_log_config(conns)->access_format);
    TAILQ_REMOVE(&conns->list, conn, link);
    conns->count--;
    atomic_fetch_sub_explicit(&conns->shared->active, 1, memory_order_relaxed);
    conn_unpin(conn);
    passage_end(&conn->passage, conns->worker);
    conn->magic = 0;
    free(conn);
    conns->on_gone(conns);
}

/* --- the actions: each acts on one verdict, and says what the next phase came to --- */

static struct verdict stay(struct conn *conn, struct verdict verdict)
{
    (void)conn;
    return verdict;
}

static struct verdict start_connecting(struct conn *conn, struct verdict verdict)
{
    (void)verdict;
    move(conn, CONN_CONNECTING);
    return connect_begin(conn);
}

static struct verdict start_relaying(struct conn *conn, struct verdict verdict)
{
    (void)verdict;
    move(conn, CONN_RELAYING);
    return relay_begin(conn);
}

static struct verdict start_refusing(struct conn *conn, struct verdict verdict)
{
    set_reason(conn, verdict.reason);
    move(conn, CONN_CLOSING);
    stop_pumps(conn); /* a hello that was taken goes nowhere */
    conn_close_side(&conn->server);
    return refuse_begin(conn, (enum policy_action)verdict.action);
}

static struct verdict start_hanging_up(struct conn *conn, struct verdict verdict)
{
    return linger_hang_up(conn, verdict.most_ms);
}

static struct verdict start_delivering(struct conn *conn, struct verdict verdict)
{
    set_reason(conn, verdict.reason);
    move(conn, CONN_CLOSING);
    stop_pumps(conn);
    conn_close_side(verdict.server_gone ? &conn->server : &conn->client);
    return linger_deliver(conn);
}

static struct verdict finish(struct conn *conn, struct verdict verdict)
{
    set_reason(conn, verdict.reason);
    if (conn->state != CONN_CLOSING)
        move(conn, CONN_CLOSING);
    conn->linger.kind = LINGER_OVER;
    reset_if_cut(conn, &conn->up);
    reset_if_cut(conn, &conn->down);
    stop_pumps(conn);
    conn_close_side(&conn->client);
    conn_close_side(&conn->server);
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
    return verdict_wait();
}

/* --- the table: what a verdict leads to in each state; NULL: it cannot come there --- */

typedef struct verdict action(struct conn *conn, struct verdict verdict);

static action *const actions[CONN_STATES][VERDICTS] = {
    [CONN_PEEKING] =
        {
            [VERDICT_WAIT] = stay,
            [VERDICT_ROUTED] = start_connecting,
            [VERDICT_REFUSE] = start_refusing,
            [VERDICT_END] = finish,
        },
    [CONN_CONNECTING] =
        {
            [VERDICT_WAIT] = stay,
            [VERDICT_CONNECTED] = start_relaying,
            [VERDICT_REFUSE] = start_refusing,
            [VERDICT_END] = finish,
        },
    [CONN_RELAYING] =
        {
            [VERDICT_WAIT] = stay,
            [VERDICT_DELIVER] = start_delivering,
            [VERDICT_END] = finish,
        },
    [CONN_CLOSING] =
        {
            [VERDICT_WAIT] = stay,
            [VERDICT_HANG_UP] = start_hanging_up,
            [VERDICT_END] = finish,
        },
};

bool conn_has_row(enum conn_state state, enum verdict_kind kind)
{
    assert(state < CONN_STATES && kind < VERDICTS);
    return actions[state][kind] != NULL;
}

static void on_timer(uv_timer_t *timer);

/* A timer that would fire earlier is left as it is: it is armed again then. */
static void arm(struct conn *conn)
{
    uint64_t now = conn_now(conn);
    uint64_t delay = conn->deadline_ms > now ? conn->deadline_ms - now : 0;

    if (conn->deadline_ms == CONN_NO_DEADLINE)
        return;
    if (uv_is_active((uv_handle_t *)&conn->timer) && uv_timer_get_due_in(&conn->timer) <= delay)
        return;
    int error = uv_timer_start(&conn->timer, on_timer, delay, 0);
    assert(error == 0); /* it can only fail for a handle that is closing */
}

/* Acts on what a phase came to, until one waits. */
static void apply(struct conn *conn, struct verdict verdict)
{
    do {
        assert(verdict.kind < VERDICTS);
        action *act = actions[conn->state][verdict.kind];
        assert(act != NULL);
        verdict = act(conn, verdict);
    } while (verdict.kind != VERDICT_WAIT);
    assert_invariants(conn);
    if (!is_over(conn))
        arm(conn);
}

/* --- what wakes a connection --- */

static bool is_due(const struct conn *conn)
{
    return conn_now(conn) >= conn->deadline_ms;
}

/* What lies in the sockets counts, also when the process was stopped beyond the deadline. */
static void on_timer(uv_timer_t *timer)
{
    struct conn *conn = timer->data;

    assert(conn->magic == CONN_MAGIC);
    if (is_due(conn))
        conns_look(conn->conns);
    if (is_over(conn))
        return;
    if (is_due(conn))
        apply(conn, phases[conn->state].on_deadline(conn));
    else
        arm(conn);
}

static void note_events(struct side *side, uint32_t events)
{
    if (events & EPOLLERR)
        side->failed = true;
    if ((events & EPOLLRDHUP) && !side->failed) /* a reset looks like an end as well */
        side->fin = true;
    if ((events & EPOLLPRI) && !side->urgent) {
        net_urgent_inline(side->fd);
        side->urgent = side->ragged = true;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        side->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        side->writable = true;
}

void conn_side_events(struct conn *conn, struct side *side, uint32_t events)
{
    assert(conn->magic == CONN_MAGIC);
    conns_assert_own(conn->conns);
    if (is_over(conn) || side->fd < 0)
        return; /* closed in the same batch */
    note_events(side, events);
    apply(conn, phases[conn->state].on_event(conn, side, events));
}

static void on_client_events(struct ready_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)((char *)source - offsetof(struct conn, client.source));

    conn_side_events(conn, &conn->client, events);
}

static void on_server_events(struct ready_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)((char *)source - offsetof(struct conn, server.source));

    conn_side_events(conn, &conn->server, events);
}

static void on_turn(struct turn *turn)
{
    struct conn *conn = (struct conn *)((char *)turn - offsetof(struct conn, turn));

    assert(conn->magic == CONN_MAGIC);
    conns_assert_own(conn->conns);
    assert(!is_over(conn) && phases[conn->state].on_turn != NULL);
    apply(conn, phases[conn->state].on_turn(conn));
}

/* --- accept --- */

static struct conn *conn_new(struct conns *conns, struct view *view, uint32_t listener, int fd,
                             const struct sockaddr *from)
{
    struct conn *conn = calloc(1, sizeof *conn);
    struct peer peer;

    if (conn == NULL)
        return NULL;
    peer_from_sockaddr(from, &peer);
    conn->magic = CONN_MAGIC;
    conn->conns = conns;
    conn->view = view;
    view_pin(view);
    conn->client = (struct side){.source = {on_client_events},
                                 .fd = fd,
                                 .readable = true,
                                 .writable = true,
                                 .ragged = !peer.known,
                                 .local = peer_is_local(&peer),
                                 .paced = peer_is_local(&peer)};
    conn->server = (struct side){.source = {on_server_events}, .fd = -1, .is_server = true};
    conn->turn.on_turn = on_turn;
    conn->state = CONN_PEEKING;
    conn->reason = REASON_NONE;
    uv_timer_init(conns->loop, &conn->timer);
    conn->timer.data = conn;
    passage_start(&conn->passage, &peer, listener,
                  snapshot_listener_stats(conn->view->snapshot, listener), conns->worker);
    conn->passage.number = conns->next_number++;
    conn->passage.accepted_ms = conn_now(conn);
    TAILQ_INSERT_TAIL(&conns->list, conn, link);
    if (++conns->count > conns->peak)
        conns->peak = conns->count;
    return conn;
}

/* `others` connections are there: one more is admitted, or refused by the policy `limit`. */
static struct verdict admit(struct conn *conn, uint32_t others)
{
    const struct config *config = conn_config(conn);

    if (config->max_connections == 0 || others < config->max_connections)
        return hello_begin(conn);
    struct decision decision = decide_case(config, POLICY_LIMIT, REASON_LIMIT);
    assert(decision.backend == CONFIG_NONE);
    return verdict_refuse(decision.action, decision.reason);
}

void conn_accept(struct conns *conns, struct view *view, uint32_t listener, int fd,
                 const struct sockaddr *from)
{
    conns_assert_own(conns);
    assert(fd >= 0 && view != NULL);
    uint32_t others = atomic_fetch_add_explicit(&conns->shared->active, 1, memory_order_relaxed);
    struct conn *conn = conn_new(conns, view, listener, fd, from);

    stats_add(&conns->stats->accepted, 1);
    if (conn == NULL) {
        close(fd);
        atomic_fetch_sub_explicit(&conns->shared->active, 1, memory_order_relaxed);
        stats_add(&conns->stats->closed[REASON_RESOURCE], 1);
        return;
    }
    if (conn->passage.peer.known)
        conn->client.bounded = room_bounds_unsent(&conn_config(conn)->sockets);
    else /* of a unix socket, which inherits nothing */
        net_size_buffers(fd, &conn_config(conn)->sockets);
    conn_wait_for(conn, conn_config(conn)->timeouts.hello_ms);
    apply(conn, admit(conn, others));
}

void conn_end_all(struct conns *conns, enum reason reason)
{
    struct conn *conn, *next;

    conns_assert_own(conns);
    for (conn = TAILQ_FIRST(&conns->list); conn != NULL; conn = next) {
        next = TAILQ_NEXT(conn, link);
        if (!is_over(conn))
            apply(conn, verdict_end(reason));
    }
}

void conn_bound_silence(struct conns *conns, uint64_t most_ms)
{
    struct conn *conn;

    conns_assert_own(conns);
    if (most_ms == 0)
        return;
    conns->silence_ms = most_ms;
    TAILQ_FOREACH (conn, &conns->list, link) {
        if (conn->state != CONN_RELAYING)
            continue;
        relay_bound_silence(conn);
        arm(conn);
    }
}
