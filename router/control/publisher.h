#ifndef ROUTER_PUBLISHER_H
#define ROUTER_PUBLISHER_H

/*
 * What is in use: gives snapshots to the workers, together with the sockets and the log that their
 * configuration asks for, and frees what nobody uses any more.
 *
 * The happy path
 *  - publisher_publish(): the log can be opened, the listeners that are new are opened, one order
 *    to each worker. What was in use before is freed by the sweep that finds it unused.
 *  - publisher_refresh(): another snapshot of the configuration in use, with addresses that have
 *    become known.
 *
 * The failures
 *  - A log or a listener that cannot be opened, no memory: nothing has changed.
 *
 * Control only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "router/control/endpoints.h"
#include "router/control/workers.h"
#include "router/log/log_writer.h"
#include "router/state/servers.h"
#include "router/state/snapshot.h"

/* Room for a sentence about what kept a configuration from being published. */
#define PUBLISHER_SENTENCE_MAX 1024

struct publisher {
    struct workers *workers;   /* borrowed */
    struct stats *stats;       /* borrowed */
    struct log_writer *writer; /* borrowed */
    struct endpoints endpoints;
    struct servers servers;
    struct snapshot *newest; /* in use; NULL: none was published. Behind it those not freed yet */
    bool published;          /* ever */
    bool retired;            /* the newest may be freed as well */
};

/* The publisher must not move in memory afterwards. */
void publisher_init(struct publisher *publisher, struct workers *workers, struct stats *stats,
                    struct log_writer *writer);

/*
 * A snapshot to be published, when config_use_claim_more() has claimed what its routes have counted
 * before. Takes `config` over, also when there is no memory: NULL.
 */
struct snapshot *publisher_prepare(struct publisher *publisher, struct config *config);

/*
 * 0: the snapshot is in use and the publisher's. Or the exit code that stands for what went wrong;
 * `sentence` says it, nothing has changed, and the snapshot is still the caller's.
 */
int publisher_publish(struct publisher *publisher, struct snapshot *snapshot,
                      char sentence[PUBLISHER_SENTENCE_MAX]);

/*
 * A server of the configuration in use has these addresses now; takes the caller's hold on the list
 * over. False: no memory, nothing has changed.
 */
bool publisher_refresh(struct publisher *publisher, uint32_t server, struct addresses *addresses);

/* The configuration in use, or NULL. */
const struct config *publisher_config(const struct publisher *publisher);

/* The configuration in use as look-ups hold it, or NULL. */
struct config_use *publisher_use(const struct publisher *publisher);

/* Frees the snapshots that nobody uses any more. */
void publisher_sweep(struct publisher *publisher);

/* The end begins: nothing is published any more, unix sockets lose their paths. */
void publisher_retire(struct publisher *publisher);

/* Frees everything, when the workers have ended and no look-up holds a configuration any more. */
void publisher_close(struct publisher *publisher);

#endif
