#ifndef ROUTER_CONN_PARTS_H
#define ROUTER_CONN_PARTS_H

/* What the conn_*.c files need of each other. Nobody else includes this. */

#include "config/config.h"
#include "router/conn/conn.h"
#include "router/log/access_log.h"
#include "router/worker/worker.h"

/* --- conn.c --- */

/* Moves on; asserts that the move is in the table. */
void conn_move(struct conn *conn, enum conn_state to);

/* Calls back no later than `delay_ms` from now for the state it is in then. */
void conn_arm(struct conn *conn, uint64_t delay_ms);

/* Adds the client's socket to the ready set, once. False: closed for want of resources. */
bool conn_watch_client(struct conn *conn);

/* Lets any number of bytes wake the client's socket again. */
void conn_reset_lowat(struct conn *conn);

/* The timeouts of its route, or the global ones. */
const struct timeouts *conn_timeouts(const struct conn *conn);

static inline const struct config *conn_config(const struct conn *conn)
{
    return conn->view->snapshot->config;
}

static inline uint64_t conn_now(const struct conn *conn)
{
    return uv_now(&conn->worker->loop);
}

/* --- conn_hello.c --- */

void conn_read_hello(struct conn *conn);    /* in PEEKING: looks at what has arrived */
void conn_hello_timeout(struct conn *conn); /* in PEEKING: the deadline has passed */

/* --- conn_connect.c --- */

void conn_connect(struct conn *conn);        /* PEEKING -> CONNECTING; `backend` is set */
void conn_connect_failed(struct conn *conn); /* the server's socket has an error */
void conn_connect_timer(struct conn *conn);  /* the attempt is over, or to be taken up again */

/* --- conn_relay.c --- */

void conn_relay_start(struct conn *conn); /* CONNECTING -> RELAYING */
void conn_relay(struct conn *conn);       /* carries what can be carried */
void conn_relay_event(struct conn *conn, struct side *side, uint32_t events);
void conn_relay_timer(struct conn *conn);

/* --- conn_refuse.c --- */

/* Does what the policy says; a policy that names a backend connects to it. */
void conn_apply_policy(struct conn *conn, enum policy_case which, enum reason reason);
/* Does what the action says, which is not POLICY_BACKEND. */
void conn_refuse(struct conn *conn, enum policy_action action, enum reason reason);

/* --- conn_linger.c --- */

/* To CLOSING: reads the client to its end, for so long at most; 0 = only what is there now. */
void conn_linger_until_end(struct conn *conn, enum reason reason, uint64_t most_ms);

/*
 * To CLOSING: `gone` is closed; when the other side has taken what was sent to it, it is closed, or
 * reset when the reason is another than REASON_CLOSED.
 */
void conn_linger_until_taken(struct conn *conn, struct side *gone, enum reason reason);

void conn_linger_event(struct conn *conn, uint32_t events);
void conn_linger_timer(struct conn *conn);

#endif
