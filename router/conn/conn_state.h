#ifndef ROUTER_CONN_STATE_H
#define ROUTER_CONN_STATE_H

/*
 * One connection as its phases see it, and the few things that every phase does with it.
 *
 *     PEEKING --name known, server picked--> CONNECTING --connected--> RELAYING
 *        |                                    |    ^ next server          |
 *        |                                    |    '- failed              | both ended, reset, idle
 *        '---- timeout, refused ---> CLOSING <'                           |
 *                                       ^---------------------------------'
 *
 * A state is what the connection waits for:
 *   PEEKING     the whole ClientHello. It stays in the kernel, unless it comes in pieces: those are
 *               taken, and kept in `up` until a server gets them.
 *   CONNECTING  a server of the backend. No server has got a byte of the client's yet.
 *   RELAYING    readiness of either socket; two pumps carry the bytes.
 *   CLOSING     a peer that has not taken yet what was sent to it (enum linger_kind); then libuv's
 *               close callback, which logs and frees.
 *
 * Each state is carried out by a phase of its own: conn_hello.c, conn_connect.c, conn_relay.c, and
 * for CLOSING conn_refuse.c (what is said to the client) and conn_linger.c. A phase returns a
 * verdict; conn.c acts on it. Only conn.c moves between states, sets the reason and arms the timer.
 *
 * All of it belongs to one worker's thread. One allocation per connection, plus a small one for the
 * texts of its hello.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "router/conn/conns.h"
#include "router/conn/passage.h"
#include "router/conn/verdict.h"
#include "router/net/pump.h"

enum conn_state { CONN_PEEKING, CONN_CONNECTING, CONN_RELAYING, CONN_CLOSING, CONN_STATES };

/* PEEKING: what is missing. What has come in pieces is the preface of `up`. */
struct hello_wait {
    uint32_t need; /* so many bytes in all before the parser is asked again; 0 = none was taken */
};

/* CONNECTING: the search for a server. Times are milliseconds since the accept. */
struct connecting {
    struct tried tried;     /* servers of the backend, the current one included */
    struct attempt *more;   /* attempts beside the one whose socket is `server`; owned */
    uint32_t began_ms;      /* the budget runs from here */
    uint32_t until_ms;      /* end of the share of the budget that the current server has */
    uint32_t server;        /* index in the backend: the one being tried */
    uint8_t next_address;   /* of its addresses: the one to be tried next */
    uint8_t knocks;         /* at its full queue, so far: `server` is to be connected once more */
    uint8_t server_failure; /* enum reason: how it has failed so far; REASON_NONE: not at all */
    uint8_t failure;        /* ... those before it; REASON_NO_SERVER: in different ways */
};

/* RELAYING: the timeouts. */
struct relay {
    uint64_t active_ms;     /* loop time when bytes last moved */
    uint64_t idle_ms;       /* 0 = off */
    uint64_t half_close_ms; /* 0 = as idle_ms */
    uint32_t debt_bytes;    /* what the last turn carried beyond its budget */
    bool kept_alive;        /* keepalive is on towards the server */
};

/* CLOSING: what it still waits for. */
enum linger_kind {
    LINGER_OVER,    /* nothing: both sides are closed */
    LINGER_HANG_UP, /* the client hangs up, or says too much */
    LINGER_DELIVER  /* the side that is left acknowledges what was sent to it */
};

struct lingering {
    uint8_t kind;           /* enum linger_kind */
    uint32_t dropped_bytes; /* HANG_UP: read and thrown away so far */
    uint32_t untaken_bytes; /* DELIVER: not acknowledged at the last look */
    uint64_t until_ms;      /* DELIVER: loop time at which our patience ends */
};

#define CONN_NO_DEADLINE UINT64_MAX
/* What `magic` is while the connection lives. */
#define CONN_MAGIC 0x636f6e6eu

struct conn {
    /* whose it is */
    struct conns *conns;
    TAILQ_ENTRY(conn) link; /* in conns->list */
    struct view *view;      /* PEEKING, CONNECTING: what it was accepted under, pinned; then NULL */

    /* conn.c's own */
    uint32_t magic;       /* CONN_MAGIC: whatever a callback is given, is a connection */
    uint8_t state;        /* enum conn_state */
    uint8_t reason;       /* enum reason; REASON_NONE until it has ended */
    bool watched : 1;     /* the client's socket is in the ready set */
    bool excused : 1;     /* the deadline was late and has been put off, once */
    bool suspect : 1;     /* its sockets towards servers are noted: see loop_guard.h */
    uv_timer_t timer;     /* one for all deadlines; fires early and is armed again */
    uint64_t deadline_ms; /* loop time; phases set it with conn_wait_*() */

    /* the two sides */
    struct side client;
    struct side server;
    struct pump up;   /* client to server */
    struct pump down; /* server to client */
    struct turn turn; /* in the worker's run queue */

    /* what the state needs */
    union {
        struct hello_wait hello;      /* PEEKING */
        struct connecting connecting; /* CONNECTING */
        struct relay relay;           /* RELAYING */
        struct lingering linger;      /* CLOSING */
    };

    struct passage passage;
};

/* The configuration it was accepted under. PEEKING and CONNECTING. */
static inline const struct config *conn_config(const struct conn *conn)
{
    return conn->view->snapshot->config;
}

static inline uint64_t conn_now(const struct conn *conn)
{
    return uv_now(conn->conns->loop);
}

/* The state's deadline: its on_deadline comes then. */
static inline void conn_wait_until(struct conn *conn, uint64_t deadline_ms)
{
    conn->deadline_ms = deadline_ms;
    conn->excused = false;
}

static inline void conn_wait_for(struct conn *conn, uint64_t delay_ms)
{
    conn_wait_until(conn, conn_now(conn) + delay_ms);
}

/*
 * Asked by a phase before it carries a timeout out. True: the deadline comes so late that the
 * process must have been stopped, and is put off, once, for what is still on its way.
 */
bool conn_put_off(struct conn *conn);

/* The timeouts of its route, or the global ones; they live as long as its view is pinned. */
const struct timeouts *conn_timeouts(const struct conn *conn);

/* Lets go of what it was accepted under, once; nothing of the configuration is used afterwards. */
void conn_unpin(struct conn *conn);

/* Adds the client's socket to the ready set, once. REASON_NONE, or why it cannot; that was said. */
enum reason conn_watch_client(struct conn *conn);

/* A call has failed for no reason of either side: says so. The connection ends, `internal`. */
struct verdict conn_mistake(struct conn *conn, int error);

/* Closes a side's socket, if it is open: the one place that does. */
void conn_close_side(struct side *side);

/* The phase of the state is told of events on one of its sides, and what it says is done. */
void conn_side_events(struct conn *conn, struct side *side, uint32_t events);

#endif
