/*
 * The life of a connection: accept, the moves between states, the timer, the close door.
 *
 * The happy path
 *  - conn_accept() takes the socket over and at once peeks for the hello (conn_hello.c).
 *  - Events arrive through conn_on_event(): they are noted on the side they concern, then the
 *    state's own function is called.
 *  - conn_close() closes the sockets; in libuv's close phase the connection is logged and
 *    freed.
 *
 * The failures
 *  - No memory for the connection: the socket is closed, counted as `resource`.
 *  - The deadline of the state passes: on_timer() asks the state what that means.
 *  - An event for a socket that was closed in the same batch: the connection is still allocated
 *    (memory goes in the close phase only) and CLOSING ignores it.
 */
#include "router/conn/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "router/conn/conn_parts.h"
#include "sni/hello.h"

/* --- states --- */

static bool move_is_legal(enum conn_state from, enum conn_state to)
{
    static const uint8_t next[] = {
        [CONN_PEEKING] = 1u << CONN_CONNECTING | 1u << CONN_CLOSING,
        [CONN_CONNECTING] = 1u << CONN_RELAYING | 1u << CONN_CLOSING,
        [CONN_RELAYING] = 1u << CONN_CLOSING,
        [CONN_CLOSING] = 0,
    };
    return (next[from] >> to & 1u) != 0;
}

void conn_move(struct conn *conn, enum conn_state to)
{
    assert(move_is_legal(conn->state, to));
    assert(to != CONN_RELAYING || conn->server.fd >= 0);
    assert(to != CONN_CLOSING || conn->reason != REASON_NONE);
    conn->state = (uint8_t)to;
}

static struct conn *conn_of_side(struct side *side)
{
    return side->is_server ? (struct conn *)((char *)side - offsetof(struct conn, server))
                           : (struct conn *)((char *)side - offsetof(struct conn, client));
}

/* --- the timer --- */

static void on_timer(uv_timer_t *timer)
{
    struct conn *conn = timer->data;

    worker_assert_own(conn->worker);
    if (conn_now(conn) < conn->deadline_ms) {
        conn_arm(conn, conn->deadline_ms - conn_now(conn));
        return;
    }
    switch ((enum conn_state)conn->state) {
    case CONN_PEEKING:
        conn_hello_timeout(conn);
        break;
    case CONN_CONNECTING:
        conn_connect_timer(conn);
        break;
    case CONN_RELAYING:
        conn_relay_timer(conn);
        break;
    case CONN_CLOSING:
        conn_linger_timer(conn);
        break;
    }
}

/* A timer that would fire earlier is left as it is: it re-arms itself then. */
void conn_arm(struct conn *conn, uint64_t delay_ms)
{
    conn->deadline_ms = conn_now(conn) + delay_ms;
    if (uv_is_active((uv_handle_t *)&conn->timer) && uv_timer_get_due_in(&conn->timer) <= delay_ms)
        return;
    int error = uv_timer_start(&conn->timer, on_timer, delay_ms, 0);
    assert(error == 0); /* it can only fail for a handle that is closing */
}

/* --- accept --- */

bool conn_watch_client(struct conn *conn)
{
    if (conn->watched)
        return true;
    if (ready_add(&conn->worker->ready, conn->client.fd, &conn->client) != 0) {
        conn_close(conn, REASON_RESOURCE);
        return false;
    }
    conn->watched = true;
    return true;
}

