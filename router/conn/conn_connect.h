#ifndef ROUTER_CONN_CONNECT_H
#define ROUTER_CONN_CONNECT_H

/* CONNECTING: reaches a server of the backend in the passage; connected, refused, or over. */

#include "router/conn/conn_state.h"

struct verdict connect_begin(struct conn *conn);
struct verdict connect_event(struct conn *conn, struct side *side, uint32_t events);
struct verdict connect_deadline(struct conn *conn);
void connect_leave(struct conn *conn); /* the state is left, for whatever reason */

#endif
