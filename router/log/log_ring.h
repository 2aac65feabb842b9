#ifndef ROUTER_LOG_RING_H
#define ROUTER_LOG_RING_H

/*
 * Lines on their way from a worker to the log writer: a ring of bytes with one writer and one
 * reader, without locks. A line that does not fit is refused whole, so the reader only ever sees
 * whole lines.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_ring {
    char *bytes;
    size_t capacity;                 /* a power of two */
    _Alignas(64) atomic_size_t head; /* bytes ever put; the worker's */
    _Alignas(64) atomic_size_t tail; /* bytes ever taken; the writer's */
};

/* False: no memory. `capacity` is a power of two. */
bool log_ring_init(struct log_ring *ring, size_t capacity);
void log_ring_close(struct log_ring *ring);

/* Puts a line in; false when there is no room: the line is lost and the caller counts it. Worker.
 */
bool log_ring_put(struct log_ring *ring, const char *line, size_t len);

/* Takes one line out, with its newline: its length, 0 = empty. None is longer than `size`. Writer.
 */
size_t log_ring_line(struct log_ring *ring, char *line, size_t size);

/* Lends the bytes that lie there in one piece (0 = empty); log_ring_take() consumes them. Writer.
 */
size_t log_ring_peek(const struct log_ring *ring, const char **bytes);
void log_ring_take(struct log_ring *ring, size_t len);

#endif
