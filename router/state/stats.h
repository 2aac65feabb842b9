#ifndef ROUTER_STATS_H
#define ROUTER_STATS_H

/*
 * What is counted, where it is kept over reloads, and the one reader of it.
 *
 * Each listener, backend, server and route that is counted has a cell: its name and one row per
 * worker. A worker writes its own row and nothing else; control alone reads and sums. Cells are
 * found again by thing and name at each reload, so figures go on counting.
 *
 * Cells of listeners, backends and servers are there always. A route gets its cell from the first
 * worker that sends a connection through it: a million silent routes cost a pointer each. The
 * worker publishes the cell in the configuration's slot for the route and hands it to control.
 * Several cells of one name may arise so (two workers are told apart by the slot, two
 * configurations or two routes of one name are not): one of them is listed, the others are its
 * twins, and all are read as one.
 *
 * A cell is freed by control, in a sweep, when no configuration in use claims it and the sum of its
 * `active` is 0: connections that have begun in it pin it without any shared count. They must begin
 * while their worker holds a snapshot of a configuration with the cell. What a twin has counted
 * goes to the listed cell then.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

#include "router/state/claims.h"
#include "router/state/stats_table.h"

LIST_HEAD(stats_twins, stats_cell);

#define STATS_CELL_MAGIC 0x63656c6cu

struct stats_cell {
    /* never changes */
    struct claimable claimable; /* first; it is control's, but for its key */
    uint32_t magic;             /* STATS_CELL_MAGIC */
    enum stats_thing thing;
    uint32_t workers;
    const char *name; /* what the log calls it; of a server: its address */

    /* control's */
    struct stats_cell *twin_of; /* NULL: it is the listed one */
    struct stats_twins twins;
    LIST_ENTRY(stats_cell) in_twins;
    struct stats_sums past;       /* of twins that are gone */
    struct stats_cell *next_made; /* on its way to control */

    struct stats_row rows[]; /* one per worker; behind them the text of the key */
};

/* Where a configuration keeps the cell of a route; NULL: no connection has gone that way. */
typedef _Atomic(struct stats_cell *) stats_slot;

struct stats {
    uint32_t workers;
    struct worker_stats *of_workers; /* one each */
    struct claims cells[STATS_THINGS];
    stats_slot made; /* a stack: workers push, control empties it */
};

/* --- control --- */

/* False: no memory. Must not move in memory afterwards. */
bool stats_init(struct stats *stats, uint32_t workers);

/* Sweeps, asserts that no cell is left, frees. */
void stats_close(struct stats *stats);

/*
 * The cell of a thing, found or made, and claimed. The key is the name of a listener, backend or
 * route, without its NUL; of a server it is the backend's name, the address and the label, each
 * with its NUL. NULL: no memory.
 */
struct stats_cell *stats_claim(struct stats *stats, enum stats_thing thing, const char *key,
                               size_t len);

/* The same, but NULL when there is no such cell. */
struct stats_cell *stats_claim_known(struct stats *stats, enum stats_thing thing, const char *key,
                                     size_t len);
void stats_unclaim(struct stats *stats, struct stats_cell *cell);

/* Lists the cells that workers have made. Before slots are filled, and before they are freed. */
void stats_collect(struct stats *stats);

/* Collects, and frees the cells that are neither claimed nor in use. */
void stats_sweep(struct stats *stats);

/* How many cells are listed. */
size_t stats_count(const struct stats *stats, enum stats_thing thing);

/* Goes through the listed cells of a kind, in no order; NULL begins and ends. */
const struct stats_cell *stats_next(const struct stats *stats, enum stats_thing thing,
                                    const struct stats_cell *last);

/* What all workers have counted in a listed cell and its twins. */
struct stats_sums stats_read(const struct stats_cell *cell);

/* What all workers have counted of all that they did. */
struct worker_sums stats_read_workers(const struct stats *stats);

/* --- workers --- */

/*
 * The cell in a slot, made and published by the first who asks. NULL: no memory, and that the
 * connection is not counted there is all. The caller's snapshot must hold the slot.
 */
struct stats_cell *stats_slot_cell(struct stats *stats, stats_slot *slot, enum stats_thing thing,
                                   const char *name);

/* The worker's own row; NULL for the cell that could not be had, which the next three allow. */
static inline struct stats_row *stats_row(struct stats_cell *cell, uint32_t worker)
{
    if (cell == NULL)
        return NULL;
    assert(cell->magic == STATS_CELL_MAGIC && worker < cell->workers);
    return &cell->rows[worker];
}

/* A connection begins and ends to be counted there; between the two the cell is not freed. */
static inline void stats_enter(struct stats_row *row)
{
    if (row == NULL)
        return;
    stats_add(&row->connections, 1);
    stats_add(&row->active, 1);
}

static inline void stats_leave(struct stats_row *row)
{
    if (row == NULL)
        return;
    uint64_t active = stats_figure_read(&row->active);
    assert(active > 0);
    /* Released: the last that this connection does to the cell. Control reads it and frees. */
    atomic_store_explicit(&row->active, active - 1, memory_order_release);
}

static inline void stats_add_bytes(struct stats_row *row, uint64_t in, uint64_t out)
{
    if (row == NULL)
        return;
    stats_add(&row->bytes_in, in);
    stats_add(&row->bytes_out, out);
}

#endif
