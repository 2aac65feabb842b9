#ifndef ROUTER_WORKER_H
#define ROUTER_WORKER_H

/*
 * A worker: one thread, one loop, its own listening sockets, connections, pipes and counters. It
 * shares nothing with its siblings but what struct host holds. Read one as if it were the program.
 *
 * Orders come from control by worker_post(), the only call that crosses threads.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "router/conn/conn.h"
#include "router/log/log.h"
#include "router/log/log_writer.h"
#include "router/net/pump.h"
#include "router/net/ready.h"
#include "router/state/snapshot.h"
#include "router/state/tally.h"
#include "router/worker/listener.h"

/* What all workers of the process share. Control owns it; it outlives the workers. */
struct host {
    atomic_uint active;      /* connections in the process */
    uint32_t connection_cap; /* what the descriptor limit allows */
    uint32_t pipes_per_worker;
    enum relay_mode relay_mode;
    struct log_writer *writer;
    uv_async_t *control_wake; /* a snapshot was let go of, or a worker has ended */
};

/*
 * A snapshot as one worker uses it. The worker holds one reference for all its connections. Made by
 * control, owned by the worker from ORDER_ADOPT on.
 */
struct view {
    struct snapshot *snapshot;
    uint32_t conns; /* connections that were accepted under it */
};

enum order_kind {
    ORDER_ADOPT,   /* use this snapshot and these listeners from now on */
    ORDER_REFRESH, /* the same for another snapshot of the same configuration: listeners stay */
    ORDER_DRAIN,   /* stop listening; what is there has `drain_ms` */
    ORDER_STOP     /* end everything now */
};

/* A message from control. The worker frees it. */
struct order {
    enum order_kind kind;
    struct order *next;
    struct view *view;              /* ADOPT, REFRESH: complete, so the worker cannot fail */
    struct handed_listener *handed; /* ADOPT: one per listener of the configuration, owned */
    uint32_t handed_count;
    uint64_t drain_ms; /* DRAIN */
};

TAILQ_HEAD(conn_list, conn);

struct worker {
    /* set before the thread starts */
    struct host *host;
    uint32_t index;
    uv_thread_t thread;
    uv_loop_t loop;

    /* crossing threads */
    uv_async_t wake;
    _Atomic(struct order *) mailbox;
    atomic_bool ended; /* the thread is done; join it */
    struct tally tally;

    /* the worker's own */
    uv_thread_t self;
    struct ready ready;
    struct view *view; /* for new connections */
    struct listener_list listeners;
    struct conn_list conns;
    uint32_t conn_count;
    uint32_t conn_peak;     /* since memory was last given back */
    struct conn_list queue; /* connections whose budget was used up */
    uv_idle_t turns;        /* runs while the queue is not empty */
    struct pipe_pool pipes;
    struct pump_tools tools;
    size_t scratch_bytes;
    uv_timer_t sweep;  /* gives unused pipes and memory back */
    uv_timer_t resume; /* while accepting pauses */
    uv_timer_t drain;
    bool paused;
    bool draining;
    uint64_t next_number;
    uint64_t dropped_reported; /* log lines, as last said in the error log */
    uint64_t pause_said_ms;
};

/*
 * Prepares a worker. 0 or a negative libuv error, nothing left behind. Control, before
 * worker_start.
 */
int worker_init(struct worker *worker, struct host *host, uint32_t index);
int worker_start(struct worker *worker);

/* Frees a worker that could not be started. Control. */
void worker_abandon(struct worker *worker);

/* Hands an order over. Control. */
void worker_post(struct worker *worker, struct order *order);

/* Waits for the thread and frees what is left. Control, after `ended` or to wait for it. */
void worker_join(struct worker *worker);

/* --- for the worker's own files, on its thread --- */

/* Asserts that this is the worker's thread. */
void worker_assert_own(const struct worker *worker);

/* Puts a connection at the end of the run queue. */
void worker_queue(struct worker *worker, struct conn *conn);

/* A connection's memory is about to go: it lets go of its view and its place. */
void worker_forget(struct worker *worker, struct conn *conn);

/* Writes to the error log without waiting; lost when the ring is full. */
void worker_log(struct worker *worker, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes an access line without waiting; counted when it is lost. */
void worker_log_access(struct worker *worker, const char *line, size_t len);

#endif
