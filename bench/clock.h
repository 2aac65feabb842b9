#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

/* One clock for schedules, latencies and samples: CLOCK_MONOTONIC in nanoseconds. */

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull
/* Later than everything: "nothing is due". */
#define CLOCK_NEVER UINT64_MAX

/* Any thread; goes through the vDSO, so it costs tens of nanoseconds. */
static inline uint64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* CPU time of the calling thread, user and system. */
static inline uint64_t clock_thread_cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

#endif
