#ifndef ROUTER_READY_H
#define ROUTER_READY_H

/*
 * Readiness of relay sockets: one edge-triggered epoll set, itself watched by the worker's libuv
 * loop through a single uv_poll.
 *
 * A socket is added once, for everything, and leaves the set when it is closed: two epoll_ctl calls
 * less per change of interest than a uv_poll per socket would make. The price is that the owner
 * must remember what it has been told: "readable" and "writable" hold until a call says EAGAIN.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

/*
 * What the set knows a socket by; embedded in whatever owns the socket, which must stay where it is
 * until the loop's close phase (an event of the same batch may still name it) or be forgotten.
 */
struct ready_source {
    /* Something has happened to the socket; `events` are EPOLLIN, EPOLLOUT, ... */
    void (*on_events)(struct ready_source *source, uint32_t events);
};

struct ready {
    int epoll_fd;
    uv_poll_t poll;
    struct epoll_event *batch; /* events that are still to be told; NULL: none are being told */
    int batch_count;
};

/* 0 or a negative libuv error; after failure nothing is left behind. Loop thread. */
int ready_init(struct ready *ready, uv_loop_t *loop);

/* Adds a socket for good, on behalf of `source`. 0 or a negative libuv error. */
int ready_add(struct ready *ready, int fd, struct ready_source *source);

/*
 * Deals with all the news that is there when it is called, where the set has not more than so many
 * sockets. Not from within on_events.
 */
void ready_look(struct ready *ready, size_t sockets);

/*
 * Switches news of readable bytes off or on again (ends, errors and writability are always told).
 * Switching on tells at once what is there.
 */
void ready_mute(struct ready *ready, int fd, struct ready_source *source, bool mute);

/* Has a socket of the set tell another source from now on; what it is ready for is told again. */
void ready_hand_over(struct ready *ready, int fd, struct ready_source *source);

/*
 * No event that has been taken out of the set already will name the source: it may be freed, or
 * stand for another socket, when its own is closed.
 */
void ready_forget(struct ready *ready, const struct ready_source *source);

/* Stops watching. The set itself is closed in libuv's close phase. */
void ready_stop(struct ready *ready);

#endif
