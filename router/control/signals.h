#ifndef ROUTER_SIGNALS_H
#define ROUTER_SIGNALS_H

/*
 * The signals that are for the router: TERM, QUIT, INT, HUP, USR1, USR2. None gets lost and none
 * kills, from the process's first moment to its last.
 *
 *   from                until
 *   signals_prepare()   signals_hold()     TERM, QUIT, INT end the process with exit code 0, since
 *                                          there is nothing yet to be put in order; the others wait
 *   signals_hold()      signals_let_in()   all wait; threads that are made now never get them
 *   signals_let_in()    the part's stop    the part tells what has come, on control's loop
 *   the part's stop     the end            all wait, for nobody
 *
 * What they mean is the caller's.
 */

#include <uv.h>

#include "router/control/part.h"

#define SIGNALS_WATCHED 6

struct signals {
    struct part part;
    uv_loop_t *loop;
    void (*on_signal)(void *context, int number);
    void *context;
    uv_signal_t handles[SIGNALS_WATCHED];
    size_t open; /* handles that have not closed yet */
    void (*on_stopped)(struct part *part);
};

/*
 * At the very beginning of a process that is to run the router. What the parent has blocked is
 * blocked no more; SIGPIPE and SIGXFSZ are ignored, since they are errors of a write as well.
 */
void signals_prepare(void);

/* Before the first thread is made. */
void signals_hold(void);

/* When the part has started and all threads have been made. Control. */
void signals_let_in(void);

/* `on_signal` is called on the loop, from the part's start to its stop. */
void signals_init(struct signals *signals, uv_loop_t *loop,
                  void (*on_signal)(void *context, int number), void *context);

#endif
