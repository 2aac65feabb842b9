#include "router/conn/conn_state.h"

#include <assert.h>
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

bool conn_watch_client(struct conn *conn)
{
    if (!conn->watched &&
        ready_add(&conn->conns->ready, conn->client.fd, &conn->client.source) != 0)
        return false;
    conn->watched = true;
    return true;
}

void conn_close_side(struct side *side)
{
    if (side->fd >= 0)
        close(side->fd);
    side->fd = -1;
}
