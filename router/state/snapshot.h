#ifndef ROUTER_SNAPSHOT_H
#define ROUTER_SNAPSHOT_H

/*
 * What workers route by: a configuration in use and the addresses its servers have. A changed
 * answer of the name servers is another snapshot of the same configuration. Read-only once posted,
 * but for the count of its users and the slots of routes (struct config_use).
 *
 * Control makes it, counts up on a worker's behalf before posting it, and alone frees it. Workers
 * only count down.
 *
 * Who is freed when, always by the control thread:
 *   snapshot      when it is not the newest and no worker uses it; a worker uses it while it is
 *                 the worker's newest, or while a connection of its is PEEKING or CONNECTING by it
 *   address list  with the last snapshot that holds it; only a connection that is CONNECTING looks
 *                 into it, and such a connection keeps the snapshot
 *   config        with the last snapshot of it, or when the look-up of its names ends if that is
 *                 later (struct config_use)
 *   server        in the first sweep after the last configuration that names the server was freed
 *                 and the last connection has left it (servers.h)
 *   figures       the same for listeners, backends, servers and routes (stats.h)
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "router/state/addresses.h"
#include "router/state/balance.h"
#include "router/state/config_use.h"

/* What is to be minded of a server's addresses; bit n stands for the list's address n. */
struct hazard {
    uint64_t ours;     /* one of our own listeners: a connection to it would come back */
    uint64_t self;     /* this host, a port that it hands out: a socket may connect to itself */
    uint32_t listener; /* `ours`: the first such listener, an index in the configuration */
};

#define SNAPSHOT_MAGIC 0x736e6170u

struct snapshot {
    uint32_t magic;              /* SNAPSHOT_MAGIC */
    uint32_t generation;         /* of the configuration; 1 for the first of the process */
    const struct config *config; /* of `use` */
    struct config_use *use;
    struct addresses **addresses; /* per server, see config_use_index(); NULL: none is known */
    struct hazard *hazards;       /* per server; NULL: none of any server */
    bool *hopeless;               /* per server: no address that may be connected to */
    atomic_uint refs;
    struct snapshot *next; /* control's list of snapshots that are not freed yet */
};

/*
 * Takes `config` over, also on failure, when NULL is returned: no memory. Addresses given as
 * numbers or paths are known; those of names are the last answer, if there was one, until others
 * are set. Control.
 */
struct snapshot *snapshot_new(struct config *config, uint32_t generation, struct servers *servers);

/*
 * The same without the figures that its routes have had before: config_use_claim_more() before it
 * is posted. Control.
 */
struct snapshot *snapshot_begin(struct config *config, uint32_t generation,
                                struct servers *servers);

/* Another snapshot of the same configuration, with the same addresses. NULL: no memory. Control. */
struct snapshot *snapshot_again(const struct snapshot *snapshot);

/*
 * Sets what a server's name stands for (NULL: nothing is known) in a snapshot that was not posted
 * yet. Takes the caller's hold on the list over. Control.
 */
void snapshot_set_addresses(struct snapshot *snapshot, uint32_t index, struct addresses *addresses);

/* The addresses of a server, NULL: none is known; the snapshot keeps them. Any thread. */
const struct addresses *snapshot_addresses(const struct snapshot *snapshot, uint32_t backend,
                                           uint32_t server);

/*
 * Notes that there is no address of the server that may be connected to, in a snapshot that was not
 * posted yet. Servers without any address are noted as such in any case. Control.
 */
void snapshot_note_hopeless(struct snapshot *snapshot, uint32_t index);

/* What is to be minded of these addresses; the snapshot keeps it. Any thread. */
const struct hazard *snapshot_hazard(const struct snapshot *snapshot, uint32_t backend,
                                     uint32_t server);

/*
 * Where to note what is to be minded of a server's addresses, in a snapshot that was not posted
 * yet; zeroed at first. NULL: no memory. Control.
 */
struct hazard *snapshot_note_hazard(struct snapshot *snapshot, uint32_t index);

/* The server; it outlives the snapshot while the caller has entered it. Any thread. */
struct server *snapshot_server(const struct snapshot *snapshot, uint32_t backend, uint32_t server);

/*
 * Where to count what concerns a listener, a backend, a route; those of a server are its own. They
 * outlive the snapshot while the caller has entered them (stats_enter()). NULL for a route: no
 * memory. Any thread.
 */
struct stats_cell *snapshot_listener_stats(const struct snapshot *snapshot, uint32_t listener);
struct stats_cell *snapshot_backend_stats(const struct snapshot *snapshot, uint32_t backend);
struct stats_cell *snapshot_route_stats(const struct snapshot *snapshot, uint32_t route);

/*
 * balance_pick() and balance_left() among the servers of a backend. Those that are hopeless are
 * left for the end, when they can say why there was no server. That worker's thread.
 */
uint32_t snapshot_pick(const struct snapshot *snapshot, uint32_t backend, uint32_t worker,
                       const struct tried *tried);
uint32_t snapshot_left(const struct snapshot *snapshot, uint32_t backend,
                       const struct tried *tried);

void snapshot_ref(struct snapshot *snapshot);   /* control only */
bool snapshot_unref(struct snapshot *snapshot); /* any thread; true: that was the last */

/*
 * Asserts that nobody uses it. True: the configuration was freed with it. NULL is allowed. Control.
 */
bool snapshot_free(struct snapshot *snapshot);

#endif