void conn_reset_lowat(struct conn *conn)
{
    int one = 1;

    if (conn->lowat)
        (void)setsockopt(conn->client.fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    conn->lowat = false;
}

const struct timeouts *conn_timeouts(const struct conn *conn)
{
    const struct config *config = conn_config(conn);

    if (conn->route == ROUTE_NONE || config->routes[conn->route].timeouts == NULL)
        return &config->timeouts;
    return config->routes[conn->route].timeouts;
}

static struct conn *conn_new(struct worker *worker, uint32_t listener, int fd)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL)
        return NULL;
    conn->worker = worker;
    conn->view = worker->view;
    conn->view->conns++;
    conn->client = (struct side){.fd = fd, .readable = true, .writable = true};
    conn->server = (struct side){.fd = -1, .is_server = true};
    conn->state = CONN_PEEKING;
    conn->reason = REASON_NONE;
    conn->connect_failure = REASON_NONE;
    conn->listener = listener;
    conn->route = ROUTE_NONE;
    conn->policy = POLICY_CASES;
    conn->server_index = CONFIG_NONE;
    conn->hello_ms = conn->connect_ms = conn->first_byte_ms = ACCESS_TIME_NONE;
    conn->accepted_ms = conn->active_ms = conn_now(conn);
    conn->number = worker->next_number++;
    uv_timer_init(&worker->loop, &conn->timer);
    conn->timer.data = conn;
    TAILQ_INSERT_TAIL(&worker->conns, conn, in_worker);
    if (++worker->conn_count > worker->conn_peak)
        worker->conn_peak = worker->conn_count;
    return conn;
}

void conn_accept(struct worker *worker, uint32_t listener, int fd, const struct sockaddr *from)
{
    uint32_t others = atomic_fetch_add_explicit(&worker->host->active, 1, memory_order_relaxed);
    struct conn *conn = conn_new(worker, listener, fd);

    tally_add(&worker->tally.accepted, 1);
    if (conn == NULL) {
        close(fd);
        atomic_fetch_sub_explicit(&worker->host->active, 1, memory_order_relaxed);
        tally_add(&worker->tally.closed[REASON_RESOURCE], 1);
        return;
    }
    peer_from_sockaddr(from, &conn->peer);
    conn->client.ragged = !conn->peer.known;
    conn->client.paced = peer_is_local(&conn->peer);
    conn_arm(conn, conn_config(conn)->timeouts.hello_ms);
    uint32_t limit = conn_config(conn)->max_connections;
    if (limit != 0 && others >= limit) {
        conn_apply_policy(conn, POLICY_LIMIT, REASON_LIMIT);
    } else {
        conn_read_hello(conn);
    }
}

/* --- events --- */

