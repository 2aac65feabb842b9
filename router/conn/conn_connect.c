/*
 * CONNECTING: reach a server of the backend.
 *
 * The happy path
 *  - The balance names a server, a non-blocking connect starts, its socket joins the ready set;
 *    the event that it is writable ends the state.
 *
 * The failures
 *  - The address does not answer within a quarter of a second, or fails, and the server's name has
 *    a further one: that is tried beside it (RFC 8305), or in its place when there are few
 *    descriptors. The first to answer is the server, the others are closed.
 *  - Every address has failed, none is known, or the server's share of the time is used up: the
 *    next server that the balance names, each at most once, and at most `tries` of them. That is
 *    safe: no server has got a byte of the client's.
 *  - Every server has failed: policy `no_server`. The reason says how they failed, or no_server
 *    when they failed differently or none takes connections.
 *  - The queue of a unix socket is full: it says so at once, where TCP would keep knocking. So it
 *    is knocked at again, ever more seldom.
 *  - The address is one of our own listeners, or the socket connected to itself (which happens
 *    when nobody listens on a port that the system hands out): as one that failed.
 *  - The router itself lacks a descriptor or memory: `resource`, since another server would not
 *    help; attempts that are under way are waited for first.
 *  - The client resets meanwhile: client_abort.
 */
#include "router/conn/conn_connect.h"

#include <assert.h>
#include <errno.h>

#include "router/conn/conn_attempt.h"
#include "router/conn/conn_failure.h"
#include "router/conn/conn_trouble.h"
#include "router/conn/pace.h"
#include "router/net/connect_error.h"
#include "router/net/net.h"

/* --- time: since the accept, since 32 bits of it fit into the connection --- */

