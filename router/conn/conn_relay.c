/*
 * RELAYING: two pumps, each at its own pace, until both directions have ended.
 *
 * The happy path
 *  - Whatever woke us, both pumps are run; one that cannot move makes no system call. A short
 *    exchange is dealt with at once, up to a small budget. A bulky stream, or what is more than
 *    that, takes a turn in the run queue, so that it never stands before new and short ones.
 *  - A direction that has ended passes its end on (shutdown) after its bytes are out; the other
 *    goes on, now under the half-close timeout. When both have ended: over.
 *  - Activity only stores the loop's time; the deadline compares and is set anew.
 *
 * The failures
 *  - A side cannot be read (reset, keepalive): it is gone. The other side takes what was sent to
 *    it, then it is reset; the reason names who.
 *  - A side cannot be written: it is gone, but what it sent before is still in our kernel. Its
 *    pump stops; the other direction reads on to the end or the error; then the other side is
 *    reset.
 *  - An error on a server that had already ended: over, as soon as the client has taken the
 *    rest of the answer. On a client that had: it did not wait for its answer, the server is
 *    reset. On a side that cannot be read to its end because the other side takes nothing: what
 *    is held may still be delivered, under the half-close timeout.
 *  - A call fails for no reason of either side: both are reset, since each would take an end for
 *    the other's.
 *  - A turn reads more than its budget, since large splices are cheap: the next one gets less.
 */
#include "router/conn/conn_relay.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "router/net/carry_error.h"
#include "router/net/net.h"

/* When keepalive is switched on towards the server; long enough for most short connections to end.
 */
#define KEEPALIVE_AFTER_MS 5000u

/* What each direction may read at once when there is news, before others have had their turn. */
#define NEWS_BYTES (64u * 1024u)
/* What a connection may carry in one turn of the run queue: some 0.3 ms. */
#define TURN_BYTES (1024u * 1024u)

static bool pump_is_over(const struct pump *pump)
{
    return pump->ended || pump->broken;
}

static struct pump *pump_from(struct conn *conn, const struct side *side)
{
    return side->is_server ? &conn->down : &conn->up;
}

/* --- the timeouts --- */

/* Whether only one direction is left, or one side is known to be gone. */
static bool is_half(const struct conn *conn)
{
    return pump_is_over(&conn->up) || pump_is_over(&conn->down) || conn->client.failed ||
           conn->server.failed;
}

static uint64_t timeout_now(const struct conn *conn)
{
    const struct relay *relay = &conn->relay;
    uint64_t own =
        is_half(conn) && relay->half_close_ms != 0 ? relay->half_close_ms : relay->idle_ms;
    uint64_t most = conn->conns->silence_ms;

    return most != 0 && (own == 0 || own > most) ? most : own;
}

static struct verdict wait_for_timeout(struct conn *conn)
{
    if (timeout_now(conn) != 0)
        conn_wait_for(conn, timeout_now(conn));
    return verdict_wait();
}

/* --- ends --- */

/* A side is gone without saying goodbye: the other one is told in the same way. */
static struct verdict side_aborted(const struct side *side)
{
    return verdict_deliver(side->is_server,
                           side->is_server ? REASON_SERVER_ABORT : REASON_CLIENT_ABORT);
}

/*
 * A side that had already ended is gone for good. A server had said all it wanted (it resets
 * whoever says goodbye after it has closed); a client did not wait for its answer.
 */
static struct verdict side_gone_after_end(const struct side *side)
{
    return side->is_server ? verdict_deliver(true, REASON_CLOSED) : side_aborted(side);
}

/* The end of one direction is passed on, after its bytes. */
static struct verdict direction_ended(struct conn *conn, struct pump *pump,
                                      const struct pump *other)
{
    pump->ended = true;
    if (other->ended)
        return verdict_end(REASON_CLOSED);
    if (other->broken) {
        net_push(pump->to->fd);
        return pump->from->fin ? side_gone_after_end(pump->from) : side_aborted(pump->from);
    }
    if (pump->from->failed) { /* it was reset after its end, and takes nothing any more */
        net_push(pump->to->fd);
        return side_gone_after_end(pump->from);
    }
    if (shutdown(pump->to->fd, SHUT_WR) != 0 && carry_error_of(errno) != CARRY_PEER) {
        pump->ended = false; /* nobody was told */
        return conn_mistake(conn, errno);
    }
    return wait_for_timeout(conn); /* also when `to` is gone: it will tell */
}

