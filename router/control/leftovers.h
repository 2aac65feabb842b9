#ifndef ROUTER_LEFTOVERS_H
#define ROUTER_LEFTOVERS_H

/*
 * Configurations that nobody uses any more, and what has become of them: a part of control.
 *
 *   SEARCH   has it figures of routes that no other configuration claims?
 *   CLAIM    it has: the configuration in use claims those of its routes
 *   APART    its claims end
 *   then     the rest is freed as an errand
 *
 * All of it in pieces, one in each turn of the loop; small ones at once. Freeing a table of a
 * million routes stops the loop for no longer than one of a few. At the stop, and after it, they
 * are freed at once.
 */

#include <uv.h>

#include "router/control/errands.h"
#include "router/control/part.h"
#include "router/control/publisher.h"

enum leftovers_step { LEFTOVERS_SEARCH, LEFTOVERS_CLAIM, LEFTOVERS_APART };

struct leftovers {
    struct part part;
    uv_loop_t *loop;
    struct errands *errands;     /* borrowed */
    struct publisher *publisher; /* borrowed */

    struct config_use *first, **end; /* the first is being taken apart */
    enum leftovers_step step;
    uint32_t at;                     /* of the routes that the step is about */
    const struct config_use *newest; /* CLAIM: the one that claims */
    uv_idle_t next_turn;
    void (*on_stopped)(struct part *part);
};

/* From now on what the publisher leaves behind comes here. Must not move in memory afterwards. */
void leftovers_init(struct leftovers *leftovers, uv_loop_t *loop, struct errands *errands,
                    struct publisher *publisher);

#endif
