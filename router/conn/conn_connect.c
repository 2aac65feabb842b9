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

static const struct backend_config *backend_of(const struct conn *conn)
{
    return &conn_config(conn)->backends[conn->passage.backend];
}

/* Servers that may still be tried, the current one included. */
static uint32_t servers_left(const struct conn *conn)
{
    uint32_t left = 1;
    uint32_t at = conn->passage.server;

    while ((at = balance_next(backend_of(conn), conn->attempt.first_server, at)) != CONFIG_NONE)
        left++;
    return left;
}

/*
 * Each server has an even share of what is left of the budget, so that a silent one leaves time for
 * the others.
 */
static void use_server(struct conn *conn, uint32_t server)
{
    struct attempt *attempt = &conn->attempt;
    uint64_t now = conn_now(conn);
    uint64_t left = attempt->budget_until_ms > now ? attempt->budget_until_ms - now : 0;

    conn->passage.server = server;
    attempt->target = snapshot_target(conn->view->snapshot, conn->passage.backend, server);
    attempt->until_ms = now + left / servers_left(conn);
}

/* Every server has failed, or the router itself has. */
static struct verdict give_up(const struct conn *conn, enum reason reason)
{
    struct decision decision = decide_case(conn_config(conn), POLICY_NO_SERVER, reason);

    assert(decision.backend == CONFIG_NONE);
    return verdict_refuse(decision.action, decision.reason);
}

static enum reason combined_failure(const struct attempt *attempt)
{
    if (attempt->failures_differ || attempt->failure == REASON_NONE)
        return REASON_NO_SERVER;
    return (enum reason)attempt->failure;
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
    const struct target *target = conn->attempt.target;
    bool done;

    assert(conn->server.fd < 0);
    *failure = REASON_DNS_FAILED;
    if (target->len == 0)
        return START_FAILED;
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

/*
 * An attempt has failed: chooses what is tried next, a further address of the server or the next
 * server. False: nothing is left, or nothing would help.
 */
static bool choose_next(struct conn *conn, enum reason failure)
{
    struct attempt *attempt = &conn->attempt;

    if (attempt->target->next != NULL && conn_now(conn) < attempt->until_ms) {
        attempt->target = attempt->target->next;
        return true;
    }
    note_failure(attempt, failure);
    uint32_t next = balance_next(backend_of(conn), attempt->first_server, conn->passage.server);
    if (next == CONFIG_NONE || conn_now(conn) >= attempt->budget_until_ms)
        return false;
    use_server(conn, next);
    conn->passage.retries++;
    return true;
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
            if (failure == REASON_RESOURCE)
                return give_up(conn, REASON_RESOURCE);
            if (!choose_next(conn, failure))
                return give_up(conn, combined_failure(&conn->attempt));
        }
        switch (start_attempt(conn, &failure)) {
        case START_UNDER_WAY:
            return verdict_wait();
        case START_CONNECTED:
            return verdict_connected();
        case START_UNWATCHED:
            return verdict_end(REASON_RESOURCE);
        case START_FAILED:
            break;
        }
    }
}

struct verdict connect_begin(struct conn *conn)
{
    uint64_t now = conn_now(conn);

    assert(conn->state == CONN_CONNECTING && conn->passage.backend != CONFIG_NONE);
    conn->attempt = (struct attempt){
        .started_ms = now,
        .budget_until_ms = now + conn_timeouts(conn)->connect_ms,
        .first_server = balance_pick(conn->view->balance, conn->passage.backend),
        .failure = REASON_NONE,
    };
    if (conn->attempt.first_server == CONFIG_NONE)
        return give_up(conn, combined_failure(&conn->attempt));
    use_server(conn, conn->attempt.first_server);
    return conn_watch_client(conn) ? connect_step(conn, REASON_NONE) : verdict_end(REASON_RESOURCE);
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
        return verdict_connected(); /* and gone again at once: relaying finds out how */
    }
    return events & EPOLLOUT ? verdict_connected() : verdict_wait();
}

struct verdict connect_deadline(struct conn *conn)
{
    assert(conn->state == CONN_CONNECTING);
    if (conn_now(conn) < conn->attempt.until_ms)
        return connect_step(conn, REASON_NONE); /* the backlog was full: knock again */
    return connect_step(conn, REASON_CONNECT_TIMEOUT);
}
