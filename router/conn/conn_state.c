#include "router/conn/conn_state.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool conn_put_off(struct conn *conn)
{
    if (conn->excused || !conns_was_stopped(conn->conns, conn->deadline_ms))
        return false;
    conn_wait_for(conn, CONNS_AFTER_STOP_MS);
    conn->excused = true;
    return true;
}

const struct timeouts *conn_timeouts(const struct conn *conn)
{
    const struct config *config = conn_config(conn);
    uint32_t route = conn->passage.route;

    assert(route == ROUTE_NONE || route < config->route_count);
    if (route == ROUTE_NONE || config->routes[route].timeouts == NULL)
        return &config->timeouts;
    return config->routes[route].timeouts;
}

void conn_unpin(struct conn *conn)
{
    if (conn->view != NULL)
        conns_unpin(conn->conns, conn->view);
    conn->view = NULL;
}

enum reason conn_watch_client(struct conn *conn)
{
    int error = 0;

    if (!conn->watched)
        error = -ready_add(&conn->conns->ready, conn->client.fd, &conn->client.source);
    if (error == 0) {
        conn->watched = true;
        return REASON_NONE;
    }
    conns_warn(conn->conns, CONNS_WATCH_TROUBLE, "worker %u: cannot watch a client's socket: %s",
               conn->conns->worker, strerror(error));
    /* fs.epoll.max_user_watches is the former */
    return error == ENOSPC || error == ENOMEM ? REASON_RESOURCE : REASON_INTERNAL;
}

struct verdict conn_mistake(struct conn *conn, int error)
{
    conns_warn(conn->conns, CONNS_MISTAKE,
               "worker %u: a connection is cut: its socket fails for no reason of its own: %s",
               conn->conns->worker, strerror(error));
    return verdict_end(REASON_INTERNAL);
}

void conn_close_side(struct side *side)
{
    if (side->fd >= 0)
        close(side->fd);
    side->fd = -1;
}
