#ifndef ROUTER_ERRANDS_H
#define ROUTER_ERRANDS_H

/*
 * What would stop control's loop is done beside it: a thread that runs errands, one after the
 * other, in the order in which they were asked for. A part of control.
 *
 * The happy path
 *  - The part's start makes the thread, so that none has to be made later.
 *  - errands_ask() hands an errand over; the thread runs it, and on_done is called on the loop.
 *  - The stop waits until all are done.
 *
 * The failures
 *  - The thread cannot be made: said, and the exit code; nothing is left.
 *  - An errand hangs, or takes long, and its owner has ended: errands_give_up(), and the stop does
 *    not wait for it. Then errands_are_stuck(), and the process must end without freeing what the
 *    errand uses.
 *
 * Control, but for the thread.
 */

#include <stdbool.h>
#include <uv.h>

#include "router/control/part.h"
#include "router/control/side_thread.h"

/* Its owner may not touch what run() uses until on_done. */
struct errand {
    struct work work;                       /* first; in a list of errands.c */
    void (*run)(struct errand *errand);     /* in the thread */
    void (*on_done)(struct errand *errand); /* on the loop; the errand is its owner's again */
    bool given_up;                          /* under the lock of errands.c */
};

struct errands {
    struct part part;
    uv_loop_t *loop;
    uv_async_t done_async;
    uv_thread_t thread;
    bool joined;
    void (*on_stopped)(struct part *part);

    uv_mutex_t lock; /* guards the rest */
    uv_cond_t more;
    struct work_list asked, done;
    struct errand *running;
    bool stopping, ended, stuck;
};

void errands_init(struct errands *errands, uv_loop_t *loop);

/* Whether errands can be asked for: from the part's start to its stop. */
bool errands_are_run(const struct errands *errands);

/* `run` and `on_done` are set. */
void errands_ask(struct errands *errands, struct errand *errand);

/*
 * The owner ends. True: the errand has not begun, is the owner's again, and is not done. False:
 * on_done is still called, unless the thread is stuck in it.
 */
bool errands_give_up(struct errands *errands, struct errand *errand);

/* After the stop: the thread was left behind, with an errand that was given up. */
bool errands_are_stuck(const struct errands *errands);

#endif
