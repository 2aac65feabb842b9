#include "test/support/guard_page.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void guard_page_open(struct guard_page *guard, size_t capacity)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t readable = (capacity / page + 1) * page;

    guard->map_bytes = readable + page;
    guard->map =
        mmap(NULL, guard->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(guard->map != MAP_FAILED);
    guard->end = guard->map + readable;
    int refused = mprotect(guard->end, page, PROT_NONE);
    assert(refused == 0);
}

void guard_page_close(struct guard_page *guard)
{
    int refused = munmap(guard->map, guard->map_bytes);

    assert(refused == 0);
}

const uint8_t *guard_page_place(struct guard_page *guard, const uint8_t *bytes, size_t len)
{
    assert(len <= (size_t)(guard->end - guard->map));
    if (len > 0)
        memcpy(guard->end - len, bytes, len);
    return guard->end - len;
}
