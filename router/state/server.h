#ifndef ROUTER_SERVER_H
#define ROUTER_SERVER_H

/*
 * A server of a backend as the process knows it: what must survive reloads. Configurations come
 * and go, it stays as long as one of them names the server or a connection uses it.
 *
 * Who touches what: the key and the texts never change; `claimable`, `fresh`, `was_used` and
 * `known` are control's; a seat is its worker's; the rest is atomic.
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "router/state/addresses.h"
#include "router/state/claims.h"
#include "router/state/hosts.h"
#include "router/state/stats.h"
#include "router/state/trouble.h"

enum server_health {
    SERVER_USABLE, /* until something says otherwise */
    SERVER_DOWN    /* the balance passes it over */
};

/* What one worker keeps of a server, in a cache line of its own. */
struct server_seat {
    alignas(64) int64_t credit; /* of the balance, so that turns go on over reloads */
    uint64_t full_ms;           /* the worker's loop time when its queue was last found full */
    int error;                  /* errno of the last attempt that failed; 0: it had none */
};

#define SERVER_MAGIC 0x73727672u

struct server {
    struct claimable claimable;         /* first; its key is what the three texts are made of */
    const char *backend, *text, *label; /* the backend's name, the address, the name or address */
    struct stats_cell *stats;           /* its own figures; claimed */
    struct stats_cell *backend_stats;   /* its backend's; claimed */
    uint32_t magic;                     /* SERVER_MAGIC */
    uint32_t workers;                   /* how many seats there are */
    bool fresh;                         /* no snapshot has held it yet */
    bool was_used;                      /* a configuration with it was published */
    struct addresses *known;            /* the last answer for its name; held. NULL: none so far */
    struct host *host;                  /* of its name; claimed. NULL: its address is no name */

    /* any thread */
    alignas(64) atomic_int health;      /* enum server_health; nothing sets it yet */
    atomic_uint_fast64_t cool_until_ms; /* not to be tried before then; nothing sets it yet */
    atomic_uint active;     /* connections of all workers that use it, for the balance */
    struct trouble trouble; /* whether it fails, and what was told of that */
    atomic_uint held;       /* connections that only remember it: it has failed them */

    struct server_seat seats[];
};

/*
 * A server without claims, with all seats at zero. `key` is the backend's name, the address and the
 * label, each with its NUL; it is taken over, also on failure. NULL: no memory. Control.
 */
struct server *server_new(char *key, size_t key_len, uint32_t workers);
void server_free(struct server *server); /* control; asserts that nobody uses it */

/* The server that a set of claims has found; asserts that it is one. NULL stays NULL. Control. */
struct server *server_of(struct claimable *thing);

/*
 * What the error log calls the server: "10.0.0.5:443 (shop)", by its address and its backend; with
 * a name of its own "large at 10.0.0.5:443 (shop)". A backend that is called by the server's
 * address, since it has no other name, is not told. Cut where it is too long. Any thread.
 */
#define SERVER_TITLE_MAX 640
const char *server_title(const struct server *server, char out[SERVER_TITLE_MAX]);

/*
 * The name of the server stands for these addresses, which the snapshots to come begin with, also
 * those of servers to come that have the same name; takes a hold of its own. Control.
 */
void server_know(struct server *server, struct addresses *addresses);

/* Whether the server takes new connections. Any thread. */
static inline bool server_is_usable(const struct server *server)
{
    return atomic_load_explicit(&server->health, memory_order_relaxed) == SERVER_USABLE;
}

/*
 * A connection begins and ends to use the server, be it that it tries to reach it. It must begin
 * while its worker holds a snapshot with the server, and may end later: between the two neither the
 * server nor its figures and its backend's are freed. Workers.
 */
void server_enter(struct server *server);
void server_leave(struct server *server); /* touches it for the last time */

/*
 * A connection remembers the server beyond server_leave(), to name it in the log: it is not freed
 * before all have let it go. Held while it is entered. Workers.
 */
void server_hold(struct server *server);
void server_let_go(struct server *server); /* touches it for the last time */

/*
 * A connection has reached the server, has carried bytes, has ended: counted in the figures of the
 * server and of its backend. Between server_enter() and server_leave(), on that worker's thread.
 */
void server_stats_enter(struct server *server, uint32_t worker);
void server_stats_leave(struct server *server, uint32_t worker);

static inline void server_stats_add_bytes(struct server *server, uint32_t worker, uint64_t in,
                                          uint64_t out)
{
    stats_add_bytes(stats_row(server->stats, worker), in, out);
    stats_add_bytes(stats_row(server->backend_stats, worker), in, out);
}

#endif
