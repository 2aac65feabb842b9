#ifndef ROUTER_CONN_LOOP_H
#define ROUTER_CONN_LOOP_H

/* One connection and the loop guard: whether its client is this router itself. */

#include "router/conn/conn_state.h"

/*
 * PEEKING, once, when it is decided that the hello, which begins with these bytes, goes to a
 * backend. True: it has come from ourselves, and must not go on.
 */
bool loop_comes_back(struct conn *conn, const uint8_t *hello, size_t len);

/* CONNECTING: a socket of a connection under suspicion goes out. */
void loop_note_socket(struct conn *conn, int fd, const struct target *target);

#endif
