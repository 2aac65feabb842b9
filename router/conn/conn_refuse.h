#ifndef ROUTER_CONN_REFUSE_H
#define ROUTER_CONN_REFUSE_H

/* CLOSING, its beginning when a client is refused: says what the policy's action says. */

#include "router/conn/conn_state.h"

/* The reason is set. Over, or all was said and the client is to hang up. */
struct verdict refuse_begin(struct conn *conn, enum policy_action action);

#endif
