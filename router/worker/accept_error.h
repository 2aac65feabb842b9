#ifndef ROUTER_ACCEPT_ERROR_H
#define ROUTER_ACCEPT_ERROR_H

/* What an accept4() that failed means for its socket. Pure. */

#include <stdint.h>

enum accept_error {
    ACCEPT_EMPTY, /* nobody waits */
    ACCEPT_NEXT,  /* one client's own trouble: on to the next */
    ACCEPT_PAUSE, /* the system is short of something: again a moment later */
    ACCEPT_BROKEN /* this socket will accept nobody any more */
};

/*
 * `row`: how many accepts of this socket have failed one after the other, this one included, since
 * one succeeded or found nobody waiting. What is the client's own trouble cannot go on for ever: a
 * long row of it means that somebody forbids accepting, and it becomes a pause, then the socket
 * counts as broken.
 */
enum accept_error accept_error_of(int error, uint32_t row);

/* So many clients in a row may have trouble of their own. */
#define ACCEPT_ROW_PAUSE 64u
/* So many looks come to nothing before the socket counts as broken. */
#define ACCEPT_ROW_BROKEN (ACCEPT_ROW_PAUSE + 3u)

#endif
