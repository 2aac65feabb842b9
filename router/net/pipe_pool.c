#include "router/net/pipe_pool.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What pipes are enlarged to where the kernel allows (fs.pipe-max-size, pipe-user-pages-soft). */
#define PIPE_WANTED_BYTES (1024u * 1024u)
/* Refused once, smaller ones are tried down to this; a pipe of the default size is still used. */
#define PIPE_SMALLEST_BYTES (128u * 1024u)

void pipe_pool_init(struct pipe_pool *pool, uint32_t limit)
{
    *pool = (struct pipe_pool){.limit = limit, .size_bytes = PIPE_WANTED_BYTES};
}

/*
 * Enlarges as far as the system lets us. An unprivileged user may hold fs.pipe-user-pages-soft
 * pages in all, so a refusal lowers what later pipes ask for; the sweep raises it again.
 */
static void pipe_enlarge(struct pipe_pool *pool, int fd)
{
    while (pool->size_bytes >= PIPE_SMALLEST_BYTES) {
        if (fcntl(fd, F_SETPIPE_SZ, (int)pool->size_bytes) >= 0)
            return;
        pool->size_bytes /= 2;
    }
}

static struct pipe *pipe_open(struct pipe_pool *pool)
{
    int fds[2];
    struct pipe *pipe = malloc(sizeof *pipe);

    if (pipe == NULL)
        return NULL;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(pipe);
        return NULL;
    }
    *pipe = (struct pipe){.read_fd = fds[0], .write_fd = fds[1]};
    pipe_enlarge(pool, pipe->write_fd);
    pool->open_count++;
    return pipe;
}

static void pipe_close(struct pipe_pool *pool, struct pipe *pipe)
{
    close(pipe->read_fd);
    close(pipe->write_fd);
    free(pipe);
    assert(pool->open_count > 0);
    pool->open_count--;
}

struct pipe *pipe_pool_take(struct pipe_pool *pool)
{
    struct pipe *pipe = pool->free;

    if (pipe == NULL)
        return pool->open_count < pool->limit ? pipe_open(pool) : NULL;
    pool->free = pipe->next;
    pipe->next = NULL;
    pool->free_count--;
    if (pool->free_count < pool->spare_low)
        pool->spare_low = pool->free_count;
    return pipe;
}

void pipe_pool_give(struct pipe_pool *pool, struct pipe **given)
{
    struct pipe *pipe = *given;

    assert(pipe->held_bytes == 0);
    *given = NULL;
    pipe->next = pool->free;
    pool->free = pipe;
    pool->free_count++;
}

void pipe_pool_discard(struct pipe_pool *pool, struct pipe **pipe)
{
    pipe_close(pool, *pipe);
    *pipe = NULL;
}

static void close_free(struct pipe_pool *pool, uint32_t count)
{
    for (; count > 0; count--) {
        struct pipe *pipe = pool->free;
        pool->free = pipe->next;
        pool->free_count--;
        pipe_close(pool, pipe);
    }
}

void pipe_pool_sweep(struct pipe_pool *pool)
{
    close_free(pool, pool->spare_low);
    pool->spare_low = pool->free_count;
    pool->size_bytes = PIPE_WANTED_BYTES;
}

void pipe_pool_close(struct pipe_pool *pool)
{
    close_free(pool, pool->free_count);
    assert(pool->open_count == 0);
}
