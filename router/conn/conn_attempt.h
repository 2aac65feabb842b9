#ifndef ROUTER_CONN_ATTEMPT_H
#define ROUTER_CONN_ATTEMPT_H

/*
 * Attempts to connect, several at once if need be; which targets, and when, is for the caller to
 * say (conn_connect.h). CONNECTING only.
 *
 * An attempt is a side with a socket of its own. The first one is the connection's own side
 * `server`, so that a server that answers costs no allocation; those beside it are allocated.
 */

#include "router/conn/conn_state.h"

/* An attempt beside the first. */
#define ATTEMPT_MAGIC 0x61747470u

struct attempt {
    struct side side;
    uint32_t magic; /* ATTEMPT_MAGIC */
    struct conn *conn;
    struct attempt *next; /* of its connection */
};

enum attempt_state {
    ATTEMPT_UNDER_WAY,
    ATTEMPT_CONNECTED, /* `side` */
    ATTEMPT_FULL,      /* a unix socket's queue is full: the socket is kept for attempt_knock() */
    ATTEMPT_FAILED     /* `error`; it is gone */
};

struct attempt_outcome {
    enum attempt_state state;
    int error; /* errno */
    struct side *side;
};

/*
 * Whether another attempt can be started beside those that there are; else one of those has to give
 * its place up: attempt_drop(&conn->server), which has waited longest.
 */
bool attempt_has_room(const struct conn *conn);

/* Starts an attempt. */
struct attempt_outcome attempt_start(struct conn *conn, const struct target *target);

/* Goes on with the one that said ATTEMPT_FULL. */
struct attempt_outcome attempt_knock(struct conn *conn, const struct target *target);

/* What events on the side of an attempt mean. */
struct attempt_outcome attempt_events(struct conn *conn, struct side *side, uint32_t events);

/* How many there are. */
uint32_t attempt_count(const struct conn *conn);

/* Closes one; the side is not to be used any more. */
void attempt_drop(struct conn *conn, struct side *side);

/* Closes all. */
void attempt_drop_all(struct conn *conn);

/* This one is it: its socket becomes that of `server`, and the others are closed. */
void attempt_win(struct conn *conn, struct side *side);

#endif
