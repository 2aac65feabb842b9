/*
 * RELAYING: two pumps, each at its own pace, until both directions have ended.
 *
 * The happy path
 *  - Whatever woke us, both pumps get a turn; one that cannot move makes no system call.
 *  - A direction that has ended passes its end on (shutdown) after its bytes are out; the other
 *    goes on, now under the half-close timeout. When both have ended: closed.
 *  - Activity only stores the loop's time; the timer compares and re-arms itself.
 *
 * The failures
 *  - A side cannot be read (reset, keepalive): the other side is reset when it has taken what
 *    was sent to it, the reason names who.
 *  - A side cannot be written: it has gone, but what it sent before is still in our kernel. Its
 *    pump stops; the other direction reads on to the end or the error; then the other side is
 *    reset.
 *  - An error on a server that had already ended: closed, as soon as the client has taken the
 *    rest of the answer. On a client that had: it did not wait for its answer, the server is
 *    reset. On a side that cannot be read to its end because the other side takes nothing: what
 *    is held may still be delivered, under the half-close timeout.
 *  - A budget is used up: a place at the end of the run queue.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "router/conn/conn_parts.h"

/* When keepalive is switched on towards the server; long enough for most short connections to end.
 */
#define KEEPALIVE_AFTER_MS 5000u

static bool pump_is_over(const struct pump *pump)
{
    return pump->ended || pump->broken;
}

static struct pump *pump_from(struct conn *conn, const struct side *side)
{
    return side->is_server ? &conn->down : &conn->up;
}

/* A side has gone without saying goodbye: the other one is told in the same way. */
static void side_aborted(struct conn *conn, struct side *side)
{
    conn_linger_until_taken(conn, side,
                            side->is_server ? REASON_SERVER_ABORT : REASON_CLIENT_ABORT);
}

/* Whether only one direction is left, or one side is known to be gone. */
static bool is_half(const struct conn *conn)
{
    return pump_is_over(&conn->up) || pump_is_over(&conn->down) || conn->client.failed ||
           conn->server.failed;
}

static uint64_t timeout_now(const struct conn *conn)
{
    const struct timeouts *timeouts = conn_timeouts(conn);

    return is_half(conn) && timeouts->half_close_ms != 0 ? timeouts->half_close_ms
                                                         : timeouts->idle_ms;
}

static void arm_timeout(struct conn *conn)
{
    if (timeout_now(conn) != 0)
        conn_arm(conn, timeout_now(conn));
}

/*
 * A side that had already ended is gone for good. A server had said all it wanted (it resets
 * whoever says goodbye after it has closed); a client did not wait for its answer.
 */
static void side_gone_after_end(struct conn *conn, struct side *side)
{
    if (side->is_server)
        conn_linger_until_taken(conn, side, REASON_CLOSED);
    else
        side_aborted(conn, side);
}

/* The end of one direction is passed on, after its bytes. */
static void direction_ended(struct conn *conn, struct pump *pump, const struct pump *other)
{
    pump->ended = true;
    if (other->ended) {
        conn_close(conn, REASON_CLOSED);
    } else if (other->broken) {
        net_push(pump->to->fd);
        if (pump->from->fin)
            side_gone_after_end(conn, pump->from);
        else
            side_aborted(conn, pump->from);
    } else {
        (void)shutdown(pump->to->fd, SHUT_WR); /* fails only when `to` is gone: it will tell */
        arm_timeout(conn);
    }
}

/*
 * `to` takes no more. What it said before is read to the end by the other pump. A socket that was
 * reset after its FIN had come says EPIPE, one that was reset in the middle ECONNRESET.
 */
static void direction_broken(struct conn *conn, struct pump *pump, const struct pump *other)
{
    if (errno == EPIPE)
        pump->to->fin = true;
    pump->broken = true;
    pump->to->readable = true;
    pump->to->failed = true;
    if (other->ended)
        side_gone_after_end(conn, pump->to);
    else if (other->broken)
        side_aborted(conn, pump->to);
    else
        arm_timeout(conn);
}

static void run_pump(struct conn *conn, struct pump *pump, const struct pump *other)
{
    if (conn->state != CONN_RELAYING || pump_is_over(pump))
        return;
    switch (pump_run(pump, &conn->worker->tools)) {
    case PUMP_WAIT:
        break;
    case PUMP_AGAIN:
        worker_queue(conn->worker, conn);
        break;
    case PUMP_ENDED:
        direction_ended(conn, pump, other);
        break;
    case PUMP_READ_FAILED:
        side_aborted(conn, pump->from);
        break;
    case PUMP_WRITE_FAILED:
        direction_broken(conn, pump, other);
        break;
    case PUMP_NO_MEMORY:
        conn_close(conn, REASON_RESOURCE);
        break;
    }
}

