#ifndef ROUTER_CONN_RELAY_H
#define ROUTER_CONN_RELAY_H

/* RELAYING: two pumps carry bytes until both have ended; over, or one side is to be delivered to.
 */

#include "router/conn/conn_state.h"

struct verdict relay_begin(struct conn *conn);
struct verdict relay_event(struct conn *conn, struct side *side, uint32_t events);
struct verdict relay_deadline(struct conn *conn);
struct verdict relay_turn(struct conn *conn);

/* The bound on silence (conns->silence_ms) holds from now on: its deadline may come sooner. */
void relay_bound_silence(struct conn *conn);

#endif