/*
 * `to` takes no more. What it said before is read to the end by the other pump. A socket that was
 * reset after its FIN had come says EPIPE, one that was reset in the middle ECONNRESET.
 */
static struct verdict direction_broken(struct conn *conn, struct pump *pump,
                                       const struct pump *other)
{
    if (pump->error == EPIPE)
        pump->to->fin = true;
    pump->broken = true;
    pump->to->readable = true;
    pump->to->failed = true;
    if (other->ended)
        return side_gone_after_end(pump->to);
    if (other->broken)
        return side_aborted(pump->to);
    return wait_for_timeout(conn);
}

/* --- turns --- */

static struct verdict run_pump(struct conn *conn, struct pump *pump, const struct pump *other,
                               size_t budget)
{
    if (pump_is_over(pump))
        return verdict_wait();
    switch (pump_run(pump, &conn->conns->tools, budget)) {
    case PUMP_WAIT:
        break;
    case PUMP_AGAIN:
        turns_add(&conn->conns->turns, &conn->turn);
        break;
    case PUMP_ENDED:
        return direction_ended(conn, pump, other);
    case PUMP_READ_FAILED:
        return side_aborted(pump->from);
    case PUMP_WRITE_FAILED:
        return direction_broken(conn, pump, other);
    case PUMP_NO_MEMORY:
        return verdict_end(REASON_RESOURCE);
    case PUMP_MISTAKE:
        return conn_mistake(conn, pump->error);
    }
    return verdict_wait();
}

/* Listens again to a side that was muted, as soon as its pump has delivered what it held. */
static void unmute(struct conn *conn, struct side *side)
{
    if (!side->muted || pump_holds_bytes(pump_from(conn, side)))
        return;
    side->muted = false;
    ready_mute(&conn->conns->ready, side->fd, &side->source, false);
}

/* Bytes are counted as they go, so that a stream of an hour is seen while it lasts. */
static void count_moved(struct conn *conn, uint64_t up_before, uint64_t down_before)
{
    uint64_t up = conn->up.bytes - up_before;
    uint64_t down = conn->down.bytes - down_before;

    if (up + down == 0)
        return;
    conn->relay.active_ms = conn_now(conn);
    stats_add(&conn->conns->stats->bytes_in, up);
    stats_add(&conn->conns->stats->bytes_out, down);
    passage_add_bytes(&conn->passage, up, down, conn->conns->worker);
    if (conn->passage.first_byte_ms == PASSAGE_TIME_NONE && conn->down.bytes > 0)
        conn->passage.first_byte_ms = (uint32_t)(conn_now(conn) - conn->passage.accepted_ms);
}

/* Carries what can be carried, up to a budget for each direction. */
static struct verdict relay_step(struct conn *conn, size_t budget)
{
    uint64_t up_before = conn->up.bytes, down_before = conn->down.bytes;
    struct verdict verdict = run_pump(conn, &conn->up, &conn->down, budget);

    if (verdict.kind == VERDICT_WAIT)
        verdict = run_pump(conn, &conn->down, &conn->up, budget);
    count_moved(conn, up_before, down_before);
    if (verdict.kind != VERDICT_WAIT)
        return verdict;
    unmute(conn, &conn->client);
    unmute(conn, &conn->server);
    /* A server that has more to say than this may wait for the first piece to be acknowledged. */
    if (down_before == 0 && conn->down.bytes > 0 && !conn->server.fin)
        net_quick_ack(conn->server.fd);
    return verdict;
}

/* A turn that went beyond its budget is paid for by the next ones: deficit round robin. */
struct verdict relay_turn(struct conn *conn)
{
    struct relay *relay = &conn->relay;
    uint64_t before = conn->up.bytes + conn->down.bytes;

