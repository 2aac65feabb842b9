/*
 * PEEKING: look at the ClientHello without taking it, name the host, decide where it goes.
 *
 * The happy path
 *  - recv(MSG_PEEK) into the worker's scratch buffer, hello_parse(), decide_hello(): routed.
 *  - The hello stays in the kernel until the pump moves it: nothing is stored and nothing
 *    replayed.
 *
 * The failures
 *  - More is needed: SO_RCVLOWAT is set to what the parser asks for, so that the worker is
 *    woken once when it is there; "need more" is never "no match". One deadline since accept
 *    covers all of it.
 *  - The client ends or resets first: hello_abort.
 *  - Not TLS, malformed, too large, no name, no route: refused as the policy of that case says,
 *    or routed by it.
 */
#include "router/conn/conn_hello.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "sni/hello.h"

/* First look; most hellos fit, and what lies behind them is not copied for nothing. */
#define PEEK_FIRST_BYTES 4096u
/* What the kernel holds of any connection without being asked for more room. */
#define PEEK_WINDOW_BYTES 32768u

static struct verdict judge(struct conn *conn, enum hello_result result,
                            const struct client_hello *hello)
{
    struct passage *passage = &conn->passage;

    if (result == HELLO_OK)
        passage_keep_hello(passage, hello, conn_now(conn));
    struct decision decision =
        decide_hello(conn_config(conn), result, hello, &passage->peer, passage->listener);
    struct stats_cell *route = decision.route == ROUTE_NONE
                                   ? NULL
                                   : snapshot_route_stats(conn->view->snapshot, decision.route);
    passage_keep_decision(passage, &decision, route, conn->conns->worker);
    if (decision.backend == CONFIG_NONE)
        return verdict_refuse(decision.action, decision.reason);
    return verdict_routed();
}

/* Bytes that lie there, or -1 with errno; never takes them. */
static ssize_t peek(const struct conn *conn, size_t want)
{
    ssize_t n;

    do {
        n = recv(conn->client.fd, conn->conns->tools.scratch, want, MSG_PEEK);
    } while (n < 0 && errno == EINTR);
    return n;
}

/*
 * Has the kernel wake us when the parser will have something new to say. Looking takes nothing out,
 * so the receive window of a very large hello would close before it is whole: asking for more than
 * it can ever need makes the kernel enlarge the buffer, which it keeps when less is asked for then.
 */
static struct verdict wait_for(struct conn *conn, size_t need)
{
    if (conn->client.failed)
        return verdict_end(REASON_HELLO_ABORT);
    if (conn->client.fin) /* half a hello lies unread: closing over it would be a reset */
        return verdict_refuse(POLICY_CLOSE, REASON_HELLO_ABORT);
    if (need > PEEK_WINDOW_BYTES)
        conn_set_lowat(conn, 2 * hello_wire_limit(conn_config(conn)->hello_limit_bytes));
    if (need > 1)
        conn_set_lowat(conn, need);
    return conn_watch_client(conn) ? verdict_wait() : verdict_end(REASON_RESOURCE);
}

static struct verdict hello_step(struct conn *conn)
{
    struct client_hello hello;
    uint32_t limit = conn_config(conn)->hello_limit_bytes;
    size_t most = hello_wire_limit(limit);
    size_t want = PEEK_FIRST_BYTES < most ? PEEK_FIRST_BYTES : most;

    assert(most <= conn->conns->scratch_bytes);
    for (;;) {
        ssize_t n = peek(conn, want);
        if (n < 0 && errno == EAGAIN)
            return wait_for(conn, 1);
        if (n <= 0)
            return verdict_end(REASON_HELLO_ABORT);
        conn->passage.spoke = true;
        enum hello_result result =
            hello_parse(conn->conns->tools.scratch, (size_t)n, limit, &hello);
        if (result != HELLO_MORE)
            return judge(conn, result, &hello);
        if ((size_t)n < want || want == most)
            return wait_for(conn, hello.need);
        want = want * 8 < most ? want * 8 : most; /* the look was too short: look again */
    }
}

struct verdict hello_begin(struct conn *conn)
{
    assert(conn->state == CONN_PEEKING && !conn->watched && !conn->passage.spoke);
    return hello_step(conn);
}

struct verdict hello_event(struct conn *conn, struct side *side, uint32_t events)
{
    (void)events;
    assert(conn->state == CONN_PEEKING && side == &conn->client);
    return hello_step(conn);
}

struct verdict hello_deadline(struct conn *conn)
{
    assert(conn->state == CONN_PEEKING);
    struct decision decision =
        decide_case(conn_config(conn), POLICY_HELLO_TIMEOUT, REASON_HELLO_TIMEOUT);

    assert(decision.backend == CONFIG_NONE);
    return verdict_refuse(decision.action, decision.reason);
}
