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

/* Called for each socket that something happened to; `events` are EPOLLIN, EPOLLOUT, ... */
typedef void ready_event_cb(void *source, uint32_t events);

struct ready {
    int epoll_fd;
    uv_poll_t poll;
    ready_event_cb *on_event;
};

/* 0 or a negative libuv error; after failure nothing is left behind. Loop thread. */
int ready_init(struct ready *ready, uv_loop_t *loop, ready_event_cb *on_event);

/* Adds a socket for good; `source` comes back with its events. 0 or a negative libuv error. */
int ready_add(struct ready *ready, int fd, void *source);

/*
 * Switches news of readable bytes off or on again (ends, errors and writability are always told).
 * Switching on tells at once what is there.
 */
void ready_mute(struct ready *ready, int fd, void *source, bool mute);

/* Stops watching. The set itself is closed in libuv's close phase. */
void ready_stop(struct ready *ready);

#endif
