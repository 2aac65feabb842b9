#ifndef ROUTER_CONN_LINGER_H
#define ROUTER_CONN_LINGER_H

/* CLOSING, while a side may still take what was sent to it; then over. */

#include "router/conn/conn_state.h"

/* The client has so long to hang up; 0 = only what is there now is read. The server is closed. */
struct verdict linger_hang_up(struct conn *conn, uint32_t most_ms);

/* One side was closed; the other takes what was sent to it. */
struct verdict linger_deliver(struct conn *conn);

struct verdict linger_event(struct conn *conn, struct side *side, uint32_t events);
struct verdict linger_deadline(struct conn *conn);

#endif
