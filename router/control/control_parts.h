#ifndef ROUTER_CONTROL_PARTS_H
#define ROUTER_CONTROL_PARTS_H

/* What the control_*.c files share. Nobody else includes this. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/control/control.h"
#include "router/control/endpoints.h"
#include "router/control/log_part.h"
#include "router/control/part.h"
#include "router/control/resolve.h"
#include "router/control/signals.h"
#include "router/control/workers.h"

/* How many parts control has; control.c lists them. */
#define CONTROL_PARTS 4

struct control {
    uv_loop_t loop;
    const struct control_source *source;
    int exit_code;

    struct parts parts;
    struct part *list[CONTROL_PARTS];
    struct log_part log;
    struct signals signals;
    struct workers workers;
    struct part reload;

    struct endpoints endpoints;
    struct stats stats;
    struct servers servers;
    struct snapshot *snapshots; /* not freed yet, the newest first */
    struct snapshot *pending;   /* its names are being resolved */
    struct resolve resolve;
    uv_timer_t patience; /* with lookups that take long */
    uint32_t generation; /* of the newest snapshot that was published */
    bool reload_again;
    void (*on_reload_stopped)(struct part *part);
};

/* --- control.c --- */

/* Begins to end: every worker drains. Called again: at once. */
void control_end(struct control *control, uint64_t drain_ms);

/* --- control_reload.c --- */

/* The part that reads and publishes configurations. */
void control_reload_init(struct control *control);

/* Resolves, opens and publishes a configuration (taken over), now or when its names are known. */
void control_publish(struct control *control, struct config *config);

/* Reads the configuration again and publishes it. */
void control_reload(struct control *control);

/* Frees the snapshots that nobody uses any more. */
void control_sweep(struct control *control);

#endif
