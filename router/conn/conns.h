#ifndef ROUTER_CONNS_H
#define ROUTER_CONNS_H

/*
 * The connections of one worker, and what they share: the loop, the ready set, the run queue, the
 * pipe, the scratch buffer, the counters, the way into the log. Touched by the worker's thread
 * only; the counters may be read by any.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "router/conn/shared.h"
#include "router/conn/view.h"
#include "router/log/log.h"
#include "router/net/pump.h"
#include "router/net/ready.h"
#include "router/net/turns.h"
#include "router/state/stats.h"

struct conn;
TAILQ_HEAD(conn_list, conn);

/* What clients can cause warnings about; each is said only so often. */
enum conns_topic {
    CONNS_CONNECT_TROUBLE,
    CONNS_LOOP,
    CONNS_WATCH_TROUBLE,
    CONNS_MISTAKE,
    CONNS_TOPICS
};

struct conns {
    /* set once */
    struct shared *shared;
    uint32_t worker; /* its index */
    uv_loop_t *loop;
    uv_thread_t self;                     /* the thread that runs the loop */
    void (*on_gone)(struct conns *conns); /* a connection's memory has gone */

    struct worker_stats *stats; /* this worker's own; any thread may read */

    /* for all */
    struct view *view; /* for new connections; NULL before the first and after the last */
    struct ready ready;
    struct turns turns;
    struct splice_pipe pipe;
    struct pump_tools tools;
    size_t scratch_bytes; /* of tools.scratch */

    /* the connections */
    struct conn_list list;
    uint32_t count;
    uint32_t peak;   /* most since memory was last given back */
    bool has_fallen; /* at the last sweep they were far below the peak */
    uint64_t next_number;
    uint64_t looked_ms;  /* loop time of the last conns_look() */
    uint64_t silence_ms; /* whoever is silent for so long goes, whatever its timeouts; 0: off */

    uint64_t said_ms[CONNS_TOPICS]; /* loop time of the last warning; 0: none so far */
    uint64_t news_began_ms;         /* loop time since which lines about servers are counted */
    uint32_t news_told;             /* of those lines */
};

/* 0, or a negative libuv error with nothing left behind. Before the thread starts. */
int conns_init(struct conns *conns, struct shared *shared, uint32_t worker, uv_loop_t *loop);

/* Closes the handles: no connection is left. */
void conns_stop(struct conns *conns);

/* Frees what is left after the loop has ended. */
void conns_free(struct conns *conns);

/* Uses this view (taken over; NULL: none) for new connections from now on. */
void conns_use_view(struct conns *conns, struct view *view);

/* One use of a view less; control is told when its snapshot is free. */
void conns_unpin(struct conns *conns, struct view *view);

/* What the newest configuration says of the log: lines of older connections go by it as well. */
const struct log_config *conns_log_config(const struct conns *conns);

/*
 * Before a timeout is carried out: what the sockets have to say by now is dealt with first. Once
 * for each time that the loop looks at its clock, however many timeouts there are.
 */
void conns_look(struct conns *conns);

/*
 * Whether something that was due then comes so late that the process must have been stopped, or was
 * not given a CPU: what was sent to us meanwhile may not be here yet.
 */
bool conns_was_stopped(const struct conns *conns, uint64_t due_ms);

/* How long timeouts wait when that is so. */
#define CONNS_AFTER_STOP_MS 1000u

/* Gives back the pipe if nobody needs it, and memory after a rush. Now and then. */
void conns_sweep(struct conns *conns);

/* Asserts that this is the thread that runs the loop. */
void conns_assert_own(const struct conns *conns);

/* Writes to the error log without waiting; lost, and counted, when the ring is full. */
void conns_log(struct conns *conns, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A warning that clients can cause: the same, and a topic at most once in CONNS_SAY_EVERY_MS. */
#define CONNS_SAY_EVERY_MS 10000u
/* Most lines in that time about servers that begin and cease to fail (conn_trouble.h). */
#define CONNS_NEWS_MAX 10u
void conns_warn(struct conns *conns, enum conns_topic topic, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes an access line without waiting; lost, and counted, when the ring is full. */
void conns_log_access(struct conns *conns, const char *line, size_t len);

#endif
