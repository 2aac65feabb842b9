#ifndef ROUTER_TURNS_H
#define ROUTER_TURNS_H

/*
 * The run queue of a loop: who has much to do takes turns, and everybody else (new connections,
 * hellos, short exchanges, timers) is looked after between two of them.
 *
 * The happy path
 *  - An owner with more to do than a moment's work takes a place at the end. Its turn comes once a
 *    round; it queues again if it is not done.
 *  - An owner that has not had a turn in the round before is fresh: it goes before the others.
 *    They go on meanwhile, as often as if all stood in one queue.
 *  - The loop serves one turn and looks at everything else. When everything else takes long, the
 *    queue gets as much time as that: neither starves the other.
 *
 * Nothing can fail. Loop thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

/* A place in the queue; embedded in its owner, which removes it before it goes. Begins as zeros. */
struct turn {
    void (*on_turn)(struct turn *turn); /* the place has been given up: queue again if need be */
    TAILQ_ENTRY(turn) link;
    uint32_t round; /* of its last turn */
    bool queued;
    bool fresh; /* in the list of those that go first */
};

TAILQ_HEAD(turn_list, turn);

struct turns {
    struct turn_list fresh;
    struct turn_list queue;
    uint32_t round;      /* grows when all that were in `queue` have had a turn */
    uint32_t waiting;    /* in both lists */
    uint32_t count;      /* in `queue` */
    uint32_t round_left; /* of those, the first are still to come in this round */
    uint32_t fresh_done; /* turns of `fresh` since the last one of `queue` */
    uint64_t left_ns;    /* uv_hrtime() when the queue was left to look after everything else */
    uv_idle_t idle;      /* runs while somebody waits */
};

void turns_init(struct turns *turns, uv_loop_t *loop);

/* Takes a place, if it has none yet. */
void turns_add(struct turns *turns, struct turn *turn);

/* Gives the place up, if there is one. */
void turns_remove(struct turns *turns, struct turn *turn);

/* Closes the handle; asserts that nobody waits. */
void turns_stop(struct turns *turns);

#endif
