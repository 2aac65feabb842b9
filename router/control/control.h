#ifndef ROUTER_CONTROL_H
#define ROUTER_CONTROL_H

/*
 * The control thread: it moves no traffic and owns everything that is not a connection: signals,
 * configurations, endpoints, workers, the log writer.
 */

#include "config/config.h"
#include "router/control/control_source.h"
#include "router/net/pump.h"

/*
 * Runs the router with this first configuration (taken over) until it is told to end. Returns the
 * exit code: 0, EX_OSERR (71), EX_NOPERM (77); what was wrong is in the error log.
 */
int control_run(struct config *first, const struct control_source *source, enum relay_mode mode);

#endif
