#include "router/log/log_ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool log_ring_init(struct log_ring *ring, size_t capacity)
{
    assert(capacity > 0 && (capacity & (capacity - 1)) == 0);
    ring->bytes = malloc(capacity);
    ring->capacity = capacity;
    if (ring->bytes != NULL)
        memset(ring->bytes, 0,
               capacity); /* all its memory now, so that use does not look like a leak */
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    return ring->bytes != NULL;
}

void log_ring_close(struct log_ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

bool log_ring_put(struct log_ring *ring, const char *line, size_t len)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

    if (len > ring->capacity - (head - tail))
        return false;
    size_t at = head & (ring->capacity - 1);
    size_t to_end = ring->capacity - at;
    size_t first = len < to_end ? len : to_end;
    memcpy(ring->bytes + at, line, first);
    memcpy(ring->bytes, line + first, len - first);
    atomic_store_explicit(&ring->head, head + len, memory_order_release);
    return true;
}

size_t log_ring_peek(const struct log_ring *ring, const char **bytes)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t at = tail & (ring->capacity - 1);
    size_t to_end = ring->capacity - at;

    *bytes = ring->bytes + at;
    return head - tail < to_end ? head - tail : to_end;
}

void log_ring_take(struct log_ring *ring, size_t len)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    atomic_store_explicit(&ring->tail, tail + len, memory_order_release);
}

size_t log_ring_line(struct log_ring *ring, char *line, size_t size)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t len = 0;

    while (tail + len != head) {
        assert(len < size);
        line[len] = ring->bytes[(tail + len) & (ring->capacity - 1)];
        if (line[len++] == '\n')
            break;
    }
    log_ring_take(ring, len);
    return len;
}
