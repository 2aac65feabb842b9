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
 */
#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "router/conn/conn_parts.h"

/* How soon to knock again at a unix socket whose queue is full. */
#define FULL_QUEUE_MS 20u

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
    return &conn_config(conn)->backends[conn->backend];
}

/* Servers that may still be tried, the current one included. */
static uint32_t servers_left(const struct conn *conn)
{
    uint32_t left = 1;
    uint32_t at = conn->server_index;

    while ((at = balance_next(backend_of(conn), conn->first_server, at)) != CONFIG_NONE)
        left++;
    return left;
}

static uint64_t time_left(const struct conn *conn, uint64_t until_ms)
{
    uint64_t now = conn_now(conn);

    return until_ms > now ? until_ms - now : 0;
}

/* An even share of what is left of the budget, so that a silent server leaves time for the others.
 */
static void use_server(struct conn *conn, uint32_t server)
{
    conn->server_index = server;
    conn->target = snapshot_target(conn->view->snapshot, conn->backend, server);
    conn->attempt_until_ms =
        conn_now(conn) + time_left(conn, conn->connect_until_ms) / servers_left(conn);
}

static void drop_server_socket(struct conn *conn)
{
    if (conn->server.fd >= 0)
        close(conn->server.fd);
    conn->server = (struct side){.fd = -1, .is_server = true};
}

/*
 * Starts one attempt, or goes on with one: a unix socket whose queue is full says EAGAIN at once,
 * where TCP would keep knocking. REASON_NONE: it is under way, or done and relaying, or closed.
 */
static enum reason try_server(struct conn *conn)
{
    const struct target *target = conn->target;
    bool done;

    if (target->len == 0)
        return REASON_DNS_FAILED;
    int fd = net_connect(target, &done);
    if (fd < 0 && errno == EAGAIN && conn_now(conn) < conn->attempt_until_ms) {
        conn_arm(conn, FULL_QUEUE_MS);
        return REASON_NONE;
    }
    if (fd < 0)
        return reason_of_error(errno);
    conn->server.fd = fd;
    conn->server.ragged = target->address.ss_family == AF_UNIX;
    if (ready_add(&conn->worker->ready, fd, &conn->server) != 0) {
        conn_close(conn, REASON_RESOURCE);
        return REASON_NONE;
    }
    if (done)
        conn_relay_start(conn);
    else
        conn_arm(conn, time_left(conn, conn->attempt_until_ms));
    return REASON_NONE;
}

static void give_up(struct conn *conn)
{
    enum reason reason = (enum reason)conn->connect_failure;

    if (conn->failures_differ || reason == REASON_NONE)
        reason = REASON_NO_SERVER;
    conn_apply_policy(conn, POLICY_NO_SERVER, reason);
}

static void note_failure(struct conn *conn, enum reason reason)
{
    if (conn->connect_failure != REASON_NONE && conn->connect_failure != reason)
        conn->failures_differ = true;
    conn->connect_failure = (uint8_t)reason;
}

/* The current attempt has failed: on to the next server, until one is under way or none is left. */
static void next_server(struct conn *conn, enum reason failure)
{
    while (failure != REASON_NONE) {
        drop_server_socket(conn);
        if (failure == REASON_RESOURCE) {
            conn_apply_policy(conn, POLICY_NO_SERVER, REASON_RESOURCE);
            return;
        }
        if (conn->target->next != NULL && conn_now(conn) < conn->attempt_until_ms) {
            conn->target = conn->target->next;
            failure = try_server(conn);
            continue;
        }
        note_failure(conn, failure);
        uint32_t next = balance_next(backend_of(conn), conn->first_server, conn->server_index);
        if (next == CONFIG_NONE || conn_now(conn) >= conn->connect_until_ms) {
            give_up(conn);
            return;
        }
        use_server(conn, next);
        conn->retries++;
        failure = try_server(conn);
    }
}

void conn_connect(struct conn *conn)
{
    conn_move(conn, CONN_CONNECTING);
    conn->connect_started_ms = conn_now(conn);
    conn->connect_until_ms = conn->connect_started_ms + conn_timeouts(conn)->connect_ms;
    conn->first_server = balance_pick(conn->view->balance, conn->backend);
    if (conn->first_server == CONFIG_NONE) {
        give_up(conn);
        return;
    }
    use_server(conn, conn->first_server);
    if (conn_watch_client(conn))
        next_server(conn, try_server(conn));
}

void conn_connect_failed(struct conn *conn)
{
    int error = net_connect_result(conn->server.fd);

    if (error == 0) /* connected, and gone again at once: relaying finds out how */
        conn_relay_start(conn);
    else
        next_server(conn, reason_of_error(error));
}

void conn_connect_timer(struct conn *conn)
{
    if (conn_now(conn) < conn->attempt_until_ms)
        next_server(conn, try_server(conn));
    else
        next_server(conn, REASON_CONNECT_TIMEOUT);
}
