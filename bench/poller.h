#ifndef BENCH_POLLER_H
#define BENCH_POLLER_H

/*
 * One edge-triggered epoll set for one thread.
 *
 * Generator and backend threads wait here instead of in a libuv loop: a socket is added once and
 * never changed (libuv would modify its interest at each turn), and the wait ends on time to the
 * microsecond (libuv's timers know milliseconds, too coarse for a schedule of thousands a second).
 * The control thread, which has time, is a plain libuv program.
 *
 * Rules: closing the descriptor removes it. An event may reach a pollable whose descriptor has been
 * closed or reused within the same batch, so handlers must take a spurious event as "look again";
 * the pollable's memory must stay.
 *
 * Fairness: a pollable moves about POLLER_TURN_BYTES in one call, then it asks for another with
 * poller_again(). An event for a pollable that waits for its turn changes nothing: it is handed out
 * with that turn. So each of many fast sockets gets one turn in every round.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define POLLER_BATCH 64
/* Moved by one pollable in one direction before others have their turn. */
#define POLLER_TURN_BYTES (256u * 1024)

struct pollable {
    void (*on_events)(struct pollable *pollable, uint32_t events);
    struct pollable *again_next;
    uint32_t events; /* that came while it waited in the run queue */
    bool again;      /* it waits there */
};

struct poller {
    int epoll_fd;
    int wake_fd;
    /* The run queue: pollables that stopped before EAGAIN to be fair; run after the next batch. */
    struct pollable *again_first;
    struct pollable *again_last;
    int ready_next; /* index in `ready`: earlier ones were handed out */
    int ready_count;
    struct epoll_event ready[POLLER_BATCH];
    /* Set by another thread that wants its turn: the rest of the round waits for the next turn. */
    atomic_bool hurry;
};

/* 0 or a negative errno. */
int poller_init(struct poller *poller);
void poller_close(struct poller *poller);

/* Adds a descriptor, edge-triggered unless `events` is for a listener. 0 or a negative errno. */
int poller_add(struct poller *poller, int fd, struct pollable *pollable, uint32_t events);
int poller_add_listener(struct poller *poller, int fd, struct pollable *pollable);

/* Queues a pollable in the run queue, which hands it EPOLLIN | EPOLLOUT and what came meanwhile. */
void poller_again(struct poller *poller, struct pollable *pollable);

/* Waits at most `timeout_ns`; not at all while events or queued pollables are left to hand out. */
void poller_wait(struct poller *poller, uint64_t timeout_ns);
/* Hands out the events of the wait, then one round of the run queue (less when `hurry` is set). */
void poller_dispatch(struct poller *poller);

/* Ends a wait from any thread. */
void poller_wake(struct poller *poller);

#endif
