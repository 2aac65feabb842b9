#ifndef ROUTER_ENDPOINTS_H
#define ROUTER_ENDPOINTS_H

/*
 * Endpoints: the addresses the process listens on, with an identity that survives reloads. A
 * listener that a reload does not change keeps its sockets and loses no connection.
 *
 * A change goes in two steps, so that one that fails leaves everything as it was:
 *  - endpoints_open() opens sockets beside the old ones; endpoints_offer() lists them for each
 *    worker.
 *  - endpoints_commit(), once the workers have them, makes the new configuration the current one;
 *    or endpoints_cancel() closes what was opened.
 *
 * Control only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "router/control/activation.h"
#include "router/control/adoption.h"
#include "router/control/endpoint.h"
#include "router/control/listen_error.h"
#include "router/worker/listener.h"

struct endpoints {
    struct endpoint *first;   /* the newest first */
    struct endpoint *leaving; /* workers may have the sockets for a while yet */
    uint32_t workers;
    uint64_t next_id;
    struct activation *passed; /* borrowed: sockets that nobody has yet; NULL: none */
};

void endpoints_init(struct endpoints *endpoints, uint32_t workers);

/*
 * Opens sockets for the listeners of `config` that have no endpoint yet, beside those that are
 * there. All or nothing: false leaves everything as it was and says why. A port that somebody else
 * listens on is not joined; what is ours already is no obstacle.
 */
bool endpoints_open(struct endpoints *endpoints, const struct config *config,
                    struct listen_error *why);

/*
 * Opens what is missing of an endpoint of the current configuration, for listener `endpoint->index`
 * of `config`. False says why.
 */
bool endpoints_open_again(struct endpoints *endpoints, struct endpoint *endpoint,
                          const struct config *config, struct listen_error *why);

/*
 * A worker's socket is broken, and closed there. NULL: it has been replaced already, or is not
 * needed any more; else the endpoint, of which something is missing now.
 */
struct endpoint *endpoints_note_broken(struct endpoints *endpoints,
                                       const struct broken_listener *broken);

/* How many endpoints are deaf: clients cannot reach every worker through them. */
uint32_t endpoints_deaf(const struct endpoints *endpoints);

/*
 * One worker's list of what there is to listen on for the configuration just opened, allocated;
 * NULL: no memory. The sockets in it stay the endpoints' until endpoints_commit().
 */
struct handed_listener *endpoints_offer(const struct endpoints *endpoints,
                                        const struct config *config, uint32_t worker,
                                        uint32_t *count);

/* What a worker is handed of one slot of an endpoint, with memory for it. False: no memory. */
bool endpoints_hand(const struct endpoint *endpoint, uint32_t index, uint32_t backlog,
                    uint32_t slot, struct handed_listener *handed);

/*
 * The workers have the sockets: the configuration just opened is the current one. Applies what can
 * change while a socket stays, and lets go of the endpoints that no listener needs any more.
 */
void endpoints_commit(struct endpoints *endpoints, const struct config *config);

/* Closes what was opened for a configuration that is not to be the current one after all. */
void endpoints_cancel(struct endpoints *endpoints);

/* The endpoint of a listener of the current configuration. */
const struct endpoint *endpoints_of(const struct endpoints *endpoints, uint32_t listener);

/* The process that was replaced has let go of everything: what it passed is ours alone. */
void endpoints_take_over(struct endpoints *endpoints);

/* Another process accepts from the sockets that are there now: their paths are its own. */
void endpoints_give_up_paths(struct endpoints *endpoints);

/* Removes the paths of unix sockets: nobody will accept there any more. */
void endpoints_remove_paths(struct endpoints *endpoints);

/* Closes and frees everything. */
void endpoints_close(struct endpoints *endpoints);

#endif
