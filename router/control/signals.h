#ifndef ROUTER_SIGNALS_H
#define ROUTER_SIGNALS_H

/* The signals that are for the router, as a part of control. What they mean is the caller's. */

#include <uv.h>

#include "router/control/part.h"

#define SIGNALS_WATCHED 6

struct signals {
    struct part part;
    uv_loop_t *loop;
    void (*on_signal)(void *context, int number);
    void *context;
    uv_signal_t handles[SIGNALS_WATCHED];
    size_t open; /* handles that have not closed yet */
    void (*on_stopped)(struct part *part);
};

/* `on_signal` is called on the loop, from the part's start to its stop. */
void signals_init(struct signals *signals, uv_loop_t *loop,
                  void (*on_signal)(void *context, int number), void *context);

#endif
