/*
 * The happy path
 *  - A socket, connect(2), the ready set; an event says that it is connected. The side that wins
 *    is the connection's side to the server, and all others are closed without a byte.
 *
 * The failures
 *  - No descriptor, no memory, no such family, refused: the attempt is gone, and its errno told.
 *  - One that has gone may be named by an event of the same batch, and its side stand for another
 *    socket by then: the ready set is told to forget.
 */
#include "router/conn/conn_attempt.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "router/conn/conn_loop.h"
#include "router/net/net.h"

static struct attempt *attempt_of(struct side *side)
{
    struct attempt *attempt = (struct attempt *)((char *)side - offsetof(struct attempt, side));

    assert(attempt->magic == ATTEMPT_MAGIC);
    return attempt;
}

static void on_events(struct ready_source *source, uint32_t events)
{
    struct attempt *attempt =
        (struct attempt *)((char *)source - offsetof(struct attempt, side.source));

    assert(attempt->magic == ATTEMPT_MAGIC);
    conn_side_events(attempt->conn, &attempt->side, events);
}

bool attempt_has_room(const struct conn *conn)
{
    return conn->server.fd < 0 || shared_has_room_beside(conn->conns->shared);
}

/* A side without a socket; NULL: no memory. */
static struct side *new_side(struct conn *conn)
{
    if (conn->server.fd < 0)
        return &conn->server;
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL)
        return NULL;
    attempt->side = (struct side){.source = {on_events}, .fd = -1, .is_server = true};
    attempt->magic = ATTEMPT_MAGIC;
    attempt->conn = conn;
    attempt->next = conn->connecting.more;
    conn->connecting.more = attempt;
    atomic_fetch_add_explicit(&conn->conns->shared->beside, 1, memory_order_relaxed);
    return &attempt->side;
}

/* Takes one that was allocated out of its connection's list, and frees it. */
static void free_attempt(struct attempt *attempt)
{
    struct attempt **link = &attempt->conn->connecting.more;

    while (*link != attempt)
        link = &(*link)->next;
    *link = attempt->next;
    atomic_fetch_sub_explicit(&attempt->conn->conns->shared->beside, 1, memory_order_relaxed);
    attempt->magic = 0;
    free(attempt);
}

void attempt_drop(struct conn *conn, struct side *side)
{
    ready_forget(&conn->conns->ready, &side->source);
    conn_close_side(side);
    if (side == &conn->server) /* what was noted of the socket goes with it */
        *side = (struct side){.source = side->source, .fd = -1, .is_server = true};
    else
        free_attempt(attempt_of(side));
}

void attempt_drop_all(struct conn *conn)
{
    while (conn->connecting.more != NULL)
        attempt_drop(conn, &conn->connecting.more->side);
    if (conn->server.fd >= 0)
        attempt_drop(conn, &conn->server);
}

static struct attempt_outcome failed(struct conn *conn, struct side *side, int error)
{
    assert(error > 0);
    if (side != NULL)
        attempt_drop(conn, side);
    return (struct attempt_outcome){.state = ATTEMPT_FAILED, .error = error};
}

/* Connects the side's socket, which is not in the ready set. */
static struct attempt_outcome start(struct conn *conn, struct side *side,
                                    const struct target *target)
{
    bool is_unix = target->address.ss_family == AF_UNIX;
    int result = net_connect(side->fd, target);

    if (result == EAGAIN && is_unix && side == &conn->server)
        return (struct attempt_outcome){.state = ATTEMPT_FULL};
    if (result != 0 && result != EINPROGRESS)
        return failed(conn, side, result);
    if (conn->suspect)
        loop_note_socket(conn, side->fd, target);
    side->ragged = is_unix;
    int error = ready_add(&conn->conns->ready, side->fd, &side->source);
    if (error != 0)
        return failed(conn, side, -error); /* libuv's errors are negative errnos */
    return (struct attempt_outcome){.state = result == 0 ? ATTEMPT_CONNECTED : ATTEMPT_UNDER_WAY,
                                    .side = side};
}

struct attempt_outcome attempt_start(struct conn *conn, const struct target *target)
{
    struct side *side = new_side(conn);

    assert(conn->state == CONN_CONNECTING);
    if (side == NULL)
        return failed(conn, NULL, ENOMEM);
    side->fd = net_connect_socket(target, &conn_config(conn)->sockets);
    if (side->fd < 0)
        return failed(conn, side, errno);
    return start(conn, side, target);
}

struct attempt_outcome attempt_knock(struct conn *conn, const struct target *target)
{
    assert(conn->state == CONN_CONNECTING && conn->server.fd >= 0);
    return start(conn, &conn->server, target);
}

struct attempt_outcome attempt_events(struct conn *conn, struct side *side, uint32_t events)
{
    struct attempt_outcome connected = {.state = ATTEMPT_CONNECTED, .side = side};

    assert(conn->state == CONN_CONNECTING && side->fd >= 0);
    if (events & (EPOLLHUP | EPOLLERR)) {
        int error = net_connect_result(side->fd);
        if (error != 0)
            return failed(conn, side, error);
        return connected; /* and gone again at once: relaying finds out how */
    }
    return events & EPOLLOUT ? connected : (struct attempt_outcome){.state = ATTEMPT_UNDER_WAY};
}

uint32_t attempt_count(const struct conn *conn)
{
    uint32_t count = conn->server.fd >= 0;

    for (const struct attempt *a = conn->connecting.more; a != NULL; a = a->next)
        count++;
    return count;
}

void attempt_win(struct conn *conn, struct side *side)
{
    if (side != &conn->server) {
        struct side won = *side;
        if (conn->server.fd >= 0)
            attempt_drop(conn, &conn->server);
        won.source = conn->server.source;
        conn->server = won;
        ready_hand_over(&conn->conns->ready, won.fd, &conn->server.source);
        side->fd = -1;
        attempt_drop(conn, side);
    }
    while (conn->connecting.more != NULL)
        attempt_drop(conn, &conn->connecting.more->side);
}
