#ifndef ROUTER_SPLICE_PIPE_H
#define ROUTER_SPLICE_PIPE_H

/*
 * The pipe through which a worker's pumps splice, each for one splice in and out: whoever waits has
 * taken its bytes out, so one pipe serves all streams, and it is warm. Opened when it is first
 * needed, closed when nobody needed it from one sweep to the next. The worker's thread only.
 */

#include <stdbool.h>
#include <stdint.h>

struct splice_pipe {
    int read_fd;         /* -1: not open */
    int write_fd;        /* -1: not open */
    uint32_t held_bytes; /* in the pipe now; 0 between uses */
    bool used;           /* since the last sweep */
    bool refused;        /* the system had none: not asked again before the next sweep */
    bool denied;         /* splice(2) must not be used here: not tried again */
};

void splice_pipe_init(struct splice_pipe *pipe);

/* Begins a use: the pipe is open and empty. False: there is none, and the caller copies. */
bool splice_pipe_take(struct splice_pipe *pipe);

/* Ends a use. What it still holds nobody will read: then it is closed. */
void splice_pipe_give(struct splice_pipe *pipe);

/* Splicing is denied: there will be no pipe any more. During a use, which goes on. */
void splice_pipe_deny(struct splice_pipe *pipe);

/* Closes it if it was not used since the last sweep. */
void splice_pipe_sweep(struct splice_pipe *pipe);

void splice_pipe_close(struct splice_pipe *pipe);

#endif
