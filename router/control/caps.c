/*
 * The happy path
 *  - The soft limit is raised to the hard one. Of the descriptors there are, some are reserved,
 *    connections get all that is left: two each.
 *
 * The failures
 *  - The limit cannot be raised: the soft one counts.
 *  - Not even one connection is left: said with the least number that would do.
 */
#include "router/control/caps.h"

#include <assert.h>
#include <stdio.h>
#include <sys/resource.h>

/*
 * Descriptors kept for everything that is no connection: a part of them between
 * these bounds, since a reload may open many sockets beside the old ones, and some per worker,
 * among them two for the pipe through which it splices.
 */
#define RESERVED_SHARE      8u
#define RESERVED_MIN        24u
#define RESERVED_MAX        64u
#define RESERVED_PER_WORKER 10u
static rlim_t raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    /* "Unlimited" is cut to what two descriptors per connection and 32-bit counts can use. */
    return limit.rlim_cur > 1u << 30 ? 1u << 30 : limit.rlim_cur;
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

bool caps_compute(struct caps *caps, const struct config *config, uint32_t workers)
{
    assert(workers > 0);
    uint32_t fds = (uint32_t)raise_descriptor_limit();
    uint64_t other = clamp(fds / RESERVED_SHARE, RESERVED_MIN, RESERVED_MAX) +
                     (uint64_t)workers * (RESERVED_PER_WORKER + config->listener_count);

    *caps = (struct caps){.descriptors = fds, .least = (uint32_t)other + 2};
    if (other + 2 > fds)
        return false;
    caps->connections = (fds - (uint32_t)other) / 2;
    assert(caps->connections > 0);
    assert(other + 2u * (uint64_t)caps->connections <= fds);
    return true;
}

void caps_explain(const struct caps *caps, const struct config *config, uint32_t workers,
                  char *text, size_t size)
{
    snprintf(text, size,
             "the descriptor limit of %u is too low for %u worker%s and %u listener%s: %u are "
             "needed at least (ulimit -n)",
             caps->descriptors, workers, workers == 1 ? "" : "s", config->listener_count,
             config->listener_count == 1 ? "" : "s", caps->least);
}
