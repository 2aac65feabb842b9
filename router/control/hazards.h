#ifndef ROUTER_HAZARDS_H
#define ROUTER_HAZARDS_H

/*
 * Looks through the addresses of the servers of a snapshot for those that need care when they are
 * connected to: our own listeners, to which a connection would come back, and ports of this very
 * host at which a socket may connect to itself. Control.
 */

#include <stdbool.h>

#include "router/control/endpoints.h"
#include "router/net/local_host.h"
#include "router/state/snapshot.h"

/* Whether a connect to the target arrives at the endpoint. */
bool hazards_reaches(const struct target *target, const struct endpoint *endpoint,
                     const struct local_host *host);

/*
 * Notes the hazards in a snapshot that was not posted yet, whose listeners' endpoints are open:
 * endpoints_open() has been called for its configuration, be it that it was committed since. Each
 * server that leads back is said in the error log, unless it did in `before`, an earlier snapshot
 * of the same configuration (NULL: there is none). False: no memory.
 */
bool hazards_note(struct snapshot *snapshot, const struct endpoints *endpoints,
                  const struct snapshot *before);

#endif