static void note_events(struct side *side, uint32_t events)
{
    if (events & EPOLLERR)
        side->failed = true;
    if ((events & EPOLLRDHUP) && !side->failed) /* a reset looks like an end as well */
        side->fin = true;
    if ((events & EPOLLPRI) && !side->urgent) {
        net_urgent_inline(side->fd);
        side->urgent = side->ragged = true;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        side->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        side->writable = true;
}

static void connecting_event(struct conn *conn, const struct side *side, uint32_t events)
{
    if (side->is_server && (events & (EPOLLHUP | EPOLLERR)))
        conn_connect_failed(conn);
    else if (side->is_server && (events & EPOLLOUT))
        conn_relay_start(conn);
    else if (!side->is_server && (events & (EPOLLERR | EPOLLHUP)))
        conn_close(conn, REASON_CLIENT_ABORT);
}

void conn_on_event(void *source, uint32_t events)
{
    struct side *side = source;
    struct conn *conn = conn_of_side(side);

    worker_assert_own(conn->worker);
    note_events(side, events);
    switch ((enum conn_state)conn->state) {
    case CONN_PEEKING:
        conn_read_hello(conn);
        break;
    case CONN_CONNECTING:
        connecting_event(conn, side, events);
        break;
    case CONN_RELAYING:
        conn_relay_event(conn, side, events);
        break;
    case CONN_CLOSING:
        conn_linger_event(conn, events);
        break;
    }
}

void conn_on_turn(struct conn *conn)
{
    conn->queued = false;
    if (conn->state == CONN_RELAYING)
        conn_relay(conn);
}

/* --- the end --- */

static uint64_t unix_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

/* What went where, for the log. */
static void record_way(const struct conn *conn, struct access_record *record)
{
    const struct config *config = conn_config(conn);

    if (conn->listener != CONFIG_NONE)
        record->listener = config->listeners[conn->listener].name;
    if (conn->route != ROUTE_NONE)
        record->route = config->routes[conn->route].name;
    if (conn->policy != POLICY_CASES)
        record->policy = policy_case_word((enum policy_case)conn->policy);
    if (conn->server_index != CONFIG_NONE) {
        const struct backend_config *backend = &config->backends[conn->backend];
        record->backend = backend->name;
        record->server = backend->servers[conn->server_index].address.text;
    }
    if (conn->texts != NULL) {
        const char *alpn = conn->texts + strlen(conn->texts) + 1;
        record->sni = conn->texts[0] != '\0' ? conn->texts : NULL;
        record->alpn = alpn[0] != '\0' ? alpn : NULL;
    }
}

static void log_access(const struct conn *conn)
{
    char line[ACCESS_LINE_MAX];
    char client[PEER_TEXT_MAX];
    uint64_t duration_ms = conn_now(conn) - conn->accepted_ms;
    struct access_record record = {
        .accepted_unix_ms = unix_ms() - duration_ms,
        .id = (uint64_t)conn->worker->index << 40 | conn->number,
        .client = client,
        .tls = conn->tls_version == 0 ? NULL : hello_version_word(conn->tls_version),
        .ech = conn->ech,
        .hello_bytes = conn->hello_bytes,
        .hello_ms = conn->hello_ms,
        .connect_ms = conn->connect_ms,
        .first_byte_ms = conn->first_byte_ms,
        .duration_ms = duration_ms,
        .retries = conn->retries,
        .bytes_in = conn->up.bytes,
        .bytes_out = conn->down.bytes,
        .reason = (enum reason)conn->reason,
        .worker = conn->worker->index,
    };

    peer_print(&conn->peer, client);
    record_way(conn, &record);
    size_t len = access_log_format(&record, conn_config(conn)->log.access_format, line);
    worker_log_access(conn->worker, line, len);
}

static void count_end(const struct conn *conn)
{
    struct tally *tally = &conn->worker->tally;

    tally_add(&tally->closed[conn->reason], 1);
    tally_add(&tally->bytes_in, conn->up.bytes);
    tally_add(&tally->bytes_out, conn->down.bytes);
    tally_add(&tally->retries, conn->retries);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    count_end(conn);
    if (conn->reason == REASON_HELLO_ABORT && !conn->spoke)
        tally_add(&conn->worker->tally.empty, 1); /* a port scan or a health check: no line */
    else if (conn_config(conn)->log.access_path != NULL)
        log_access(conn);
    worker_forget(conn->worker, conn);
    tried_clear(&conn->tried);
    free(conn->texts);
    free(conn);
}

/*
 * An end that comes before all bytes must not look like one that comes after: a direction that is
 * cut short, with bytes in hand or while it was still going, ends in a reset.
 */
static void reset_if_cut(const struct conn *conn, const struct pump *pump)
{
    bool stopped = conn->reason == REASON_DRAIN_TIMEOUT || conn->reason == REASON_RESOURCE;

    if (pump->to == NULL || pump->to->fd < 0)
        return;
    if (pump_holds_bytes(pump) || (stopped && !pump->ended))
        net_reset_on_close(pump->to->fd);
}

static void close_side(struct side *side)
{
    if (side->fd >= 0)
        close(side->fd);
    side->fd = -1;
}

void conn_close(struct conn *conn, enum reason reason)
{
    worker_assert_own(conn->worker);
    if (uv_is_closing((uv_handle_t *)&conn->timer))
        return;
    if (conn->reason == REASON_NONE)
        conn->reason = (uint8_t)reason;
    if (conn->state != CONN_CLOSING)
        conn_move(conn, CONN_CLOSING);
    conn->linger = LINGER_NOT;
    reset_if_cut(conn, &conn->up);
    reset_if_cut(conn, &conn->down);
    pump_close(&conn->up, &conn->worker->tools);
    pump_close(&conn->down, &conn->worker->tools);
    close_side(&conn->client);
    close_side(&conn->server);
    if (conn->queued)
        TAILQ_REMOVE(&conn->worker->queue, conn, in_queue);
    conn->queued = false;
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
}