    assert(conn->state == CONN_RELAYING);
    if (relay->debt_bytes >= TURN_BYTES) {
        relay->debt_bytes -= TURN_BYTES;
        turns_add(&conn->conns->turns, &conn->turn);
        return verdict_wait();
    }
    size_t budget = TURN_BYTES - relay->debt_bytes;
    struct verdict verdict = relay_step(conn, budget);
    uint64_t moved = conn->up.bytes + conn->down.bytes - before;
    if (verdict.kind == VERDICT_WAIT)
        relay->debt_bytes = moved > budget ? (uint32_t)(moved - budget) : 0;
    return verdict;
}

struct verdict relay_begin(struct conn *conn)
{
    const struct timeouts *timeouts = conn_timeouts(conn);
    uint64_t now = conn_now(conn);

    assert(conn->state == CONN_RELAYING && conn->watched);
    conn->relay = (struct relay){
        .active_ms = now, .idle_ms = timeouts->idle_ms, .half_close_ms = timeouts->half_close_ms};
    conn_unpin(conn); /* an hour of relaying keeps no old configuration */
    pump_init(&conn->up, &conn->client, &conn->server);
    pump_init(&conn->down, &conn->server, &conn->client);
    uint64_t soon = timeout_now(conn);
    conn_wait_for(conn, soon != 0 && soon < KEEPALIVE_AFTER_MS ? soon : KEEPALIVE_AFTER_MS);
    conn->server.writable = true;
    return relay_step(conn, NEWS_BYTES);
}

/* --- events --- */

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

/* Whether news of this connection waits for its turn. */
static bool takes_turns(const struct conn *conn)
{
    return conn->turn.queued || pump_is_bulky(&conn->up) || pump_is_bulky(&conn->down);
}

/* A reset: after what could be carried was carried. */
static struct verdict side_failed(struct conn *conn, struct side *side)
{
    const struct pump *pump = pump_from(conn, side);

    if (pump->ended)
        return side_gone_after_end(side);
    if (pump->broken)
        return side_aborted(side);
    return wait_for_timeout(conn);
}

struct verdict relay_event(struct conn *conn, struct side *side, uint32_t events)
{
    assert(conn->state == CONN_RELAYING);
    if (is_unwanted(conn, side, events)) {
        side->muted = true;
        ready_mute(&conn->conns->ready, side->fd, &side->source, true);
    }
    if (takes_turns(conn) && !(events & EPOLLERR)) {
        turns_add(&conn->conns->turns, &conn->turn);
        return verdict_wait();
    }
    struct verdict verdict = relay_step(conn, NEWS_BYTES);
    if (verdict.kind == VERDICT_WAIT && (events & EPOLLERR))
        verdict = side_failed(conn, side);
    return verdict;
}

/* --- the deadline --- */

void relay_bound_silence(struct conn *conn)
{
    uint64_t until = conn->relay.active_ms + timeout_now(conn);

    assert(conn->state == CONN_RELAYING && timeout_now(conn) != 0);
    if (until < conn_now(conn))
        until = conn_now(conn);
    if (until < conn->deadline_ms)
        conn_wait_until(conn, until);
}

/* Nothing has moved for too long. */
static struct verdict timed_out(const struct conn *conn)
{
    if (conn->client.failed || conn->server.failed)
        return side_aborted(conn->client.failed ? &conn->client : &conn->server);
    return verdict_end(is_half(conn) ? REASON_HALF_CLOSE_TIMEOUT : REASON_IDLE_TIMEOUT);
}

/*
 * Every connection that lasts comes here a few seconds after it began: the moment to switch
 * keepalive on, which short ones never pay for.
 */
struct verdict relay_deadline(struct conn *conn)
{
    uint64_t timeout = timeout_now(conn);

    assert(conn->state == CONN_RELAYING);
    if (!conn->relay.kept_alive)
        net_keepalive(conn->server.fd);
    conn->relay.kept_alive = true;
    if (timeout == 0) {
        conn_wait_until(conn, CONN_NO_DEADLINE);
        return verdict_wait();
    }
    if (conn_now(conn) < conn->relay.active_ms + timeout)
        conn_wait_until(conn, conn->relay.active_ms + timeout);
    else if (conn->turn.queued)
        conn_wait_for(conn, 1); /* it has more to carry, and its turn comes */
    else if (!conn_put_off(conn))
        return timed_out(conn);
    return verdict_wait();
}
