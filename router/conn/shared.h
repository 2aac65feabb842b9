#ifndef ROUTER_SHARED_H
#define ROUTER_SHARED_H

/* What all workers of the process share. Control owns it; it outlives the workers. */

#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include "router/log/log_writer.h"
#include "router/net/pump.h"
#include "router/state/stats.h"

struct shared {
    atomic_uint active;         /* connections in the process */
    atomic_uint connection_cap; /* what the descriptor limit allows; a reload may change it */
    uint32_t pipes_per_worker;  /* most pipes that one worker may have open */
    enum relay_mode relay_mode;
    struct log_writer *writer;
    struct stats *stats;      /* what is counted */
    uv_async_t *control_wake; /* a snapshot was let go of, or a worker has ended */
};

#endif
