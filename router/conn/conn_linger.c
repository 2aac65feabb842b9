/*
 * CLOSING, while a side may still take what was sent to it: closing a socket over unread bytes, or
 * resetting it, throws away what lies in its send buffer.
 *
 * The happy path
 *  - Until the end, for refusals: what the client still says is read and thrown away, so that
 *    no reset of ours overtakes the alert; it hangs up; closed.
 *  - Until taken, when one side is gone: the other acknowledges all that the first had sent;
 *    then it is reset, or closed where the first had ended in order.
 *
 * The failures
 *  - The side takes nothing for too long, or says too much: closed all the same.
 *  - It goes away by itself: closed.
 */
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "router/conn/conn_parts.h"

/* How much a side that is to hang up may still say. */
#define LINGER_BYTES (1024u * 1024u)
/* How long a side may acknowledge nothing, and how often we look: no event tells. */
#define LINGER_MS      1000u
#define LINGER_LOOK_MS 20u

static void begin(struct conn *conn, enum conn_linger linger, enum reason reason)
{
    conn->reason = (uint8_t)reason;
    if (conn->state != CONN_CLOSING)
        conn_move(conn, CONN_CLOSING);
    conn->linger = (uint8_t)linger;
    pump_close(&conn->up, &conn->worker->tools);
    pump_close(&conn->down, &conn->worker->tools);
}

static void drop_side(struct side *side)
{
    if (side->fd >= 0)
        close(side->fd);
    side->fd = -1;
}

/* Bytes that the side has not acknowledged. */
static uint32_t untaken(const struct side *side)
{
    int bytes = 0;

    return ioctl(side->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

/* --- until the end --- */

static void read_on(struct conn *conn)
{
    while (conn->lingered_bytes < LINGER_BYTES) {
        ssize_t n =
            recv(conn->client.fd, conn->worker->tools.scratch, conn->worker->tools.copy_bytes, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        conn->lingered_bytes += (uint32_t)n;
    }
    conn_close(conn, (enum reason)conn->reason);
}

void conn_linger_until_end(struct conn *conn, enum reason reason, uint64_t most_ms)
{
    begin(conn, LINGER_UNTIL_END, reason);
    drop_side(&conn->server);
    if (most_ms > 0) {
        conn_arm(conn, most_ms);
        if (!conn_watch_client(conn))
            return;
    }
    read_on(conn);
    if (most_ms == 0)
        conn_close(conn, reason); /* idempotent */
}

/* --- until taken --- */

static struct side *staying(struct conn *conn)
{
    return conn->client.fd >= 0 ? &conn->client : &conn->server;
}

/* Looks again while the side acknowledges bytes; one that takes its time, but takes, is let. */
static void look(struct conn *conn)
{
    uint32_t left = untaken(staying(conn));

    if (left < conn->untaken)
        conn->linger_until_ms = conn_now(conn) + LINGER_MS;
    conn->untaken = left;
    if (left > 0 && conn_now(conn) < conn->linger_until_ms) {
        conn_arm(conn, LINGER_LOOK_MS);
        return;
    }
    if (conn->reason != REASON_CLOSED)
        net_reset_on_close(staying(conn)->fd);
    conn_close(conn, (enum reason)conn->reason);
}

void conn_linger_until_taken(struct conn *conn, struct side *gone, enum reason reason)
{
    begin(conn, LINGER_UNTIL_TAKEN, reason);
    drop_side(gone);
    conn->untaken = UINT32_MAX;
    look(conn);
}

/* --- events --- */

void conn_linger_event(struct conn *conn, uint32_t events)
{
    if (conn->linger == LINGER_NOT)
        return;
    if (conn->linger == LINGER_UNTIL_END || conn->reason == REASON_CLOSED)
        read_on(conn);
    else if (events & (EPOLLERR | EPOLLHUP))
        conn_close(conn, (enum reason)conn->reason);
}

void conn_linger_timer(struct conn *conn)
{
    if (conn->linger == LINGER_UNTIL_TAKEN)
        look(conn);
    else
        conn_close(conn, (enum reason)conn->reason);
}
