#ifndef ROUTER_CONN_H
#define ROUTER_CONN_H

/*
 * One connection, from accept to its line in the log, as its worker sees it. What it is and which
 * states it goes through: conn_state.h. The worker's thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "router/conn/conn_state.h"
#include "router/conn/conns.h"
#include "router/log/reason.h"

/*
 * Takes over a freshly accepted, non-blocking socket. `view` is what the connection goes by, and
 * `listener` the index of the listener in its configuration.
 */
void conn_accept(struct conns *conns, struct view *view, uint32_t listener, int fd,
                 const struct sockaddr *from);

/* Ends every connection now, for this reason. */
void conn_end_all(struct conns *conns, enum reason reason);

/*
 * From now on whoever relays and is silent for so long ends, if its own timeouts do not end it
 * before. 0: no change.
 */
void conn_bound_silence(struct conns *conns, uint64_t most_ms);

/* Whether the table has a row for this verdict in this state: else it cannot come there. */
bool conn_has_row(enum conn_state state, enum verdict_kind kind);

#endif
