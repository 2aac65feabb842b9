#ifndef ROUTER_SHARED_H
#define ROUTER_SHARED_H

/* What all workers of the process share. Control owns it; it outlives the workers. */

#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include "router/conn/loop_guard.h"
#include "router/log/log_writer.h"
#include "router/net/pump.h"
#include "router/state/stats.h"

struct shared {
    atomic_uint active;         /* connections in the process */
    atomic_bool splice_denied;  /* and it was said */
    atomic_uint connection_cap; /* what the descriptor limit allows; a reload may change it */
    enum relay_mode relay_mode;
    struct log_writer *writer;
    struct stats *stats; /* what is counted */
    struct loop_guard loop_guard;
    uv_async_t *control_wake; /* a snapshot was let go of, or a worker has ended */
};

#endif
