#ifndef ROUTER_CONN_HELLO_H
#define ROUTER_CONN_HELLO_H

/* PEEKING: reads the ClientHello; routed, refused, or over. */

#include "router/conn/conn_state.h"

struct verdict hello_begin(struct conn *conn);
struct verdict hello_event(struct conn *conn, struct side *side, uint32_t events);
struct verdict hello_deadline(struct conn *conn);

#endif
