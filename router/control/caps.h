#ifndef ROUTER_CAPS_H
#define ROUTER_CAPS_H

/* What the descriptor limit allows: how many connections. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct caps {
    uint32_t descriptors; /* the limit, after it was raised as far as it goes */
    uint32_t least;       /* descriptors that so many workers need at least */
    uint32_t connections; /* two descriptors each */
};

/*
 * Raises the soft limit of the process to the hard one and counts what is left for connections.
 * False: there are too few to run; `descriptors` says how many there are, `least` how many would
 * do. Control, for each configuration.
 */
bool caps_compute(struct caps *caps, const struct config *config, uint32_t workers);

/* The sentence for too few descriptors. */
void caps_explain(const struct caps *caps, const struct config *config, uint32_t workers,
                  char *text, size_t size);

#endif
