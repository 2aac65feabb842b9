/*
 * CLOSING, while a side may still take what was sent to it: closing a socket over unread bytes, or
 * resetting it, throws away what lies in its send buffer.
 *
 * The happy path
 *  - Hang up, for refusals: what the client still says is read and thrown away, so that no reset
 *    of ours overtakes the alert; it hangs up; over.
 *  - Deliver, when one side is gone: the other acknowledges all that the first had sent; then it
 *    is reset, or closed where the first had ended in order.
 *
 * The failures
 *  - The side takes nothing for too long, or says too much: over all the same.
 *  - It goes away by itself: over.
 */
#include "router/conn/conn_linger.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "router/net/net.h"

/* How much a side that is to hang up may still say. */
#define LINGER_BYTES (1024u * 1024u)
/* How long a side may acknowledge nothing, and how often we look: no event tells. */
#define LINGER_MS      1000u
#define LINGER_LOOK_MS 20u

static struct verdict over(const struct conn *conn)
{
    return verdict_end((enum reason)conn->reason);
}

/* The client while it is to hang up; else the one side that is left. */
static struct side *staying(struct conn *conn)
{
    return conn->client.fd >= 0 ? &conn->client : &conn->server;
}

/* Bytes that the side has not acknowledged. */
static uint32_t untaken_bytes(const struct side *side)
{
    int bytes = 0;

    return ioctl(side->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

/* Reads and throws away what the side says. */
static struct verdict read_on(struct conn *conn)
{
    const struct pump_tools *tools = &conn->conns->tools;

    while (conn->linger.dropped_bytes < LINGER_BYTES) {
        ssize_t n = recv(staying(conn)->fd, tools->scratch, tools->copy_bytes, 0);
        if (n < 0 && errno == EAGAIN)
            return verdict_wait();
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        conn->linger.dropped_bytes += (uint32_t)n;
    }
    return over(conn);
}

/* Looks again later while the side acknowledges bytes; each time it does, it gets more time. */
static struct verdict look(struct conn *conn)
{
    struct lingering *linger = &conn->linger;
    uint32_t left = untaken_bytes(staying(conn));

    if (left < linger->untaken_bytes)
        linger->until_ms = conn_now(conn) + LINGER_MS;
    linger->untaken_bytes = left;
    if (left > 0 && conn_now(conn) < linger->until_ms) {
        conn_wait_for(conn, LINGER_LOOK_MS);
        return verdict_wait();
    }
    if (left > 0 && conn_put_off(conn))
        return verdict_wait();
    return over(conn);
}

struct verdict linger_hang_up(struct conn *conn, uint32_t most_ms)
{
    assert(conn->state == CONN_CLOSING && conn->client.fd >= 0 && conn->server.fd < 0);
    conn->linger = (struct lingering){.kind = LINGER_HANG_UP};
    conn_wait_for(conn, most_ms);
    if (most_ms > 0 && conn_watch_client(conn) != REASON_NONE)
        return over(conn);
    struct verdict verdict = read_on(conn);
    return most_ms == 0 ? over(conn) : verdict;
}

struct verdict linger_deliver(struct conn *conn)
{
    assert(conn->state == CONN_CLOSING && (conn->client.fd < 0) != (conn->server.fd < 0));
    conn->linger = (struct lingering){.kind = LINGER_DELIVER, .untaken_bytes = UINT32_MAX};
    if (conn->reason != REASON_CLOSED)
        net_reset_on_close(staying(conn)->fd); /* whatever ends the wait */
    /* Closing in order over bytes that lie unread would be a reset. No event may tell of them. */
    struct verdict verdict = conn->reason == REASON_CLOSED ? read_on(conn) : verdict_wait();
    return verdict.kind == VERDICT_WAIT ? look(conn) : verdict;
}

struct verdict linger_event(struct conn *conn, struct side *side, uint32_t events)
{
    assert(conn->state == CONN_CLOSING && conn->linger.kind != LINGER_OVER);
    if (side != staying(conn))
        return verdict_wait(); /* of the same batch as the event that closed this side */
    if (conn->linger.kind == LINGER_HANG_UP || conn->reason == REASON_CLOSED)
        return read_on(conn);
    return events & (EPOLLERR | EPOLLHUP) ? over(conn) : verdict_wait();
}

struct verdict linger_deadline(struct conn *conn)
{
    assert(conn->state == CONN_CLOSING && conn->linger.kind != LINGER_OVER);
    if (conn->linger.kind == LINGER_DELIVER)
        return look(conn);
    return conn_put_off(conn) ? verdict_wait() : over(conn);
}
