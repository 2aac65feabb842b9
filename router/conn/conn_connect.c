/*
 * CONNECTING: reach a server of the backend.
 *
 * The happy path
 *  - The balance names a server, a non-blocking connect starts, its socket joins the ready set;
 *    the event that it is writable ends the state.
 *
 * The failures
 *  - Refused or unreachable, and the server's name has a further address: that one.
 *  - Refused, unreachable, no address, or the attempt's share of the time is used up: the next
 *    server of the backend, each at most once. That is safe: not one byte of the client's has
 *    left the kernel.
 *  - Every server has failed: policy `no_server`. The reason says how they failed, or no_server
 *    when they failed differently or none takes connections.
 *  - The router itself lacks a descriptor, memory or a port: `resource`; another server would
 *    not help.
 *  - The client resets meanwhile: client_abort.
 */
#include "router/conn/conn_connect.h"

#include <assert.h>
#include <errno.h>

#include "router/net/net.h"

/* Retry interval for connect() to a unix socket whose backlog is full. */
#define FULL_BACKLOG_MS 20u

static enum reason reason_of_error(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOENT: /* a unix socket that is not there */
        return REASON_CONNECT_REFUSED;
    case EAGAIN: /* a unix socket's queue was full all the time */
    case ETIMEDOUT:
        return REASON_CONNECT_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: /* no local port is left */
        return REASON_RESOURCE;
    default:
        return REASON_UNREACHABLE;
    }
}

/* The addresses of the server being tried; NULL: none is known. */
static const struct addresses *addresses_of_server(const struct conn *conn)
{
    return snapshot_addresses(conn->view->snapshot, conn->passage.backend, conn->attempt.server);
}

/*
 * Turns to the server that the balance names. Each has an even share of what is left of the budget,
 * so that a silent one leaves time for the others. REASON_NONE: there is one to try.
 */
static enum reason pick_server(struct conn *conn)
{
    const struct snapshot *snapshot = conn->view->snapshot;
    struct attempt *attempt = &conn->attempt;
    uint32_t backend = conn->passage.backend;
    uint64_t now = conn_now(conn);
    uint64_t until_ms = attempt->started_ms + conn_timeouts(conn)->connect_ms;

    if (now >= until_ms)
        return REASON_NO_SERVER;
    uint32_t server = snapshot_pick(snapshot, backend, conn->conns->worker, &attempt->tried);
    if (server == CONFIG_NONE)
        return REASON_NO_SERVER;
    /* Another thread may have judged a server meanwhile: the one picked counts in any case. */
    uint32_t candidates = snapshot_left(snapshot, backend, &attempt->tried);
    if (candidates == 0)
        candidates = 1;
    if (!tried_add(&attempt->tried, &snapshot->config->backends[backend], server))
        return REASON_RESOURCE;
    attempt->server = server;
    attempt->address = 0;
    attempt->until_ms = now + (until_ms - now) / candidates;
    passage_use_server(&conn->passage, snapshot_server(snapshot, backend, server));
    return REASON_NONE;
}

/*
 * Nothing is left to try: the reason says how the servers failed, if all failed in the same way.
 * Or the router itself lacks something.
 */
static struct verdict give_up(const struct conn *conn, enum reason lack)
{
    const struct attempt *attempt = &conn->attempt;
    enum reason reason = lack;

    assert(lack == REASON_NO_SERVER || lack == REASON_RESOURCE);
    if (lack == REASON_NO_SERVER && !attempt->failures_differ && attempt->failure != REASON_NONE)
        reason = (enum reason)attempt->failure;
    struct decision decision = decide_case(conn_config(conn), POLICY_NO_SERVER, reason);
    assert(decision.backend == CONFIG_NONE);
    return verdict_refuse(decision.action, decision.reason);
}

static void note_failure(struct attempt *attempt, enum reason reason)
{
    if (attempt->failure != REASON_NONE && attempt->failure != reason)
        attempt->failures_differ = true;
    attempt->failure = (uint8_t)reason;
}

/* What starting one attempt came to. */
enum start { START_UNDER_WAY, START_CONNECTED, START_UNWATCHED, START_FAILED };

/*
 * Starts one attempt, or goes on with one: a unix socket whose backlog is full says EAGAIN at once,
 * where TCP would keep knocking. START_FAILED: `*failure` says how.
 */
static enum start start_attempt(struct conn *conn, enum reason *failure)
{
    const struct addresses *addresses = addresses_of_server(conn);
    bool done;

