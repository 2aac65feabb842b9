#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

/* SplitMix64: seeded, reproducible, good enough to pick names and fill patterns. */

#include <stdint.h>

/* The finalizer alone: a well-mixed function of its argument. */
static inline uint64_t random_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
    return value ^ (value >> 31);
}

/* The next number of the sequence; advances `state`. */
static inline uint64_t random_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return random_mix(*state);
}

/* Uniform in [0, 1). */
static inline double random_unit(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1.0p-53;
}

/* Uniform in [0, bound), bound > 0; by multiplication, so without a division. */
static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(((random_next(state) >> 32) * bound) >> 32);
}

#endif