static uint32_t fit(uint64_t ms)
{
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static uint32_t now_of(const struct conn *conn)
{
    return fit(conn_now(conn) - conn->passage.accepted_ms);
}

static uint32_t budget_end(const struct conn *conn)
{
    return fit(conn->connecting.began_ms + conn_timeouts(conn)->connect_ms);
}

/*
 * What is left of the budget. A process that was stopped or got no CPU has used time up that no
 * server had: the next one gets its second all the same.
 */
static uint32_t budget_left(const struct conn *conn)
{
    uint32_t end = budget_end(conn), now = now_of(conn);
    uint32_t left = end > now ? end - now : 0;

    return conn->excused && left < PACE_SHARE_MIN_MS ? PACE_SHARE_MIN_MS : left;
}

/* The deadline, but not beyond the server's share. */
static void wait_at_most(struct conn *conn, uint32_t delay_ms)
{
    uint64_t share_end = conn->passage.accepted_ms + conn->connecting.until_ms;
    uint64_t wanted = conn_now(conn) + delay_ms;

    conn_wait_until(conn, wanted < share_end ? wanted : share_end);
}

/* --- the server being tried --- */

/* Its addresses; NULL: none is known. */
static const struct addresses *addresses_of_server(const struct conn *conn)
{
    return snapshot_addresses(conn->view->snapshot, conn->passage.backend, conn->connecting.server);
}

static const struct hazard *hazard_of_server(const struct conn *conn)
{
    return snapshot_hazard(conn->view->snapshot, conn->passage.backend, conn->connecting.server);
}

/* How many of its addresses were not tried. */
static uint32_t addresses_left(const struct conn *conn)
{
    const struct addresses *addresses = addresses_of_server(conn);
    uint32_t next = conn->connecting.next_address;

    return addresses == NULL || next >= addresses->count ? 0 : addresses->count - next;
}

/* --- the end of it --- */

/*
 * Nothing is left to try: the reason says how the servers failed, if all failed in the same way.
 * Or the router itself lacks something.
 */
static struct verdict give_up(const struct conn *conn, enum reason lack)
{
    enum reason reason = lack;

    assert(lack == REASON_NO_SERVER || lack == REASON_RESOURCE);
    if (lack == REASON_NO_SERVER && conn->connecting.failure != REASON_NONE)
        reason = (enum reason)conn->connecting.failure;
    struct decision decision = decide_case(conn_config(conn), POLICY_NO_SERVER, reason);
    assert(decision.backend == CONFIG_NONE);
    return verdict_refuse(decision.action, decision.reason);
}

/* --- servers --- */

/* Turns to a server, which has a share of the budget. False: no memory. */
static bool use_server(struct conn *conn, uint32_t server, uint32_t candidates)
{
    const struct snapshot *snapshot = conn->view->snapshot;
    struct connecting *connecting = &conn->connecting;
    uint32_t backend = conn->passage.backend;
    uint64_t share_ms = pace_share_ms(budget_left(conn), candidates);

    if (!tried_add(&connecting->tried, &snapshot->config->backends[backend], server))
        return false;
    connecting->server = server;
    connecting->next_address = 0;
    connecting->knocks = 0;
    connecting->server_failure = REASON_NONE;
    connecting->until_ms = fit(now_of(conn) + share_ms);
    passage_use_server(&conn->passage, snapshot_server(snapshot, backend, server));
    if (addresses_of_server(conn) == NULL)
        failure_note(conn, REASON_DNS_FAILED, 0);
    return true;
}

/* Turns to the server that the balance names. REASON_NONE: there is one to try. */
static enum reason pick_server(struct conn *conn)
{
    const struct snapshot *snapshot = conn->view->snapshot;
    const struct tried *tried = &conn->connecting.tried;
    uint32_t backend = conn->passage.backend;
    uint32_t tries = snapshot->config->backends[backend].tries;

    if (budget_left(conn) == 0 || tried->count >= tries)
        return REASON_NO_SERVER;
    uint32_t server = snapshot_pick(snapshot, backend, conn->conns->worker, tried);
    if (server == CONFIG_NONE)
        return REASON_NO_SERVER;
    /* Another thread may have judged a server meanwhile: the one picked counts in any case. */
    uint32_t candidates = snapshot_left(snapshot, backend, tried);
    if (candidates == 0)
        candidates = 1;
    if (candidates > tries - tried->count)
        candidates = tries - tried->count;
    return use_server(conn, server, candidates) ? REASON_NONE : REASON_RESOURCE;
}

static enum reason next_server(struct conn *conn)
{
    failure_end_server(conn);
    enum reason lack = pick_server(conn);
    if (lack != REASON_NONE)
        return lack;
    assert(conn->passage.retries < UINT8_MAX); /* `tries` is far less */
    conn->passage.retries++;
    stats_add(&stats_row(conn->passage.server->stats, conn->conns->worker)->retries, 1);
    return REASON_NONE;
}

/* --- attempts --- */

/* Whether a socket that has connected, did so to itself. */
static bool is_itself(const struct conn *conn, const struct side *side)
{
    const struct addresses *addresses = addresses_of_server(conn);
    uint64_t hazard = hazard_of_server(conn)->self;

    if (hazard == 0)
        return false;
    struct peer local = net_local(side->fd);
    for (uint32_t i = 0; i < addresses->count; i++) {
        struct peer to;
        peer_from_target(&addresses->list[i], &to);
        if ((hazard >> i & 1u) != 0 && peer_equal(&to, &local))
            return true;
    }
    return false;
}

/* A socket has connected. False: it was none of a server. */
static bool reach(struct conn *conn, struct side *side)
{
    if (is_itself(conn, side)) {
        net_reset_on_close(side->fd); /* the port is the server's: it must be free at once */
        attempt_drop(conn, side);
        failure_note_error(conn, ECONNREFUSED);
        return false;
    }
    attempt_win(conn, side);
    conn_server_worked(conn);
    uint32_t now = now_of(conn), began = conn->connecting.began_ms;
    passage_connected(&conn->passage, now > began ? now - began : 0, conn->conns->worker);
    return true;
}

/*
 * Knocks once more at the queue that was full. Many may be due at one time: when one of them has
 * found it full, it is full for the others as well.
 */
static struct attempt_outcome knock(struct conn *conn)
{
    const struct addresses *addresses = addresses_of_server(conn);
    uint64_t *full_ms = &conn->passage.server->seats[conn->conns->worker].full_ms;

    if (*full_ms == conn_now(conn))
        return (struct attempt_outcome){.state = ATTEMPT_FULL};
    struct attempt_outcome outcome =
        attempt_knock(conn, &addresses->list[conn->connecting.next_address - 1]);
    if (outcome.state == ATTEMPT_FULL)
        *full_ms = conn_now(conn);
    return outcome;
}

/* Starts an attempt at the next address, or goes on with the one whose queue was full. */
static struct attempt_outcome start_next(struct conn *conn)
{
    struct connecting *connecting = &conn->connecting;

    if (connecting->knocks > 0)
        return knock(conn);
    if (!attempt_has_room(conn)) {
        failure_note(conn, REASON_CONNECT_TIMEOUT, 0);
        attempt_drop(conn, &conn->server);
    }
    return attempt_start(conn, &addresses_of_server(conn)->list[connecting->next_address++]);
}

/* An attempt is under way: waits for it, and for the time of the next one. */
static void wait_on(struct conn *conn)
{
    uint32_t more = addresses_left(conn), now = now_of(conn);
    uint32_t left = now < conn->connecting.until_ms ? conn->connecting.until_ms - now : 0;

    conn->connecting.knocks = 0;
    wait_at_most(conn, more > 0 ? pace_next_ms(left, more) : UINT32_MAX);
}

static void knock_later(struct conn *conn)
{
    uint64_t salt = (uint64_t)conn->conns->worker << 40 | conn->passage.number;
    uint8_t *knocks = &conn->connecting.knocks;

    if (*knocks < UINT8_MAX)
        ++*knocks;
    wait_at_most(conn, pace_knock_ms(*knocks, salt, conn_now(conn)));
}

/* One of our own listeners is no server: the address is passed over. */
static bool pass_over_ours(struct conn *conn)
{
    struct connecting *connecting = &conn->connecting;

    if (connecting->knocks > 0 ||
        (hazard_of_server(conn)->ours >> connecting->next_address & 1u) == 0)
        return false;
    connecting->next_address++;
    failure_note_loop(conn, hazard_of_server(conn)->listener);
    return true;
}

/* What one more attempt came to. */
enum reach_result { REACH_WAIT, REACH_CONNECTED, REACH_NO_RESOURCE, REACH_AGAIN };

/* The server's share of the time is used up. */
static void end_share(struct conn *conn)
{
    for (uint32_t silent = attempt_count(conn); silent > 0; silent--)
        failure_note(conn, REASON_CONNECT_TIMEOUT, 0);
    attempt_drop_all(conn);
    conn->connecting.next_address = UINT8_MAX; /* no further one */
    conn->connecting.knocks = 0;
}

/* One attempt more, at an address that is there. */
static enum reach_result try_address(struct conn *conn)
{
    struct attempt_outcome outcome = start_next(conn);

    switch (outcome.state) {
    case ATTEMPT_UNDER_WAY:
        wait_on(conn);
        return REACH_WAIT;
    case ATTEMPT_FULL:
        if (now_of(conn) >= conn->connecting.until_ms) {
            end_share(conn);
            return REACH_AGAIN;
        }
        knock_later(conn);
        return REACH_WAIT;
    case ATTEMPT_CONNECTED:
        return reach(conn, outcome.side) ? REACH_CONNECTED : REACH_AGAIN;
    case ATTEMPT_FAILED:
        break;
    }
    conn->connecting.knocks = 0;
    failure_note_error(conn, outcome.error);
    if (connect_error_find(outcome.error)->blame != BLAME_ROUTER)
        return REACH_AGAIN;
    if (attempt_count(conn) == 0)
        return REACH_NO_RESOURCE;
    conn->connecting.next_address--; /* there may be room in a moment */
    wait_on(conn);
    return REACH_WAIT;
}

/* Attempts follow one another until one is under way, or none is left to be started. */
static struct verdict connect_step(struct conn *conn)
{
    for (;;) {
        enum reason lack = REASON_NONE;
        if (conn->connecting.knocks > 0 || addresses_left(conn) > 0) {
            switch (pass_over_ours(conn) ? REACH_AGAIN : try_address(conn)) {
            case REACH_WAIT:
                return verdict_wait();
            case REACH_CONNECTED:
                return verdict_connected();
            case REACH_NO_RESOURCE:
                lack = REASON_RESOURCE;
                break;
            case REACH_AGAIN:
                break;
            }
        } else if (attempt_count(conn) > 0) {
            wait_on(conn);
            return verdict_wait();
        } else {
            lack = next_server(conn);
        }
        if (lack != REASON_NONE)
            return give_up(conn, lack);
    }
}

/* --- the phase --- */

struct verdict connect_begin(struct conn *conn)
{
    assert(conn->state == CONN_CONNECTING && conn->passage.backend != CONFIG_NONE);
    conn->connecting = (struct connecting){
        .began_ms = now_of(conn), .server_failure = REASON_NONE, .failure = REASON_NONE};
    if (conn->client.failed) /* told with the last of the hello: no event will tell again */
        return verdict_end(REASON_CLIENT_ABORT);
    enum reason lack = pick_server(conn);
    if (lack != REASON_NONE)
        return give_up(conn, lack);
    lack = conn_watch_client(conn);
    return lack == REASON_NONE ? connect_step(conn) : verdict_end(lack);
}

void connect_leave(struct conn *conn)
{
    assert(conn->state == CONN_CONNECTING);
    if (conn->connecting.more != NULL)
        attempt_drop_all(conn);
    tried_clear(&conn->connecting.tried);
}

struct verdict connect_event(struct conn *conn, struct side *side, uint32_t events)
{
    assert(conn->state == CONN_CONNECTING);
    if (!side->is_server)
        return events & (EPOLLERR | EPOLLHUP) ? verdict_end(REASON_CLIENT_ABORT) : verdict_wait();
    struct attempt_outcome outcome = attempt_events(conn, side, events);
    if (outcome.state == ATTEMPT_UNDER_WAY)
        return verdict_wait();
    if (outcome.state == ATTEMPT_CONNECTED && reach(conn, side))
        return verdict_connected();
    if (outcome.state == ATTEMPT_FAILED)
        failure_note_error(conn, outcome.error);
    return connect_step(conn);
}

/*
 * The process was stopped: that time, and the moment it gets, are not the server's, and not the
 * budget's, which may even begin later than now.
 */
static void give_back_time(struct conn *conn, uint32_t ms)
{
    conn->connecting.began_ms = fit((uint64_t)conn->connecting.began_ms + ms);
    conn->connecting.until_ms = fit((uint64_t)conn->connecting.until_ms + ms);
}

/* The time for a further attempt, or the end of the server's share. */
struct verdict connect_deadline(struct conn *conn)
{
    uint32_t now = now_of(conn);

    assert(conn->state == CONN_CONNECTING);
    if (conn->connecting.knocks > 0 || now < conn->connecting.until_ms)
        return connect_step(conn);
    if (conn_put_off(conn)) {
        give_back_time(conn, now - conn->connecting.until_ms + CONNS_AFTER_STOP_MS);
        struct verdict verdict = connect_step(conn);
        conn->excused = true; /* which waiting for something else has made it forget */
        return verdict;
    }
    end_share(conn);
    return connect_step(conn);
}
