#ifndef ROUTER_CPUS_H
#define ROUTER_CPUS_H

/*
 * How many CPUs the process may use: those of its affinity mask, and no more than the CPU quota of
 * its cgroup and of those above it pays for.
 */

#include <stdint.h>

struct cpus {
    uint32_t affinity; /* at least 1 */
    uint32_t quota;    /* whole CPUs, rounded up, at least 1; 0: there is no quota */
};

/* The CPU quota of this process. Reads a few small files; where they are not readable: 0, none. */
struct cpus cpus_read(void);

/* The number of CPUs worth a worker each. */
uint32_t cpus_usable(struct cpus cpus);

/*
 * The quota that the files below a directory tell: `root`/proc/self/cgroup and
 * `root`/proc/self/mountinfo, and below `root` the mount points that these name. The smallest on
 * the way from the process's cgroup to the top counts, in cgroup v1 and v2. 0: none.
 */
uint32_t cpus_quota_below(const char *root);

#endif
