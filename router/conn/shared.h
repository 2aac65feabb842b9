#ifndef ROUTER_SHARED_H
#define ROUTER_SHARED_H

/* What all workers of the process share. Control owns it; it outlives the workers. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/conn/loop_guard.h"
#include "router/log/log_writer.h"
#include "router/net/pump.h"
#include "router/state/stats.h"

struct shared {
    atomic_uint active;         /* connections in the process: two descriptors each */
    atomic_uint beside;         /* attempts to connect beside the first: a descriptor each */
    atomic_bool splice_denied;  /* and it was said */
    atomic_uint connection_cap; /* what the descriptor limit allows; a reload may change it */
    enum relay_mode relay_mode;
    struct log_writer *writer;
    struct stats *stats; /* what is counted */
    struct loop_guard loop_guard;
    uv_async_t *control_wake; /* a snapshot was let go of, or a worker has ended */
};

/* So many descriptors of those that there are for connections are not in use. Any thread. */
static inline int64_t shared_room(const struct shared *shared)
{
    return 2 * (int64_t)atomic_load_explicit(&shared->connection_cap, memory_order_relaxed) -
           2 * (int64_t)atomic_load_explicit(&shared->active, memory_order_relaxed) -
           (int64_t)atomic_load_explicit(&shared->beside, memory_order_relaxed);
}

/* Whether there is no room for another connection. */
static inline bool shared_is_full(const struct shared *shared)
{
    return shared_room(shared) < 2;
}

/*
 * Whether there is room for another attempt beside the first: of the descriptors these take an
 * eighth at most, so that names with silent addresses leave the others theirs.
 */
static inline bool shared_has_room_beside(const struct shared *shared)
{
    uint32_t cap = atomic_load_explicit(&shared->connection_cap, memory_order_relaxed);

    return atomic_load_explicit(&shared->beside, memory_order_relaxed) < cap / 4 + 1 &&
           shared_room(shared) > 0;
}

#endif
