#ifndef ROUTER_LISTENER_LEAVE_H
#define ROUTER_LISTENER_LEAVE_H

/* Closing listening sockets without resetting who has connected. The worker's thread. */

#include "router/worker/listener.h"

/*
 * The listener is not wanted any more: whoever has connected is accepted, under the configuration
 * in use now, then it closes. That takes a moment when clients are about to connect, or have and
 * were held back; never longer than some seconds. To be followed by listeners_look().
 */
void listener_leave(struct listener *listener);

/* Closes those that are leaving and for which nobody waits, and looks again if some are left. */
void listeners_look(struct listeners *listeners);

/* The same for all, without newcomers: the worker ends. */
void listeners_leave(struct listeners *listeners);

#endif
