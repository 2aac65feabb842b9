#ifndef ROUTER_WATCH_H
#define ROUTER_WATCH_H

/*
 * Looks out for changes of the files that the configuration was read from, and has them read: a
 * part of control. `reload` in the configuration says whether, and how patiently.
 *
 *   state      an event       time                    looked                     an outcome
 *   OFF                                                                          SETTLING
 *   QUIET      SETTLING       poll: LOOKING                                      SETTLING
 *   SETTLING   again, a while settle: LOOKING, or                                (stays)
 *                             doubtful: READING
 *   LOOKING    noted                                  same: QUIET                noted
 *                                                     other: READING
 *                                                     noted: SETTLING
 *   READING    noted                                                             SETTLING
 *
 * LOOKING: the bytes of all files are hashed, beside the loop; what is as it was is not read. A
 * file that is bad when it was read (RELOAD_DOUBTFUL) may be half of what it will be: it is read
 * once more after the settle time, and only then that is told. As it is then, it is not looked into
 * again, so nothing is told twice.
 *
 * Any outcome may name other files, so it is followed by a look, which watches their directories.
 */

#include <uv.h>

#include "router/control/errands.h"
#include "router/control/part.h"
#include "router/control/reload.h"
#include "router/control/watch_places.h"

enum watch_state { WATCH_OFF, WATCH_QUIET, WATCH_SETTLING, WATCH_LOOKING, WATCH_READING };

/* A look at the files. In between, the thread's. */
struct watch_look {
    struct errand errand; /* first */
    bool pending;
    int inotify;                 /* -1: none */
    struct watch_places *before; /* control's */
    struct config_files *files;  /* to be looked at; NULL: none, and none is to be watched */
    struct watch_places *places; /* NULL: as before */
    struct config_files *now;    /* NULL: no memory */
};

struct watch {
    struct part part;
    uv_loop_t *loop;
    const char *file;        /* for messages; NULL: there is nothing to be watched */
    struct errands *errands; /* borrowed */
    struct reload *reload;   /* borrowed */

    struct reload_config settings; /* of the configuration in use */
    enum watch_state state;
    bool noted;        /* something may have changed since the look began */
    bool doubtful;     /* bad when it was read, and that was not told */
    uint64_t since_ms; /* SETTLING: of the loop's time */

    struct watch_places *places;
    struct watch_look look;
    int inotify;    /* -1: none */
    int said_error; /* errno that was said to keep something from being watched */
    uv_poll_t events;
    uv_timer_t settle, poll;
    unsigned open; /* handles that have not closed yet */
    void (*on_stopped)(struct part *part);
};

/* `source` is what `reload` reads. */
void watch_init(struct watch *watch, uv_loop_t *loop, const struct control_source *source,
                struct errands *errands, struct reload *reload);

/* To be told every outcome of a reload but one that ends control. */
void watch_tell(struct watch *watch, const struct reload_outcome *outcome);

#endif
