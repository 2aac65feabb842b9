#ifndef ROUTER_CONTROL_PARTS_H
#define ROUTER_CONTROL_PARTS_H

/* What the control_*.c files share. Nobody else includes this. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/control/control.h"
#include "router/control/points.h"
#include "router/control/resolve.h"
#include "router/log/log.h"
#include "router/log/log_writer.h"
#include "router/worker/worker.h"

#define CONTROL_SIGNALS 6

struct control {
    uv_loop_t loop;
    uv_async_t wake; /* workers: a snapshot was let go of, or one has ended */
    uv_signal_t signals[CONTROL_SIGNALS];
    const struct control_source *source;

    struct host host;
    struct log_writer writer;
    struct worker *workers;
    uint32_t worker_count; /* of workers started */
    struct points points;
    struct stats stats;
    struct servers servers;

    struct snapshot *snapshots; /* not freed yet, the newest first */
    struct snapshot *pending;   /* its names are being resolved */
    struct resolve resolve;
    uv_timer_t patience; /* with lookups that take long */
    uint32_t generation; /* of the newest snapshot that was published */
    bool reload_again;
    bool ending;
    int exit_code;
};

/* --- control.c --- */

/* Begins to end: every worker drains. Called again: at once. */
void control_end(struct control *control, uint64_t drain_ms);

/* The exit code that stands for an errno: 77 when it is about permission, else 71. */
int control_exit_code(int error);

/* --- control_reload.c --- */

/* Resolves, opens and publishes a configuration (taken over), now or when its names are known. */
void control_publish(struct control *control, struct config *config);

/* Reads the configuration again and publishes it. */
void control_reload(struct control *control);

/* Frees the snapshots that nobody uses any more. */
void control_sweep(struct control *control);

#endif
