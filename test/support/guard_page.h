#ifndef SUPPORT_GUARD_PAGE_H
#define SUPPORT_GUARD_PAGE_H

/* Memory that ends at an unreadable page: one byte read too far is a crash, not a lucky guess. */

#include <stddef.h>
#include <stdint.h>

struct guard_page {
    uint8_t *map;
    size_t map_bytes;
    uint8_t *end; /* the first byte that cannot be read */
};

/* Room for `capacity` bytes before the unreadable page; fails the test when the kernel refuses. */
void guard_page_open(struct guard_page *guard, size_t capacity);

void guard_page_close(struct guard_page *guard);

/* Copies the bytes so that their last one is the last readable one; returns where they begin. */
const uint8_t *guard_page_place(struct guard_page *guard, const uint8_t *bytes, size_t len);

#endif
