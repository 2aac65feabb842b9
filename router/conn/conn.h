#ifndef ROUTER_CONN_H
#define ROUTER_CONN_H

/*
 * One connection, from accept to its line in the log.
 *
 *     PEEKING --name known, server picked--> CONNECTING --connected--> RELAYING
 *        |                                    |    ^ next server          |
 *        |                                    |    '- failed              | both ended, reset, idle
 *        '---- timeout, refused ---> CLOSING <'                           |
 *                                       ^---------------------------------'
 *
 * A state is what the connection waits for:
 *   PEEKING     the whole ClientHello. It stays in the kernel; nothing is stored here.
 *   CONNECTING  a server of the backend. Not a byte of the client's has left the kernel yet.
 *   RELAYING    readiness of either socket; two pumps carry the bytes.
 *   CLOSING     a side that may still take what was sent to it (enum conn_linger); then libuv's
 * close callback, which logs and frees.
 *
 * Who does what: conn.c is the life (accept, moves, the timer, the close door), conn_hello.c peeks
 * and routes, conn_connect.c reaches a server, conn_relay.c drives the pumps and passes ends on,
 * conn_refuse.c carries out policies, conn_linger.c lets a side take what was sent.
 *
 * All of it belongs to one worker's thread. One allocation per connection, plus a small one for the
 * texts of its log line.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "router/log/reason.h"
#include "router/net/net.h"
#include "router/net/pump.h"
#include "router/state/balance.h"

struct worker;
struct view;

/* What a connection that is CLOSING still waits for. */
enum conn_linger {
    LINGER_NOT,
    LINGER_UNTIL_END,  /* the client hangs up */
    LINGER_UNTIL_TAKEN /* a side acknowledges what was sent to it */
};

enum conn_state { CONN_PEEKING, CONN_CONNECTING, CONN_RELAYING, CONN_CLOSING };

struct conn {
    /* whose it is */
    struct worker *worker;
    struct view *view; /* the configuration it was accepted under: it stays with it */
    TAILQ_ENTRY(conn) in_worker;
    TAILQ_ENTRY(conn) in_queue; /* the worker's run queue, while `queued` */

    /* the two sides */
    struct side client;
    struct side server;
    struct pump up;   /* client to server */
    struct pump down; /* server to client */

    /* what it waits for */
    uint8_t state;    /* enum conn_state */
    uint8_t reason;   /* enum reason; REASON_NONE until it has ended */
    uint8_t linger;   /* enum conn_linger */
    bool watched : 1; /* the client's socket is in the ready set */
    bool queued : 1;
    bool lowat : 1;      /* SO_RCVLOWAT was raised on the client's socket */
    bool spoke : 1;      /* the client has sent at least one byte */
    bool kept_alive : 1; /* keepalive is on towards the server */
    bool ech : 1;
    bool failures_differ : 1; /* the attempts to connect failed for different reasons */
    uv_timer_t timer;         /* one for all deadlines; fires early and re-arms itself */
    uint64_t deadline_ms;     /* loop time */

    /* where it goes */
    uint32_t listener; /* index in the view's configuration; CONFIG_NONE: it is gone */
    uint32_t route;    /* ROUTE_NONE: by policy, or nowhere */
    uint32_t backend;
    uint32_t server_index; /* the one in use or being tried; CONFIG_NONE: none yet */
    uint32_t address;      /* of the server's addresses: the one in use or being tried */
    struct tried tried;    /* servers of the backend, `server_index` included */
    uint16_t retries;
    uint8_t connect_failure; /* enum reason of the last failed attempt, or REASON_NONE */
    uint8_t policy;          /* enum policy_case that named the backend; POLICY_CASES: none */

    /* for the log */
    uint16_t tls_version;
    struct peer peer;
    uint32_t hello_bytes;
    uint32_t hello_ms, connect_ms, first_byte_ms; /* ACCESS_TIME_NONE until reached */
    uint32_t lingered_bytes;                      /* thrown away while lingering */
    uint64_t number;                              /* of this worker's connections */
    uint64_t accepted_ms;                         /* loop time, as all times here */
    uint64_t connect_started_ms;
    uint64_t connect_until_ms; /* end of the budget for all attempts */
    uint64_t attempt_until_ms; /* end of the share of it that the current server has */
    uint64_t linger_until_ms;  /* LINGER_UNTIL_TAKEN: the end of our patience */
    uint32_t untaken;          /* what the side had not acknowledged at the last look */
    uint64_t active_ms;        /* when bytes last moved */
    char *texts;               /* "sni\0alpn\0", owned; NULL without an access log or name */
};

/* Takes over a freshly accepted, non-blocking socket. */
void conn_accept(struct worker *worker, uint32_t listener, int fd, const struct sockaddr *from);

/* What the ready set calls; `source` is a struct side. */
void conn_on_event(void *source, uint32_t events);

/* A turn from the run queue. */
void conn_on_turn(struct conn *conn);

/*
 * The one close door: ends the connection for this reason. Idempotent, callable from any callback,
 * frees nothing; the first reason stays. Sockets close at once, memory goes in the close phase.
 */
void conn_close(struct conn *conn, enum reason reason);

#endif
