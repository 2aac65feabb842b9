#ifndef ROUTER_TALLY_H
#define ROUTER_TALLY_H

/*
 * What one worker has counted. One writer, the worker; anybody may read at any time (relaxed: each
 * figure is right, two figures need not be of the same instant).
 */

#include <stdatomic.h>
#include <stdint.h>

#include "router/log/reason.h"

struct tally {
    _Alignas(64) atomic_uint_fast64_t accepted; /* connections taken from a listener */
    atomic_uint_fast64_t empty;                 /* of those: ended by the client without a byte */
    atomic_uint_fast64_t bytes_in;              /* client to server */
    atomic_uint_fast64_t bytes_out;             /* server to client */
    atomic_uint_fast64_t retries;               /* connects to a further server */
    atomic_uint_fast64_t accept_pauses;         /* times that accepting had to pause */
    atomic_uint_fast64_t
        log_dropped; /* log lines lost because the log was not written fast enough */
    atomic_uint_fast64_t closed[REASON_COUNT];
};

/* Adds to a figure; only its worker may. No locked instruction: there is one writer. */
static inline void tally_add(atomic_uint_fast64_t *figure, uint64_t amount)
{
    uint64_t now = atomic_load_explicit(figure, memory_order_relaxed);
    atomic_store_explicit(figure, now + amount, memory_order_relaxed);
}

static inline uint64_t tally_read(const atomic_uint_fast64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

#endif
