#ifndef ROUTER_UPGRADE_H
#define ROUTER_UPGRADE_H

/*
 * Replaces this process by a new one of the program's file, as it is by now, without losing a
 * client: a part of control.
 *
 *   state      asked      all have lent   ready      ended, or out of patience   cancelled
 *   IDLE       LENDING
 *   LENDING    refused    STARTING                                               IDLE
 *   STARTING   refused                    REPLACED   ENDING                      ENDING
 *   ENDING     refused                                                           ENDING
 *   REPLACED   refused
 *
 * LENDING: workers duplicate their listening sockets. STARTING: the new process runs, and this one
 * goes on as if there was none; both share the sockets, so nobody who connects is lost whatever
 * becomes of the new one. It says that it is ready when its workers accept. ENDING: it was killed,
 * or ended by itself, and is waited for. REPLACED: the new one accepts, this one is to drain.
 *
 * The failures
 *  - The file cannot be run, ends before it is ready, says nothing for 30 seconds: said in the log,
 *    and it is ended with its process group.
 *  - This process ends meanwhile: upgrade_cancel(). It dies: the new one goes on (successor.h).
 *
 * The two processes talk through a pair of sockets (UPGRADE_READY, UPGRADE_YOURS).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "router/control/notify.h"
#include "router/control/part.h"
#include "router/control/program.h"
#include "router/control/publisher.h"

/* What the new process says when its workers accept, and what it is told when all is its own. */
#define UPGRADE_READY 'R'
#define UPGRADE_YOURS 'Y'

enum upgrade_state {
    UPGRADE_IDLE,
    UPGRADE_LENDING,
    UPGRADE_STARTING,
    UPGRADE_ENDING,
    UPGRADE_REPLACED
};

/* What the part tells its owner. */
struct upgrade_owner {
    /* Another process accepts from the sockets: this one is to drain. */
    void (*on_replaced)(void *context, pid_t by);
    /* There will be no other process: all goes on as before. */
    void (*on_failed)(void *context);
    void *context;
};

struct upgrade {
    struct part part;
    uv_loop_t *loop;
    struct publisher *publisher; /* borrowed */
    const struct notify *notify; /* borrowed: what the new process is to know of the manager */
    struct upgrade_owner owner;
    enum upgrade_state state;
    struct program program;

    /* LENDING */
    struct upgrade_loan *loans; /* one per worker */
    uint32_t awaited;           /* that have not answered yet */
    bool cancelled;

    /* STARTING, ENDING */
    pid_t pid;
    uv_poll_t channel; /* its socket */
    int channel_fd;    /* -1: closed */
    bool is_polled;    /* the loop looks at it */
    uint64_t until_ms; /* loop time: the patience ends */
    bool timed_out;
    uv_timer_t timer;
    int open; /* handles that have not closed */
    void (*on_stopped)(struct part *part);
};

void upgrade_init(struct upgrade *upgrade, uv_loop_t *loop, struct publisher *publisher,
                  const struct notify *notify, struct upgrade_owner owner);

/* After the part has stopped, or was never started. */
void upgrade_free(struct upgrade *upgrade);

/* Begins. Refused, with a line in the log, while one is under way. */
void upgrade_begin(struct upgrade *upgrade);

/* Whether listeners must stay as they are: one is under way. */
bool upgrade_is_running(const struct upgrade *upgrade);

/* This process is to end: so is the new one, unless it says that it is ready: on_replaced then. */
void upgrade_cancel(struct upgrade *upgrade);

#endif
