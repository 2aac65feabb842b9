#ifndef ROUTER_SIDE_THREAD_H
#define ROUTER_SIDE_THREAD_H

/*
 * What threads beside control's loop are made of: the thread itself, and the lists in which work
 * goes to it and comes back. Who shares a list locks it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* Makes a thread that gets no signals. 0 or a negative libuv error. */
int side_thread_start(uv_thread_t *thread, void (*run)(void *argument), void *argument);

/* The first member of what stands in a list; in one at a time. */
struct work {
    struct work *next;
};

/* In the order in which they were added. Must not move in memory. */
struct work_list {
    struct work *first, **end;
};

void work_list_init(struct work_list *list);
void work_list_add(struct work_list *list, struct work *work);

/* The first, which is taken out. NULL: there is none. */
struct work *work_list_take(struct work_list *list);

/* All of them, linked by `next`; the list is empty then. */
struct work *work_list_take_all(struct work_list *list);

/* Takes this one out. False: it was not there. */
bool work_list_remove(struct work_list *list, const struct work *work);

#endif
