#ifndef ROUTER_CONTROL_H
#define ROUTER_CONTROL_H

/*
 * The control thread: it moves no traffic and owns everything that is not a connection: signals,
 * configurations, endpoints, workers, the log writer.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "config/load.h"
#include "router/net/pump.h"

/* Longest sentence about a file that could not be read. */
#define CONTROL_TROUBLE_MAX 256

/* Where the configuration comes from; asked again for each reload. */
struct control_source {
    /* The configuration, or NULL: then `found` has the errors, or `trouble` is not empty. */
    struct config *(*load)(void *context, struct diagnostics *found,
                           char trouble[CONTROL_TROUBLE_MAX]);
    void *context;
    const char *file; /* for messages; NULL: the command line, which cannot be read again */
};

/*
 * Runs the router with this first configuration (taken over) until it is told to end. Returns the
 * exit code: 0, EX_OSERR (71), EX_NOPERM (77); what was wrong is in the error log.
 */
int control_run(struct config *first, const struct control_source *source, enum relay_mode mode);

#endif
