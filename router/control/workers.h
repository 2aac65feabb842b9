#ifndef ROUTER_WORKERS_H
#define ROUTER_WORKERS_H

/*
 * The workers as a part of control: their threads, and the orders that control gives them.
 *
 * The happy path
 *  - Start: the threads run, without listeners.
 *  - workers_adopt() gives each a snapshot and its sockets. What an order carries is complete, so
 *    no worker can fail to follow it.
 *  - Stop: each drains; when the last has ended they are joined.
 *
 * The failures
 *  - A thread cannot be started: those that run are ended, and the exit code says so.
 *  - No memory for an order to adopt: no worker gets one.
 *  - No memory for an order to end: the process is aborted, since it could not end otherwise.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/control/endpoints.h"
#include "router/control/part.h"
#include "router/state/snapshot.h"
#include "router/worker/worker.h"

struct workers {
    struct part part;
    uv_loop_t *loop;
    void (*on_wake)(void *context);
    void (*on_broken)(void *context, const struct broken_listener *broken); /* NULL: nobody */
    void *context;

    struct shared shared;
    order_mailbox answers; /* asks that workers have followed, and reports */
    uv_async_t wake;       /* workers: a snapshot was let go of, or one has ended */
    struct worker *list;
    uint32_t wanted;
    uint32_t count; /* of workers started */

    /* of workers_turn(): one per worker */
    struct worker_turn {
        bool awaited; /* it was asked and has not answered */
    } * turns;

    struct drain_terms drain; /* what connections are granted when the part stops */
    bool stopping;            /* orders to end have been given */
    bool joined;
    void (*on_stopped)(struct part *part);
};

/*
 * `count` workers on `shared`, whose `control_wake` is set here. `on_wake`, on the loop: a worker
 * may have let go of a snapshot.
 */
void workers_init(struct workers *workers, uv_loop_t *loop, uint32_t count,
                  const struct shared *shared, void (*on_wake)(void *context), void *context);

/*
 * Gives every worker the snapshot, with a reference each, and the endpoints that were opened for
 * it. False: no memory, and none got it.
 */
bool workers_adopt(struct workers *workers, struct snapshot *snapshot,
                   const struct endpoints *endpoints);

/* The same for another snapshot of the configuration that they have; listeners stay. */
bool workers_refresh(struct workers *workers, struct snapshot *snapshot);

/*
 * Gives a worker another socket for a listener that it has or has had; takes it over, with its
 * memory. False: no memory, and nothing is taken.
 */
bool workers_listen(struct workers *workers, uint32_t worker, const struct handed_listener *handed);

/* Who is told, with the context of workers_init(), of listening sockets that broke. */
void workers_tell_broken(struct workers *workers,
                         void (*on_broken)(void *context, const struct broken_listener *broken));

/*
 * Has `look` look at the connections of every worker, on its thread, with `context`. `on_answer`
 * comes once for each worker, on control's thread; `looked` is false when the worker had ended. One
 * context for all: `look` of several workers may run at once. False: no memory, and nobody was
 * asked. For what stands in no counter, such as each connection by itself; nothing in the process
 * wants to know that yet, so only its test calls it, and a release binary is linked without it.
 */
bool workers_ask(struct workers *workers, void (*look)(struct conns *conns, void *context),
                 void (*on_answer)(void *context, bool looked), void *context);

/*
 * Whether the loop of every worker that has not ended has turned since this was asked the last
 * time. Asks them all anew, those that have answered.
 */
bool workers_turn(struct workers *workers);

/* Before the part is stopped: what connections are granted then. */
void workers_allow_drain(struct workers *workers, struct drain_terms terms);

/* While the part stops: connections end now. */
void workers_end_at_once(struct workers *workers);

/* Frees the workers, whose counters could be read until now. After the part has stopped. */
void workers_free(struct workers *workers);

#endif
