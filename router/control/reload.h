#ifndef ROUTER_RELOAD_H
#define ROUTER_RELOAD_H

/*
 * Has configurations read and published, the first and every later one: a part of control.
 *
 * Reading goes on beside all else, as an errand (reload_load.h), one at a time:
 *
 *   loading     waiting   asked                      read
 *   NONE        NONE      loading := order           -
 *   an order    NONE      waiting := order           to the states below; loading := NONE
 *   an order    an order  waiting := the stronger    to the states below; loading := waiting
 *
 * What has been read is prepared in pieces, one in each turn of the loop, which belongs to loading;
 * then it meets the state:
 *
 *   state       read          new names answered     all answered     out of patience
 *   IDLE        RESOLVING
 *   RESOLVING   RESOLVING     publish: LEARNING      publish: IDLE    publish: LEARNING
 *   LEARNING    RESOLVING                            IDLE
 *
 * A file that is bad is refused and changes no state. RESOLVING: a candidate waits for the first
 * answer for servers that are new, not for long, so that they can be used from the start; without
 * such servers it is published at once. A newer candidate takes its place. LEARNING: in use, and
 * further answers are used as they come. A server whose name was answered before keeps that answer
 * until there is another one.
 *
 * Every reload that was asked for ends in one outcome, a value that is given to `on_outcome`.
 * Several end together: those that were asked for while one waited to be read, and one whose
 * candidate is replaced with the newer one. The stop ends what goes on, without an outcome.
 */

#include <stdbool.h>
#include <uv.h>

#include "config/difference.h"
#include "config/files.h"
#include "config/load.h"
#include "router/control/control_source.h"
#include "router/control/errands.h"
#include "router/control/part.h"
#include "router/control/publisher.h"
#include "router/control/reload_load.h"
#include "router/control/resolve.h"

enum reload_state {
    RELOAD_IDLE,      /* also before the start and after the stop */
    RELOAD_RESOLVING, /* a candidate waits for the addresses of new servers */
    RELOAD_LEARNING   /* in use, and names are still looked up */
};

enum reload_result {
    RELOAD_STARTED,    /* the first configuration is in use */
    RELOAD_CHANGED,    /* another configuration is in use */
    RELOAD_REFUSED,    /* nothing has changed, or at start: there is nothing to run with */
    RELOAD_DOUBTFUL,   /* the file is bad, but it was tried only; nothing has changed */
    RELOAD_UNAVAILABLE /* there is nothing that could be read again; nothing has changed */
};

/* Who asks for a reload; the later is the stronger. */
enum reload_order {
    RELOAD_ORDER_NONE,
    RELOAD_ORDER_TRY, /* who has seen another file: it may still be written */
    RELOAD_ORDER_TELL /* who wants to know */
};

/* What somebody sees who looks at the files. */
enum reload_seen {
    RELOAD_SEEN_SAME, /* as they were read last */
    RELOAD_SEEN_USED, /* as they were when what is in use was read */
    RELOAD_SEEN_OTHER /* neither */
};

/* What a reload came to. All pointers are valid during the callback only. */
struct reload_outcome {
    enum reload_result result;
    int code;                              /* 0, or the exit code that stands for the refusal */
    char sentence[PUBLISHER_SENTENCE_MAX]; /* why it was refused; "": see the diagnostics */
    const char *file;                      /* that was read; NULL: none */
    const struct diagnostics *found;       /* in that file, errors and warnings */
    const struct config *config;           /* in use now; NULL: none */
    const struct config *before;           /* in use before; NULL: none */
    struct reload_difference difference;   /* reload_outcome_difference() */
    bool ends; /* nothing is in use and nothing waits: there is nothing to run with */
};

/* A configuration that is to be published. */
struct reload_candidate {
    struct snapshot *snapshot;  /* NULL: there is none, and the rest is empty */
    struct diagnostics found;   /* in its files */
    struct config_files *files; /* that it was read from */
    struct reload_difference difference;
};

/*
 * What has changed from `before` to `config`; of a reload that is refused: nothing. NULL: there was
 * no memory to find out.
 */
const struct config_difference *reload_outcome_difference(const struct reload_outcome *outcome);

struct reload {
    struct part part;
    uv_loop_t *loop;
    const struct control_source *source;
    struct errands *errands;     /* borrowed */
    struct resolve *resolve;     /* borrowed */
    struct publisher *publisher; /* borrowed */
    void (*on_outcome)(void *context, const struct reload_outcome *outcome);
    void *context;

    enum reload_order loading, waiting;
    struct reload_load load;           /* while `loading` */
    struct reload_candidate prepared;  /* while `loading`: what was read, not ready yet */
    uint32_t prepared_routes;          /* so many of its routes are */
    uv_idle_t next_turn;               /* the next piece */
    struct reload_candidate candidate; /* RESOLVING */
    unsigned open;                     /* handles that have not closed yet */
    uv_timer_t patience;       /* RESOLVING: since the first candidate in a row began to wait */
    struct config_files *read; /* that were read last; NULL: nobody knows */
    struct config_files *used; /* that what is in use was read from; NULL: the same */
    bool held;                 /* nothing may be published now */
    bool asked;                /* while it is held */
    void (*on_stopped)(struct part *part);
};

/* `on_outcome` may end control, which stops this part. */
void reload_init(struct reload *reload, uv_loop_t *loop, const struct control_source *source,
                 struct errands *errands, struct resolve *resolve, struct publisher *publisher,
                 void (*on_outcome)(void *context, const struct reload_outcome *outcome),
                 void *context);

/* Publishes the first configuration (taken over). Once, after the part has started. */
void reload_first(struct reload *reload, struct config *config);

enum reload_state reload_state(const struct reload *reload);

/*
 * Has the configuration read again and published; after the part has stopped: does nothing. Returns
 * at once.
 */
void reload_ask(struct reload *reload);

/* The same, but a file that is bad is RELOAD_DOUBTFUL, unless somebody asks as well meanwhile. */
void reload_try(struct reload *reload);

/* Whether a configuration is read just now. */
bool reload_is_loading(const struct reload *reload);

/*
 * The files that were read last, for config_files_look(): the caller holds them. NULL: nobody
 * knows.
 */
struct config_files *reload_files(const struct reload *reload);

/*
 * Somebody has looked at the files. What is seen as used counts as read from then on: there is no
 * need to read it.
 */
enum reload_seen reload_see(struct reload *reload, struct config_files *now);
/* From now on what is asked for waits. Not while one is read or a candidate waits. */
void reload_hold(struct reload *reload);

/* It is held no more. True: one was asked for meanwhile, which is forgotten. */
bool reload_release(struct reload *reload);

#endif
