#ifndef ROUTER_LOOP_START_H
#define ROUTER_LOOP_START_H

/*
 * Control's loop, where the system lets it run. libuv aborts the process when it cannot have what
 * it needs for signals and for waiting: so that is tried before, and a system that is short of
 * descriptors or a filter that forbids a call is an error with a sentence.
 */

#include <uv.h>

/*
 * 0, or the errno why there can be no loop; then `*step` is the call that failed. To be called
 * before any other use of libuv's loops.
 */
int loop_start(uv_loop_t *loop, const char **step);

#endif
