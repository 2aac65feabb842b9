#ifndef ROUTER_CONN_FAILURE_H
#define ROUTER_CONN_FAILURE_H

/*
 * Attempts at the server in use that have failed, and servers of which all have: what the reason,
 * the figures and the logs will say of it. CONNECTING only; what is tried next is not decided here
 * (conn_connect.h).
 */

#include "router/conn/conn_state.h"

/* An attempt has failed for this reason, with this errno if it had one (else 0). */
void failure_note(struct conn *conn, enum reason reason, int error);

/* An attempt has failed with this errno, which gives the reason. */
void failure_note_error(struct conn *conn, int error);

/* The address is that of one of our own listeners, which is no server. */
void failure_note_loop(struct conn *conn, uint32_t listener);

/* The whole server has failed: at least one attempt at it was noted. */
void failure_end_server(struct conn *conn);

#endif
