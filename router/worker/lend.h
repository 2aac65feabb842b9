#ifndef ROUTER_LEND_H
#define ROUTER_LEND_H

/*
 * Duplicates of a worker's listening sockets, for a process that is to replace this one. The worker
 * goes on accepting; when the other process has taken over, its own go without a word, since nobody
 * who waits in their queues loses anything.
 */

#include <stdbool.h>
#include <stdint.h>

struct listeners;

struct lent_socket {
    uint64_t endpoint_id;
    int fd; /* a duplicate */
};

/* One worker's; the list is the asker's, with room for all sockets that it has handed over. */
struct lending {
    struct lent_socket *list;
    uint32_t room, count;
    int error; /* errno of a duplicate that could not be made; 0: all were */
};

/*
 * Duplicates the sockets of all listeners that are not leaving, and remembers which. What was lent
 * before is so no more. The worker's thread.
 */
void lend_listeners(struct listeners *listeners, struct lending *lending);

/* Another process accepts from what was lent: closes those. The worker's thread. */
void lend_close(struct listeners *listeners);

#endif