    assert(conn->server.fd < 0);
    *failure = REASON_DNS_FAILED;
    if (addresses == NULL)
        return START_FAILED;
    assert(conn->attempt.address < addresses->count);
    const struct target *target = &addresses->list[conn->attempt.address];
    conn_wait_until(conn, conn->attempt.until_ms);
    int fd = net_connect(target, &done);
    if (fd < 0 && errno == EAGAIN && conn_now(conn) < conn->attempt.until_ms) {
        conn_wait_for(conn, FULL_BACKLOG_MS);
        return START_UNDER_WAY;
    }
    *failure = reason_of_error(errno);
    if (fd < 0)
        return START_FAILED;
    conn->server.fd = fd;
    conn->server.ragged = target->address.ss_family == AF_UNIX;
    if (ready_add(&conn->conns->ready, fd, &conn->server.source) != 0)
        return START_UNWATCHED;
    return done ? START_CONNECTED : START_UNDER_WAY;
}

/* The socket of an attempt that has failed goes; what was noted of it goes with it. */
static void drop_attempt(struct conn *conn)
{
    struct ready_source source = conn->server.source;

    conn_close_side(&conn->server);
    conn->server = (struct side){.source = source, .fd = -1, .is_server = true};
}

/* The figures of the server being tried. */
static struct stats_row *server_row(const struct conn *conn)
{
    return stats_row(conn->passage.server->stats, conn->conns->worker);
}

/* Whether there is a further address of the same server, and time for it. */
static bool next_address(struct conn *conn)
{
    const struct addresses *addresses = addresses_of_server(conn);
    struct attempt *attempt = &conn->attempt;

    if (addresses == NULL || attempt->address + 1u >= addresses->count ||
        conn_now(conn) >= attempt->until_ms)
        return false;
    attempt->address++;
    return true;
}

/*
 * The attempt has failed: turns to what is tried next, a further address of the server or another
 * server. REASON_NO_SERVER: nothing is left to try; REASON_RESOURCE: nothing else would help.
 */
static enum reason turn_to_next(struct conn *conn, enum reason failure)
{
    if (failure == REASON_RESOURCE)
        return REASON_RESOURCE;
    stats_add(&server_row(conn)->connect_failures, 1);
    if (next_address(conn))
        return REASON_NONE;
    note_failure(&conn->attempt, failure);
    enum reason lack = pick_server(conn);
    if (lack == REASON_NONE) {
        conn->passage.retries++;
        stats_add(&server_row(conn)->retries, 1);
    }
    return lack;
}

static struct verdict connected(struct conn *conn)
{
    passage_connected(&conn->passage, (uint32_t)(conn_now(conn) - conn->attempt.started_ms),
                      conn->conns->worker);
    return verdict_connected();
}

/*
 * Attempts follow one another until one is under way or none is left. `failure` is how the one
 * before has failed; REASON_NONE: there was none, or it is to be taken up again.
 */
static struct verdict connect_step(struct conn *conn, enum reason failure)
{
    for (;;) {
        if (failure != REASON_NONE) {
            drop_attempt(conn);
            enum reason lack = turn_to_next(conn, failure);
            if (lack != REASON_NONE)
                return give_up(conn, lack);
        }
        switch (start_attempt(conn, &failure)) {
        case START_UNDER_WAY:
            return verdict_wait();
        case START_CONNECTED:
            return connected(conn);
        case START_UNWATCHED:
            return verdict_end(REASON_RESOURCE);
        case START_FAILED:
            break;
        }
    }
}

struct verdict connect_begin(struct conn *conn)
{
    assert(conn->state == CONN_CONNECTING && conn->passage.backend != CONFIG_NONE);
    conn->attempt = (struct attempt){.started_ms = conn_now(conn), .failure = REASON_NONE};
    if (conn->client.failed) /* told with the last of the hello: no event will tell again */
        return verdict_end(REASON_CLIENT_ABORT);
    enum reason lack = pick_server(conn);
    if (lack != REASON_NONE)
        return give_up(conn, lack);
    return conn_watch_client(conn) ? connect_step(conn, REASON_NONE) : verdict_end(REASON_RESOURCE);
}

void connect_leave(struct conn *conn)
{
    assert(conn->state == CONN_CONNECTING);
    tried_clear(&conn->attempt.tried);
}

struct verdict connect_event(struct conn *conn, struct side *side, uint32_t events)
{
    assert(conn->state == CONN_CONNECTING);
    if (!side->is_server)
        return events & (EPOLLERR | EPOLLHUP) ? verdict_end(REASON_CLIENT_ABORT) : verdict_wait();
    if (events & (EPOLLHUP | EPOLLERR)) {
        int error = net_connect_result(side->fd);
        if (error != 0)
            return connect_step(conn, reason_of_error(error));
        return connected(conn); /* and gone again at once: relaying finds out how */
    }
    return events & EPOLLOUT ? connected(conn) : verdict_wait();
}

struct verdict connect_deadline(struct conn *conn)
{
    assert(conn->state == CONN_CONNECTING);
    if (conn->server.fd < 0)
        return connect_step(conn, REASON_NONE); /* the backlog was full: knock again */
    return connect_step(conn, REASON_CONNECT_TIMEOUT);
}
