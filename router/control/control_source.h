#ifndef ROUTER_CONTROL_SOURCE_H
#define ROUTER_CONTROL_SOURCE_H

#include "config/load.h"

/* Longest sentence about a file that could not be read. */
#define CONTROL_TROUBLE_MAX 256

/* Where the configuration comes from; asked again for each reload, in the thread of errands. */
struct control_source {
    /*
     * The configuration, or NULL: then `found` has the errors, or `trouble` is not empty. `files`
     * gets the files that it was read from.
     */
    struct config *(*load)(void *context, struct config_files *files, struct diagnostics *found,
                           char trouble[CONTROL_TROUBLE_MAX]);
    void *context;
    const char *file; /* for messages; NULL: the command line, which cannot be read again */
    bool once;        /* a pipe or device, which cannot be read again either */
    struct config_files *files; /* that the first configuration was read from; borrowed */
};

#endif
