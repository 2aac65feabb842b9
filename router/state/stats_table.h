#ifndef ROUTER_STATS_TABLE_H
#define ROUTER_STATS_TABLE_H

/*
 * Everything that is counted: one line per figure. The rows that workers write, the sums that are
 * read, and what a page of metrics says of them are made from these two tables.
 *
 * A figure has one writer; anybody may read it at any time (relaxed: each figure is right, two
 * figures need not be of the same instant).
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/log/reason.h"

/* The things that have figures of their own. */
enum stats_thing { STATS_LISTENER, STATS_BACKEND, STATS_SERVER, STATS_ROUTE, STATS_THINGS };

#define STATS_OF_ALL                                                                               \
    (1u << STATS_LISTENER | 1u << STATS_BACKEND | STATS_OF_SERVERS | 1u << STATS_ROUTE)
#define STATS_OF_SERVERS (1u << STATS_SERVER)

/*
 * Of each thing.
 * X(figure, COUNTER or GAUGE, unit, things that have it, name behind "sni_router_THING_", help)
 */
#define STATS_TABLE(X)                                                                             \
    X(connections, COUNTER, "connections", STATS_OF_ALL, "connections_total",                      \
      "Connections accepted by the listener, or sent to the backend, server or route.")            \
    X(active, GAUGE, "connections", STATS_OF_ALL, "active_connections",                            \
      "Those of the connections that have not ended.")                                             \
    X(bytes_in, COUNTER, "bytes", STATS_OF_ALL, "bytes_in_total",                                  \
      "Bytes from clients to servers.")                                                            \
    X(bytes_out, COUNTER, "bytes", STATS_OF_ALL, "bytes_out_total",                                \
      "Bytes from servers to clients.")                                                            \
    X(connect_failures, COUNTER, "attempts", STATS_OF_SERVERS, "connect_failures_total",           \
      "Attempts to connect to the server that failed.")                                            \
    X(retries, COUNTER, "attempts", STATS_OF_SERVERS, "retries_total",                             \
      "Attempts to connect to the server after another server had failed.")

/*
 * Of the process.
 * X(figure, COUNTER, unit, name behind "sni_router_", help)
 */
#define WORKER_STATS_TABLE(X)                                                                      \
    X(accepted, COUNTER, "connections", "connections_accepted_total",                              \
      "Connections taken from a listener.")                                                        \
    X(empty, COUNTER, "connections", "connections_empty_total",                                    \
      "Those of the connections that the client ended without a byte.")                            \
    X(bytes_in, COUNTER, "bytes", "bytes_in_total", "Bytes from clients to servers.")              \
    X(bytes_out, COUNTER, "bytes", "bytes_out_total", "Bytes from servers to clients.")            \
    X(retries, COUNTER, "attempts", "connect_retries_total",                                       \
      "Attempts to connect to a further server.")                                                  \
    X(accept_pauses, COUNTER, "pauses", "accept_pauses_total",                                     \
      "Times that a worker had to stop accepting for a moment.")                                   \
    X(accept_failures, COUNTER, "accepts", "accept_failures_total",                                \
      "Accepts that failed for the client's reasons, or because the socket was broken.")           \
    X(log_dropped, COUNTER, "lines", "log_lines_dropped_total",                                    \
      "Log lines lost because the log was not written fast enough.")

/* Beside that table: connections by the reason of their end, with the reason's word as a label. */
#define WORKER_STATS_CLOSED_NAME "connections_closed_total"
#define WORKER_STATS_CLOSED_HELP "Connections that have ended, by the reason."

typedef atomic_uint_fast64_t stats_figure;

#define STATS_ROW_FIELD(figure, type, unit, things, name, help) stats_figure figure;
#define STATS_SUM_FIELD(figure, type, unit, things, name, help) uint64_t figure;
#define WORKER_STATS_ROW_FIELD(figure, type, unit, name, help)  stats_figure figure;
#define WORKER_STATS_SUM_FIELD(figure, type, unit, name, help)  uint64_t figure;

/* What one worker has counted of one thing: written by that worker, a cache line of its own. */
struct stats_row {
    alignas(64) struct {
        STATS_TABLE(STATS_ROW_FIELD)
    };
};

/* The sum over workers. */
struct stats_sums {
    STATS_TABLE(STATS_SUM_FIELD)
};

/* What one worker has counted of all that it did. */
struct worker_stats {
    alignas(64) struct {
        WORKER_STATS_TABLE(WORKER_STATS_ROW_FIELD)
    };
    stats_figure closed[REASON_COUNT];
};

struct worker_sums {
    WORKER_STATS_TABLE(WORKER_STATS_SUM_FIELD)
    uint64_t closed[REASON_COUNT];
};

#undef STATS_ROW_FIELD
#undef STATS_SUM_FIELD
#undef WORKER_STATS_ROW_FIELD
#undef WORKER_STATS_SUM_FIELD

enum stats_type { STATS_COUNTER, STATS_GAUGE };

/* What the tables say of a figure. */
struct stats_info {
    enum stats_type type;
    const char *unit;
    unsigned things; /* bits of enum stats_thing; 0: a figure of the process */
    const char *name;
    const char *help;
    size_t in_row; /* offset in struct stats_row or struct worker_stats */
    size_t in_sum; /* offset in struct stats_sums or struct worker_sums */
};

/* The figures of things and of the process, in the order of the tables. */
const struct stats_info *stats_infos(size_t *count);
const struct stats_info *worker_stats_infos(size_t *count);

/* "listener", "backend", "server", "route": part of a metric's name, and its label. */
const char *stats_thing_word(enum stats_thing thing);

/* Adds to a figure; only its worker may. No locked instruction: there is one writer. */
static inline void stats_add(stats_figure *figure, uint64_t amount)
{
    uint64_t now = atomic_load_explicit(figure, memory_order_relaxed);

    atomic_store_explicit(figure, now + amount, memory_order_relaxed);
}

static inline uint64_t stats_figure_read(const stats_figure *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

#endif
