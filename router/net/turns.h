#ifndef ROUTER_TURNS_H
#define ROUTER_TURNS_H

/*
 * The run queue of a loop: whoever has used up the budget of one turn but has more to do takes a
 * place at its end, so that everybody else gets a turn first. Loop thread.
 */

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

/* A place in the queue; embedded in its owner, which removes it before it goes. */
struct turn {
    void (*on_turn)(struct turn *turn); /* the place has been given up: queue again if need be */
    TAILQ_ENTRY(turn) link;
    bool queued;
};

TAILQ_HEAD(turn_list, turn);

struct turns {
    struct turn_list queue;
    uv_idle_t idle; /* runs while the queue is not empty */
};

void turns_init(struct turns *turns, uv_loop_t *loop);

/* Takes a place at the end of the queue, if it has none yet. */
void turns_add(struct turns *turns, struct turn *turn);

/* Gives the place up, if there is one. */
void turns_remove(struct turns *turns, struct turn *turn);

/* Closes the handle; asserts that nobody waits. */
void turns_stop(struct turns *turns);

#endif
