#ifndef ROUTER_PASSAGE_H
#define ROUTER_PASSAGE_H

/*
 * What is known of one client's way: who came, what it asked for, what was decided, and how it
 * went. The access log, metrics, the PROXY header and an operator's list of connections are told
 * from it. Data, not text; small, since every idle connection has one. The connection owns it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "router/conn/decide.h"
#include "router/net/sockaddr.h"
#include "router/state/server.h"
#include "sni/hello.h"
#include "sni/looks.h"

/* A time that was not reached. */
#define PASSAGE_TIME_NONE UINT32_MAX

/* Bytes of the ALPN list that are kept; a list that is longer is cut between names. */
#define PASSAGE_ALPN_MAX 512

/*
 * The server and the cells that listener and route are counted in outlive configurations, so what
 * is known of a way needs no configuration any more once it was decided. All of this is the
 * worker's; `worker` is its index.
 */

/* Failed servers that are kept; those after them are counted in `retries` only. */
#define PASSAGE_FAILED_MAX 8

/* A server that was tried and has failed. */
struct passage_failed {
    struct server *server; /* held */
    uint8_t reason;        /* enum reason */
};

/* What only some have: the texts of a hello, and servers that have failed. One allocation. */
struct passage_names {
    uint8_t host_len;     /* 0: the hello named nobody */
    uint8_t failed_count; /* that many struct passage_failed stand behind the texts */
    uint16_t alpn_len;
    char bytes[]; /* the host with a NUL, then the ALPN list as on the wire (RFC 7301, 3.1) */
};

struct passage {
    /* who */
    struct peer peer;
    uint32_t listener;                 /* index in the configuration it was accepted under */
    struct stats_cell *listener_stats; /* entered; also its name */
    uint64_t number;                   /* of its worker's connections */
    uint64_t accepted_ms;              /* loop time */

    /* asked what */
    struct passage_names *names; /* owned; NULL with nothing to keep, or without memory */
    uint32_t hello_bytes;        /* on the wire; 0: no hello was read */
    uint16_t tls_version;        /* highest that was offered; 0: none that is known */
    bool ech : 1;                /* the name is the outer one */
    bool spoke : 1;              /* the client has sent at least one byte */

    /* decided what */
    uint8_t policy;   /* enum policy_case that named the backend; POLICY_CASES: none did */
    uint32_t route;   /* ROUTE_NONE: by policy, or nowhere */
    uint32_t backend; /* CONFIG_NONE: none */
    struct stats_cell *route_stats; /* entered; also its name; NULL: no route, or no memory */
    struct server *server;          /* entered: the one in use, or tried last; NULL: none was */

    /* how it went */
    uint8_t retries;              /* servers tried after the first */
    uint8_t looks;                /* enum looks of bytes that are no TLS; LOOKS_KINDS: they are */
    struct route_pattern pattern; /* of the route; none: that has a name, or there is no route */
    uint32_t hello_ms, connect_ms, first_byte_ms; /* PASSAGE_TIME_NONE until reached */
};

/* Of a client that was accepted just now; `listener_stats` is entered in this worker's row. */
void passage_start(struct passage *passage, const struct peer *peer, uint32_t listener,
                   struct stats_cell *listener_stats, uint32_t worker);

/* Keeps what a whole hello says. Without memory the texts are missing: no reason to refuse. */
void passage_keep_hello(struct passage *passage, const struct client_hello *hello, uint64_t now_ms);

/* Keeps what was decided; `route_stats` (NULL: no route, or no memory for it) is entered. */
void passage_keep_decision(struct passage *passage, const struct decision *decision,
                           struct stats_cell *route_stats, uint32_t worker);

/* Turns to a server: leaves the one before, if any, and enters this one. */
void passage_use_server(struct passage *passage, struct server *server);

/* The server has accepted, so long after the first attempt: it counts the connection from now on.
 */
void passage_connected(struct passage *passage, uint32_t connect_ms, uint32_t worker);

/* Bytes that were carried: counted for the listener, the route, the backend and the server. */
void passage_add_bytes(struct passage *passage, uint64_t in, uint64_t out, uint32_t worker);

/* Keeps that a server was tried and has failed: the one in use. Without memory it is not told. */
void passage_keep_failed(struct passage *passage, enum reason reason);

/* The servers that have failed, in the order in which they were tried; NULL and 0: none. */
const struct passage_failed *passage_failed(const struct passage *passage, uint32_t *count);

/*
 * What the log calls the route: its name if the file gives it one, else the pattern that has
 * matched, which `text` holds then. NULL: there is no route.
 */
const char *passage_route(const struct passage *passage, char text[ROUTE_PATTERN_TEXT_MAX]);

/* The name that was asked for, NUL-terminated; NULL: none. */
const char *passage_host(const struct passage *passage);

/*
 * The offered protocols one after the other: `at` begins at 0 and belongs to this function. Points
 * `*name` to `*len` arbitrary bytes. False: there are no more.
 */
bool passage_alpn_next(const struct passage *passage, size_t *at, const uint8_t **name,
                       uint8_t *len);

/* Leaves all that it has entered, and frees what it owns. */
void passage_end(struct passage *passage, uint32_t worker);

#endif
