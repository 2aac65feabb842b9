#ifndef ROUTER_BALANCE_H
#define ROUTER_BALANCE_H

/*
 * Which server of a backend gets the next connection. One object per worker and snapshot; touched
 * by that worker only.
 *
 * Smooth weighted round robin: at each pick every server gains its weight, the richest wins and
 * pays the sum of all weights. Over one cycle each server is picked exactly weight times, spread
 * evenly.
 */

#include <stdint.h>

#include "config/config.h"

struct balance;

/* NULL: no memory. `seed` lets workers start at different servers. `config` must outlive it. */
struct balance *balance_new(const struct config *config, uint32_t seed);
void balance_free(struct balance *balance); /* NULL is allowed */

/* Index of the server to use first, or CONFIG_NONE when every weight is 0. */
uint32_t balance_pick(struct balance *balance, uint32_t backend);

/*
 * The server to try after `last` has failed: the next one in the order of the file, around the end,
 * that takes connections; CONFIG_NONE when `first` would come round again.
 */
uint32_t balance_next(const struct backend_config *backend, uint32_t first, uint32_t last);

#endif
