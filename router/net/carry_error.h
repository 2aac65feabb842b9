#ifndef ROUTER_CARRY_ERROR_H
#define ROUTER_CARRY_ERROR_H

/*
 * Whose trouble it is that recv(2), send(2), splice(2) or shutdown(2) has failed for the socket of
 * a connection. Pure. Any thread.
 */

enum carry_blame {
    CARRY_PEER,   /* the other end's or the network's: that side is gone */
    CARRY_MEMORY, /* the system has none left */
    CARRY_MISTAKE /* ours, or somebody forbids the call: it says nothing of the other end */
};

/* `error`: an errno other than EAGAIN and EINTR. What nobody has heard of is the network's. */
enum carry_blame carry_error_of(int error);

#endif