/* Listens again to a side that was muted, as soon as its pump has delivered what it held. */
static void unmute(struct conn *conn, struct side *side)
{
    if (conn->state != CONN_RELAYING || !side->muted || pump_holds_bytes(pump_from(conn, side)))
        return;
    side->muted = false;
    ready_mute(&conn->worker->ready, side->fd, side, false);
}

/* A server that has more to say than this may wait for the first piece to be acknowledged. */
static void answer_began(struct conn *conn)
{
    conn->first_byte_ms = (uint32_t)(conn_now(conn) - conn->accepted_ms);
    if (conn->state == CONN_RELAYING && !conn->server.fin)
        net_quick_ack(conn->server.fd);
}

void conn_relay(struct conn *conn)
{
    uint64_t before = conn->up.bytes + conn->down.bytes;

    run_pump(conn, &conn->up, &conn->down);
    run_pump(conn, &conn->down, &conn->up);
    unmute(conn, &conn->client);
    unmute(conn, &conn->server);
    if (conn->up.bytes + conn->down.bytes != before)
        conn->active_ms = conn_now(conn);
    if (conn->first_byte_ms == ACCESS_TIME_NONE && conn->down.bytes > 0)
        answer_began(conn);
}

void conn_relay_start(struct conn *conn)
{
    uint64_t soon = timeout_now(conn);

    conn_move(conn, CONN_RELAYING);
    conn->connect_ms = (uint32_t)(conn_now(conn) - conn->connect_started_ms);
    conn->active_ms = conn_now(conn);
    conn_arm(conn, soon != 0 && soon < KEEPALIVE_AFTER_MS ? soon : KEEPALIVE_AFTER_MS);
    conn_reset_lowat(conn);
    pump_init(&conn->up, &conn->client, &conn->server);
    pump_init(&conn->down, &conn->server, &conn->client);
    conn->client.readable = true; /* the hello is there */
    conn->server.writable = true;
    conn_relay(conn);
}

/*
 * News of bytes on a side whose pump waits for the other side to take what it holds: nobody wants
 * them now, and a fast sender would wake us for every packet. Short waits never come to this.
 */
static bool is_unwanted(struct conn *conn, const struct side *side, uint32_t events)
{
    const struct pump *pump = pump_from(conn, side);

    return (events & EPOLLIN) && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) &&
           !side->muted && !pump->to->writable && pump_holds_bytes(pump);
}

/* A reset: after what could be carried was carried. */
static void side_failed(struct conn *conn, struct side *side)
{
    const struct pump *pump = pump_from(conn, side);

    if (pump->ended)
        side_gone_after_end(conn, side);
    else if (pump->broken)
        side_aborted(conn, side);
    else
        arm_timeout(conn);
}

void conn_relay_event(struct conn *conn, struct side *side, uint32_t events)
{
    if (is_unwanted(conn, side, events)) {
        side->muted = true;
        ready_mute(&conn->worker->ready, side->fd, side, true);
    }
    conn_relay(conn);
    if ((events & EPOLLERR) && conn->state == CONN_RELAYING)
        side_failed(conn, side);
}

/* The reason when nothing has moved for too long. */
static void timed_out(struct conn *conn)
{
    if (conn->client.failed || conn->server.failed)
        side_aborted(conn, conn->client.failed ? &conn->client : &conn->server);
    else
        conn_close(conn, is_half(conn) ? REASON_HALF_CLOSE_TIMEOUT : REASON_IDLE_TIMEOUT);
}

/*
 * Every connection that lasts comes here a few seconds after it began: the moment to switch
 * keepalive on, which short ones never pay for.
 */
void conn_relay_timer(struct conn *conn)
{
    uint64_t timeout = timeout_now(conn);
    uint64_t due = conn->active_ms + timeout;

    if (!conn->kept_alive)
        net_keepalive(conn->server.fd);
    conn->kept_alive = true;
    if (timeout == 0)
        return;
    if (conn_now(conn) < due)
        conn_arm(conn, due - conn_now(conn));
    else
        timed_out(conn);
}
