/*
 * PEEKING: look at the ClientHello without taking it, name the host, find the route.
 *
 * The happy path
 *  - recv(MSG_PEEK) into the worker's scratch buffer, hello_parse(), route_table_find(),
 *    connect.
 *  - The hello stays in the kernel until the pump moves it: nothing is stored and nothing
 *    replayed.
 *
 * The failures
 *  - More is needed: SO_RCVLOWAT is set to what the parser asks for, so that the worker is
 *    woken once when it is there; "need more" is never "no match". One deadline since accept
 *    covers all of it.
 *  - The client ends or resets first: hello_abort.
 *  - Not TLS, malformed, too large, no name, no route: the policy of that case (conn_refuse.c).
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "router/conn/conn_parts.h"
#include "router/conn/decide.h"
#include "router/log/json_writer.h"
#include "sni/hello.h"

/* First look; most hellos fit, and what lies behind them is not copied for nothing. */
#define PEEK_FIRST_BYTES 4096u
/* So much the kernel holds of any connection without being asked for more room. */
#define PEEK_WINDOW_BYTES 32768u
/* Room for the offered protocols in the log; a list that is longer is cut between names. */
#define ALPN_TEXT_MAX 1536u
/* One more name, escaped, with quotes and comma, takes at most so much. */
#define ALPN_NAME_TEXT_MAX (255u * 5u + 8u)

/* --- what is remembered for the log --- */

static size_t alpn_text(const struct client_hello *hello, char out[ALPN_TEXT_MAX])
{
    struct hello_alpn position = {0};
    struct json_writer text;
    uint8_t name[255];
    uint8_t len;

    if (hello->alpn_bytes == 0)
        return 0;
    json_writer_start(&text, out, ALPN_TEXT_MAX);
    json_writer_open(&text, '[');
    while (ALPN_TEXT_MAX - text.length > ALPN_NAME_TEXT_MAX &&
           hello_alpn_next(hello, &position, name, &len))
        json_writer_bytes(&text, name, len);
    json_writer_close(&text, ']');
    assert(!text.full);
    return text.length;
}

/* Keeps the texts of the log line. Without memory the line lacks them: no reason to refuse. */
static void keep_texts(struct conn *conn, const struct client_hello *hello)
{
    char alpn[ALPN_TEXT_MAX];

    if (conn_config(conn)->log.access_path == NULL)
        return;
    size_t alpn_len = alpn_text(hello, alpn);
    size_t host_len = hello->name == HELLO_NAME_NONE ? 0 : hello->host_len;
    if (alpn_len + host_len == 0)
        return;
    conn->texts = malloc(host_len + alpn_len + 2);
    if (conn->texts == NULL)
        return;
    memcpy(conn->texts, hello->host, host_len);
    conn->texts[host_len] = '\0';
    memcpy(conn->texts + host_len + 1, alpn, alpn_len);
    conn->texts[host_len + 1 + alpn_len] = '\0';
}

/* --- what is decided --- */

static void remember(struct conn *conn, const struct client_hello *hello)
{
    conn->hello_bytes = hello->wire_bytes;
    conn->hello_ms = (uint32_t)(conn_now(conn) - conn->accepted_ms);
    conn->tls_version = hello->highest_version;
    conn->ech = hello->ech;
    keep_texts(conn, hello);
}

static void judge(struct conn *conn, enum hello_result result, const struct client_hello *hello)
{
    if (result == HELLO_OK)
        remember(conn, hello);
    struct decision decision =
        decide_hello(conn_config(conn), result, hello, &conn->peer, conn->listener);
    conn->route = decision.route;
    if (decision.which != POLICY_CASES) {
        conn_apply_policy(conn, decision.which, decision.reason);
    } else {
        conn->backend = decision.backend;
        conn_connect(conn);
    }
}

/* --- peeking --- */

/* Bytes that lie there, or -1 with errno; never takes them. */
static ssize_t peek(const struct conn *conn, size_t want)
{
    ssize_t n;

    do {
        n = recv(conn->client.fd, conn->worker->tools.scratch, want, MSG_PEEK);
    } while (n < 0 && errno == EINTR);
    return n;
}

static void set_lowat(struct conn *conn, size_t bytes)
{
    int lowat = (int)bytes;

    (void)setsockopt(conn->client.fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat);
    conn->lowat = true;
}

/*
 * Has the kernel wake us when the parser will have something new to say. Looking takes nothing out,
 * so the receive window of a very large hello would close before it is whole: asking for more than
 * it can ever need makes the kernel enlarge the buffer, which it keeps when less is asked for then.
 */
static void wait_for(struct conn *conn, size_t need)
{
    if (conn->client.failed) {
        conn_close(conn, REASON_HELLO_ABORT);
        return;
    }
    if (conn->client.fin) { /* half a hello lies unread: closing over it would be a reset */
        conn_refuse(conn, POLICY_CLOSE, REASON_HELLO_ABORT);
        return;
    }
    if (need > PEEK_WINDOW_BYTES)
        set_lowat(conn, 2 * hello_wire_limit(conn_config(conn)->hello_limit_bytes));
    if (need > 1)
        set_lowat(conn, need);
    conn_watch_client(conn);
}

void conn_read_hello(struct conn *conn)
{
    struct client_hello hello;
    uint32_t limit = conn_config(conn)->hello_limit_bytes;
    size_t most = hello_wire_limit(limit);
    size_t want = PEEK_FIRST_BYTES < most ? PEEK_FIRST_BYTES : most;

    assert(most <= conn->worker->scratch_bytes);
    for (;;) {
        ssize_t n = peek(conn, want);
        if (n < 0 && errno == EAGAIN) {
            wait_for(conn, 1);
            return;
        }
        if (n <= 0) {
            conn_close(conn, REASON_HELLO_ABORT);
            return;
        }
        conn->spoke = true;
        enum hello_result result =
            hello_parse(conn->worker->tools.scratch, (size_t)n, limit, &hello);
        if (result != HELLO_MORE) {
            judge(conn, result, &hello);
            return;
        }
        if ((size_t)n < want || want == most) {
            wait_for(conn, hello.need);
            return;
        }
        want = want * 8 < most ? want * 8 : most; /* the look was too short: look again */
    }
}

void conn_hello_timeout(struct conn *conn)
{
    conn_apply_policy(conn, POLICY_HELLO_TIMEOUT, REASON_HELLO_TIMEOUT);
}
