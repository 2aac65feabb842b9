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

/* Servers that may still be tried, the current one included. */
static uint32_t servers_left(const struct conn *conn)
{
    return 1 + snapshot_left(conn->view->snapshot, conn->backend, &conn->tried);
}

/* The addresses of the server being tried, NULL: none is known. */
static const struct addresses *addresses_of_server(const struct conn *conn)
{
    return snapshot_addresses(conn->view->snapshot, conn->backend, conn->server_index);
}

static uint64_t time_left(const struct conn *conn, uint64_t until_ms)
{
    uint64_t now = conn_now(conn);

    return until_ms > now ? until_ms - now : 0;
}

/*
 * Turns to the server that the balance names, with an even share of what is left of the budget, so
 * that a silent server leaves time for the others. REASON_NONE: there is one to try.
 */
static enum reason pick_server(struct conn *conn)
{
    const struct snapshot *snapshot = conn->view->snapshot;
    uint32_t server = snapshot_pick(snapshot, conn->backend, conn->worker->index, &conn->tried);

    if (server == CONFIG_NONE)
        return REASON_NO_SERVER;
    if (!tried_add(&conn->tried, &snapshot->config->backends[conn->backend], server))
        return REASON_RESOURCE;
    conn->server_index = server;
    conn->address = 0;
    conn->attempt_until_ms =
        conn_now(conn) + time_left(conn, conn->connect_until_ms) / servers_left(conn);
    return REASON_NONE;
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
    const struct addresses *addresses = addresses_of_server(conn);
    bool done;

    if (addresses == NULL)
        return REASON_DNS_FAILED;
    assert(conn->address < addresses->count);
    const struct target *target = &addresses->list[conn->address];
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

/* Whether there is a further address of the same server, and time for it. */
static bool next_address(struct conn *conn)
{
    const struct addresses *addresses = addresses_of_server(conn);

    if (addresses == NULL || conn->address + 1 >= addresses->count ||
        conn_now(conn) >= conn->attempt_until_ms)
        return false;
    conn->address++;
    return true;
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
        if (next_address(conn)) {
            failure = try_server(conn);
            continue;
        }
        note_failure(conn, failure);
        failure = conn_now(conn) < conn->connect_until_ms ? pick_server(conn) : REASON_NO_SERVER;
        if (failure == REASON_NO_SERVER) {
            give_up(conn);
            return;
        }
        if (failure == REASON_NONE) {
            conn->retries++;
            failure = try_server(conn);
        }
    }
}

void conn_connect(struct conn *conn)
{
    conn_move(conn, CONN_CONNECTING);
    conn->connect_started_ms = conn_now(conn);
    conn->connect_until_ms = conn->connect_started_ms + conn_timeouts(conn)->connect_ms;
    assert(conn->tried.count == 0);
    enum reason lack = pick_server(conn);
    if (lack == REASON_NO_SERVER)
        give_up(conn);
    else if (lack == REASON_RESOURCE)
        conn_apply_policy(conn, POLICY_NO_SERVER, REASON_RESOURCE);
    else if (conn_watch_client(conn))
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
