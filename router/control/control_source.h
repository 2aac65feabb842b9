#ifndef ROUTER_CONTROL_SOURCE_H
#define ROUTER_CONTROL_SOURCE_H

#include "config/load.h"

/* Longest sentence about a file that could not be read. */
#define CONTROL_TROUBLE_MAX 256

/* Where the configuration comes from; asked again for each reload. Control thread. */
struct control_source {
    /* The configuration, or NULL: then `found` has the errors, or `trouble` is not empty. */
    struct config *(*load)(void *context, struct diagnostics *found,
                           char trouble[CONTROL_TROUBLE_MAX]);
    void *context;
    const char *file; /* for messages; NULL: the command line, which cannot be read again */
};

#endif
