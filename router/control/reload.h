#ifndef ROUTER_RELOAD_H
#define ROUTER_RELOAD_H

/*
 * Reads configurations and has them published, the first and every later one: a part of control.
 *
 *   state       asked                 new names answered     all answered     out of patience
 *   IDLE        read: RESOLVING
 *   RESOLVING   read: RESOLVING       publish: LEARNING      publish: IDLE    publish: LEARNING
 *   LEARNING    read: RESOLVING                              IDLE
 *
 * A file that is bad when it is read is refused at once and changes no state. RESOLVING: a
 * candidate waits for the first answer for servers that are new, not for long, so that they can be
 * used from the start; without such servers it is published at once. A newer candidate takes its
 * place. LEARNING: in use, and further answers are used as they come. A server whose name was
 * answered before keeps that answer until there is another one.
 *
 * Every reload that was asked for ends in one outcome, a value that is given to `on_outcome`; one
 * whose candidate is replaced ends together with the newer one.
 */

#include <stdbool.h>
#include <uv.h>

#include "config/difference.h"
#include "config/load.h"
#include "router/control/control_source.h"
#include "router/control/part.h"
#include "router/control/publisher.h"
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
    RELOAD_UNAVAILABLE /* there is nothing that could be read again; nothing has changed */
};

/* What has changed, once somebody has asked. */
struct reload_difference {
    bool asked, known;
    struct config_difference value;
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
    struct reload_difference *difference;  /* reload_outcome_difference() */
    bool ends; /* nothing is in use and nothing waits: there is nothing to run with */
};

/*
 * What has changed from `before` to `config`; of a reload that is refused: nothing. Counted when
 * the first reader asks: 20 ms for 100,000 hosts, which took 130 to load. NULL: no memory.
 */
const struct config_difference *reload_outcome_difference(const struct reload_outcome *outcome);

struct reload {
    struct part part;
    uv_loop_t *loop;
    const struct control_source *source;
    struct resolve *resolve;     /* borrowed */
    struct publisher *publisher; /* borrowed */
    void (*on_outcome)(void *context, const struct reload_outcome *outcome);
    void *context;

    struct snapshot *candidate; /* RESOLVING: to be published; else NULL */
    struct diagnostics found;   /* RESOLVING: in the candidate's file */
    bool held;                  /* nothing may be published now */
    bool asked;                 /* while it is held */
    uv_timer_t patience;        /* RESOLVING: since the first candidate in a row began to wait */
    void (*on_stopped)(struct part *part);
};

/* `on_outcome` may end control, which stops this part. */
void reload_init(struct reload *reload, uv_loop_t *loop, const struct control_source *source,
                 struct resolve *resolve, struct publisher *publisher,
                 void (*on_outcome)(void *context, const struct reload_outcome *outcome),
                 void *context);

/* Publishes the first configuration (taken over). Once, after the part has started. */
void reload_first(struct reload *reload, struct config *config);

enum reload_state reload_state(const struct reload *reload);

/* Reads the configuration again and publishes it; after the part has stopped: does nothing. */
void reload_ask(struct reload *reload);

/* From now on what is asked for waits. Not while a candidate waits to be published. */
void reload_hold(struct reload *reload);

/* It is held no more. True: one was asked for meanwhile, which is forgotten. */
bool reload_release(struct reload *reload);

#endif
