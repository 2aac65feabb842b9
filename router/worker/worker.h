#ifndef ROUTER_WORKER_H
#define ROUTER_WORKER_H

/*
 * A worker: one thread, one loop, its own listening sockets and connections. It shares nothing with
 * its siblings but what struct shared holds. Read one as if it were the program.
 *
 * Orders come from control by worker_post(), the only call that crosses threads.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/conn/conns.h"
#include "router/worker/listener.h"
#include "router/worker/order.h"

#define WORKER_MAGIC 0x776f726bu

struct worker {
    uint32_t magic; /* WORKER_MAGIC, from worker_init() until it is freed */

    /* set before the thread starts */
    struct shared *shared;
    order_mailbox *answers; /* control's: asks go back there */
    uint32_t index;
    uv_thread_t thread;
    uv_loop_t loop;

    /* crossing threads */
    uv_async_t wake;
    order_mailbox mailbox;
    atomic_bool ended; /* the thread is done; join it */

    /* the worker's own */
    struct conns conns;
    struct listeners listeners;
    uv_timer_t sweep; /* gives unused pipes and memory back */
    uv_timer_t drain;
    bool draining;
    bool drain_excused;        /* its end was late and has been put off, once */
    uint64_t drain_until_ms;   /* loop time */
    uint64_t dropped_reported; /* log lines, as last said in the error log */
};

/*
 * Prepares a worker, which puts asks that it has followed into `answers` and wakes control. 0 or a
 * negative libuv error, nothing left behind. Control, before worker_start.
 */
int worker_init(struct worker *worker, struct shared *shared, uint32_t index,
                order_mailbox *answers);
int worker_start(struct worker *worker);

/* Frees a worker that could not be started. Control. */
void worker_abandon(struct worker *worker);

/* Hands an order over. Control. */
void worker_post(struct worker *worker, struct order *order);

/*
 * Waits for the thread and frees what is left; asks that came too late are in `answers` then.
 * Control, after `ended` or to wait for it.
 */
void worker_join(struct worker *worker);

#endif
