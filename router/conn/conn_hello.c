/*
 * PEEKING: read the ClientHello, name the host, decide where it goes.
 *
 * The happy path
 *  - recv(MSG_PEEK) into the worker's scratch buffer, hello_parse(), decide_hello(): routed. The
 *    whole hello was there, so nothing is stored; the pump moves the very bytes.
 *
 * The failures
 *  - More is needed: what is there is taken and becomes the preface of the pump that is to carry
 *    it, and no more of it is stored than has come. Bytes that are only looked at would stay in the
 *    socket's buffer, where small segments take up far more than they bring, until it is full. The
 *    parser is asked again when so many bytes are there as it has asked for; never more than that
 *    are taken, so whatever follows the hello stays in the kernel. "Need more" is never "no match".
 *    One deadline since accept covers all of it.
 *  - The client ends or resets first: hello_abort.
 *  - The client is this router itself, whose server leads back to it: refused, `loop`.
 *  - Not TLS, malformed, too large, no name, no route: refused as the policy of that case says,
 *    or routed by it.
 *  - No memory, ours or the kernel's: resource. Reading fails for no reason of the client's:
 *    internal.
 */
#include "router/conn/conn_hello.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "router/conn/conn_loop.h"
#include "router/net/carry_error.h"
#include "sni/hello.h"

/* First look; most hellos fit, and what lies behind them is not copied for nothing. */
#define PEEK_FIRST_BYTES 4096u

/* The client is the router itself: going on would go on for ever. */
static struct verdict refuse_loop(struct conn *conn)
{
    struct decision decision = decide_case(conn_config(conn), POLICY_NO_SERVER, REASON_LOOP);

    assert(decision.backend == CONFIG_NONE);
    conns_warn(
        conn->conns, CONNS_LOOP,
        "a loop: a connection to listener %s comes from the router itself, since a server of "
        "backend %s leads back to it; refused",
        conn->passage.listener_stats->name,
        conn_config(conn)->backends[conn->passage.backend].name);
    return verdict_refuse(decision.action, decision.reason);
}

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
    if (result == HELLO_OK ? loop_comes_back(conn, hello->input, hello->wire_bytes)
                           : loop_comes_back(conn, NULL, 0)) /* all of that kind are alike */
        return refuse_loop(conn);
    return verdict_routed();
}

/* Bytes into the scratch buffer, or -1 with errno. */
static ssize_t receive(const struct conn *conn, size_t want, int flags)
{
    ssize_t n;

    assert(want > 0 && want <= conn->conns->scratch_bytes);
    do {
        n = recv(conn->client.fd, conn->conns->tools.scratch, want, flags);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Reading has failed with this errno. */
static struct verdict failed(struct conn *conn, int error)
{
    switch (carry_error_of(error)) {
    case CARRY_PEER:
        break;
    case CARRY_MEMORY:
        return verdict_end(REASON_RESOURCE);
    case CARRY_MISTAKE:
        return conn_mistake(conn, error);
    }
    return verdict_end(REASON_HELLO_ABORT);
}

static struct verdict wait_for_more(struct conn *conn)
{
    conn->client.readable = false;
    enum reason lack = conn_watch_client(conn);
    return lack == REASON_NONE ? verdict_wait() : verdict_end(lack);
}

static enum hello_result parse(struct conn *conn, const uint8_t *bytes, size_t len,
                               struct client_hello *hello)
{
    uint32_t limit = conn_config(conn)->hello_limit_bytes;
    enum hello_result result = hello_parse(bytes, len, limit, hello);

    assert(result != HELLO_MORE || hello->need <= hello_wire_limit(limit));
    if (result == HELLO_NOT_TLS)
        conn->passage.looks = (uint8_t)looks_of(bytes, len);
    return result;
}

/*
 * Whether a read of so much has shown all that is there, which saves the call that would say EAGAIN
 * (see note_read() in pump.c). News that comes later is told.
 */
static bool is_drained(const struct conn *conn, size_t got, size_t wanted)
{
    const struct side *client = &conn->client;

    return got < wanted && !client->fin && !client->failed && !client->ragged;
}

/* The client has ended; what has come is judged as far as it goes. */
static struct verdict judge_half(struct conn *conn)
{
    struct client_hello hello;
    size_t len;
    const uint8_t *bytes = pump_prefaced(&conn->up, &len);
    enum hello_result result = parse(conn, bytes, len, &hello);

    return result == HELLO_MORE ? verdict_end(REASON_HELLO_ABORT) : judge(conn, result, &hello);
}

/* Takes what is there until the hello is whole. */
static struct verdict take_hello(struct conn *conn)
{
    struct client_hello hello;
    size_t len;

    for (;;) {
        pump_prefaced(&conn->up, &len);
        size_t want = conn->hello.need - len;
        ssize_t n = receive(conn, want, 0);
        if (n < 0 && errno == EAGAIN)
            return wait_for_more(conn);
        if (n < 0)
            return failed(conn, errno);
        if (n == 0)
            return judge_half(conn);
        if (!pump_preface(&conn->up, conn->conns->tools.scratch, (size_t)n, true))
            return verdict_end(REASON_RESOURCE);
        if (is_drained(conn, (size_t)n, want))
            return wait_for_more(conn);
        const uint8_t *bytes = pump_prefaced(&conn->up, &len);
        if (len < conn->hello.need)
            continue;
        enum hello_result result = parse(conn, bytes, len, &hello);
        if (result != HELLO_MORE)
            return judge(conn, result, &hello);
        conn->hello.need = (uint32_t)hello.need;
    }
}

/* Looks at what is there, further as long as that shows more. */
static struct verdict look_at_hello(struct conn *conn)
{
    struct client_hello hello;
    size_t most = hello_wire_limit(conn_config(conn)->hello_limit_bytes);
    size_t want = PEEK_FIRST_BYTES < most ? PEEK_FIRST_BYTES : most;

    for (;;) {
        ssize_t n = receive(conn, want, MSG_PEEK);
        if (n < 0 && errno == EAGAIN)
            return wait_for_more(conn);
        if (n < 0)
            return failed(conn, errno);
        if (n == 0)
            return verdict_end(REASON_HELLO_ABORT);
        conn->passage.spoke = true;
        enum hello_result result = parse(conn, conn->conns->tools.scratch, (size_t)n, &hello);
        if (result != HELLO_MORE)
            return judge(conn, result, &hello);
        conn->hello.need = (uint32_t)hello.need;
        if ((size_t)n < want)
            return take_hello(conn);
        want = want * 8 < most ? want * 8 : most;
    }
}

struct verdict hello_begin(struct conn *conn)
{
    assert(conn->state == CONN_PEEKING && !conn->watched && !conn->passage.spoke);
    conn->hello = (struct hello_wait){0};
    return look_at_hello(conn);
}

struct verdict hello_event(struct conn *conn, struct side *side, uint32_t events)
{
    (void)events;
    assert(conn->state == CONN_PEEKING && side == &conn->client);
    return conn->hello.need == 0 ? look_at_hello(conn) : take_hello(conn);
}

struct verdict hello_deadline(struct conn *conn)
{
    assert(conn->state == CONN_PEEKING);
    if (conn_put_off(conn))
        return verdict_wait();
    struct decision decision =
        decide_case(conn_config(conn), POLICY_HELLO_TIMEOUT, REASON_HELLO_TIMEOUT);

    assert(decision.backend == CONFIG_NONE);
    return verdict_refuse(decision.action, decision.reason);
}
