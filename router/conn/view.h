#ifndef ROUTER_VIEW_H
#define ROUTER_VIEW_H

/*
 * A snapshot as one worker uses it. The worker holds one reference for all its connections, so a
 * connection costs no atomic. Made by control, owned by the worker once it was handed over.
 */

#include <stdint.h>

#include "router/state/snapshot.h"

#define VIEW_MAGIC 0x76696577u

struct view {
    struct snapshot *snapshot;
    uint32_t magic; /* VIEW_MAGIC */
    uint32_t pins;  /* the worker's use for new connections, and one per connection that needs it */
};

/* NULL: no memory. The snapshot's reference is counted when the view is handed over. Control. */
struct view *view_new(struct snapshot *snapshot);

/* Frees a view that was not handed over; NULL is allowed. Control. */
void view_abandon(struct view *view);

/* One more use. Worker. */
void view_pin(struct view *view);

/*
 * One use less. With the last one the view is freed; true: nobody uses its snapshot any more, which
 * control wants to know. Worker.
 */
bool view_unpin(struct view *view);

#endif
