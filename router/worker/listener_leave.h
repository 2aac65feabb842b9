#ifndef ROUTER_LISTENER_LEAVE_H
#define ROUTER_LISTENER_LEAVE_H

/* What listener.c and listener_leave.c use of each other. */

#include <stdbool.h>

struct listener;

/* Accepts a batch. True: nobody waits any more. listener.c */
bool listener_accept_rest(struct listener *listener);

/* Closes the socket now, and the listener is gone. listener.c */
void listener_close(struct listener *listener);

#endif
