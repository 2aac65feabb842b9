#ifndef ROUTER_PIPE_POOL_H
#define ROUTER_PIPE_POOL_H

/*
 * Pipes for splice(2), lent to pumps for as long as bytes are in them. One pool per worker, touched
 * by that worker only.
 *
 * A pump that has emptied its pipe gives it back at the end of its turn, so two hundred streams
 * share the few pipes that are warm; only streams whose receiver is slow keep one. The last pipe
 * given back is the first to be lent. Pipes that nobody needed for a whole sweep are closed.
 */

#include <stdint.h>

struct pipe {
    int read_fd;
    int write_fd;
    uint32_t held_bytes; /* in the pipe now */
    struct pipe *next;   /* in the pool's free list */
};

struct pipe_pool {
    struct pipe *free;
    uint32_t free_count;
    uint32_t open_count; /* lent and free */
    uint32_t limit;      /* most pipes open at once */
    uint32_t spare_low;  /* fewest free since the last sweep: nobody needed those */
    uint32_t size_bytes; /* wanted with F_SETPIPE_SZ; lowered when the kernel refuses */
};

void pipe_pool_init(struct pipe_pool *pool, uint32_t limit);

/* An empty pipe, or NULL: the limit is reached or the system has none. The caller copies then. */
struct pipe *pipe_pool_take(struct pipe_pool *pool);

/* Gives an empty pipe back; `*pipe` becomes NULL. */
void pipe_pool_give(struct pipe_pool *pool, struct pipe **pipe);

/* Closes a pipe that still holds bytes nobody will read; `*pipe` becomes NULL. */
void pipe_pool_discard(struct pipe_pool *pool, struct pipe **pipe);

/* Closes the pipes that were free all the time since the last sweep. */
void pipe_pool_sweep(struct pipe_pool *pool);

/* Closes all; asserts that none is lent. */
void pipe_pool_close(struct pipe_pool *pool);

#endif
