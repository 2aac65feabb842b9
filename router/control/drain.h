#ifndef ROUTER_DRAIN_H
#define ROUTER_DRAIN_H

/*
 * The time before the listeners close at the end (`timeouts.drain_delay`), in which the service
 * manager and load balancers know already and clients are still accepted; and afterwards, how many
 * connections ended how. A part of control.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/control/part.h"
#include "router/state/stats.h"
#include "router/worker/order.h"

struct drain {
    struct part part;
    uv_loop_t *loop;
    void (*on_over)(void *context);
    void *context;

    uv_timer_t timer;
    struct drain_terms terms;  /* once the drain has begun */
    struct worker_sums before; /* what was counted then */
    bool begun;
    void (*on_stopped)(struct part *part);
};

/* `on_over` is called when a delay is over. */
void drain_init(struct drain *drain, uv_loop_t *loop, void (*on_over)(void *context),
                void *context);

/* Begins a delay. Once. */
void drain_delay(struct drain *drain, uint64_t delay_ms);

/* Whether a delay runs. */
bool drain_is_delaying(const struct drain *drain);

/* The drain begins, and with it a delay ends. */
void drain_begin(struct drain *drain, const struct worker_sums *now, struct drain_terms terms);

/* Says in the log how the connections ended that there were then. */
void drain_say(const struct drain *drain, const struct worker_sums *now);

#endif
