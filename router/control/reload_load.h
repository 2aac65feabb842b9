#ifndef ROUTER_RELOAD_LOAD_H
#define ROUTER_RELOAD_LOAD_H

/*
 * The part of a reload that takes long, as an errand: the file is read and becomes a configuration,
 * which is compared with the one in use. A million routes take seconds.
 *
 * Control begins and ends it; the struct is the thread's in between.
 */

#include "config/difference.h"
#include "config/files.h"
#include "router/control/control_source.h"
#include "router/control/errands.h"
#include "router/state/config_use.h"

/* What has changed. */
struct reload_difference {
    bool known; /* false: no memory */
    struct config_difference value;
};

struct reload_load {
    struct errand errand; /* first */
    const struct control_source *source;
    struct config_use *before; /* what is compared with, held by control; NULL: nothing */

    struct config *config; /* NULL: `found` or `trouble` says why */
    struct diagnostics found;
    struct config_files *files; /* that were read; NULL: no memory */
    char trouble[CONTROL_TROUBLE_MAX];
    struct reload_difference difference;
};

/* Reads and compares. `on_done` gets the load's errand, and calls reload_load_compare() or ends. */
void reload_load_begin(struct reload_load *load, struct errands *errands,
                       const struct control_source *source, struct config_use *before,
                       void (*on_done)(struct errand *errand));

/* It was compared with what is not in use any more: compares anew. */
void reload_load_compare(struct reload_load *load, struct errands *errands,
                         struct config_use *before);

/* Lets go of the configuration that it was compared with. */
void reload_load_let_go(struct reload_load *load);

/* Frees what is left of it. */
void reload_load_end(struct reload_load *load);

#endif
