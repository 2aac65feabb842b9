#include "router/conn/conn_failure.h"

#include <assert.h>
#include <string.h>

#include "router/conn/conn_trouble.h"
#include "router/net/connect_error.h"

/*
 * Of several reasons the server gives that of the last, but having no way to one of its addresses
 * says less than what another has answered.
 */
void failure_note(struct conn *conn, enum reason reason, int error)
{
    uint8_t *failure = &conn->connecting.server_failure;
    struct server *server = conn->passage.server;

    assert(conn->state == CONN_CONNECTING && reason != REASON_NONE);
    stats_add(&stats_row(server->stats, conn->conns->worker)->connect_failures, 1);
    if (*failure == REASON_NONE || (reason != REASON_UNREACHABLE && reason != REASON_LOOP)) {
        *failure = (uint8_t)reason;
        server->seats[conn->conns->worker].error = error;
    }
}

void failure_note_error(struct conn *conn, int error)
{
    const struct connect_error *known = connect_error_find(error);
    char title[SERVER_TITLE_MAX];

    failure_note(conn, known->reason, error);
    if (known->blame != BLAME_SERVER)
        conns_warn(conn->conns, CONNS_CONNECT_TROUBLE, "server %s: cannot connect: %s (%s)",
                   server_title(conn->passage.server, title), strerror(error), known->meaning);
}

void failure_note_loop(struct conn *conn, uint32_t listener)
{
    const struct config *config = conn_config(conn);
    char title[SERVER_TITLE_MAX];

    assert(listener < config->listener_count);
    failure_note(conn, REASON_LOOP, 0);
    conns_warn(conn->conns, CONNS_LOOP,
               "server %s: a loop: it leads back to our own listener %s; not connected",
               server_title(conn->passage.server, title), config->listeners[listener].name);
}

void failure_end_server(struct conn *conn)
{
    struct connecting *connecting = &conn->connecting;

    assert(connecting->server_failure != REASON_NONE);
    passage_keep_failed(&conn->passage, (enum reason)connecting->server_failure);
    conn_server_failed(conn, (enum reason)connecting->server_failure);
    if (connecting->failure == REASON_NONE)
        connecting->failure = connecting->server_failure;
    else if (connecting->failure != connecting->server_failure)
        connecting->failure = REASON_NO_SERVER;
}
