#ifndef ROUTER_CONFIG_USE_H
#define ROUTER_CONFIG_USE_H

/*
 * A configuration in use: the immutable config, its servers and the cells that are counted in,
 * shared by all snapshots of it. Read-only once a snapshot of it was posted, but for the slots of
 * routes.
 *
 * Counted by its snapshots, by the look-up of its names and by a reload that compares it with what
 * it reads, on the control thread alone; freed by control after the last of them, and the config
 * with it. Its claims end then.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "router/state/servers.h"

struct config_use {
    const struct config *config; /* owned */
    struct servers *set;         /* that the servers are claimed in */
    struct server **servers;     /* claimed; backend after backend */
    uint32_t *first_server;      /* per backend: index of its first one */
    uint32_t server_count;
    struct stats_cell **listeners; /* figures, one per listener */
    struct stats_cell **backends;  /* figures, one per backend */
    stats_slot *routes;            /* figures, one per route; workers fill in what is missing */
    uint32_t holders;
    struct config_use *next_unused; /* in a list of who takes it apart */
};

/*
 * With the caller as its one holder, and without the figures that its routes have had before. Takes
 * `config` over, also on failure, when NULL is returned: no memory. Workers begin at different
 * servers of a backend that is new. Control.
 */
struct config_use *config_use_new(struct config *config, struct servers *set);

void config_use_ref(struct config_use *use); /* control */

/* True: that was the last holder, the configuration is freed, or on_unused() of the set has it. */
bool config_use_unref(struct config_use *use);

/*
 * Claims the figures that its routes have had by other configurations. When it is new, and again
 * before such a configuration is freed: else what was counted under that one alone would go with
 * it. Control.
 */
void config_use_claim_routes(struct config_use *use);

/* --- in pieces, since a million routes would stop the loop --- */

/* Claims some of them, from *at on, which begins at 0. True: that was the last piece. Control. */
bool config_use_claim_more(struct config_use *use, uint32_t *at);

/*
 * Looks, from *at on, for figures of routes that this configuration alone claims. True: *found, or
 * that was the last piece. Control.
 */
bool config_use_search(const struct config_use *use, uint32_t *at, bool *found);

/* Ends claims of what has no holder any more, from *at on. True: that was the last piece. Control.
 */
bool config_use_take_apart(struct config_use *use, uint32_t *at);

/* Frees what was taken apart; the configuration is the caller's. Control. */
struct config *config_use_end(struct config_use *use);

/* The index of a server among all servers of the configuration. Any thread. */
uint32_t config_use_index(const struct config_use *use, uint32_t backend, uint32_t server);

#endif
