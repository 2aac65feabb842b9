#include "router/conn/pace.h"

#include <assert.h>

uint64_t pace_share_ms(uint64_t left_ms, uint64_t servers)
{
    uint64_t room = (left_ms + PACE_SHARE_LATE_MS) / PACE_SHARE_MIN_MS;

    assert(servers > 0);
    if (room < servers)
        servers = room > 0 ? room : 1;
    return left_ms / servers;
}

uint32_t pace_next_ms(uint64_t left_ms, uint32_t addresses)
{
    uint64_t share = left_ms / (addresses + 1u);

    assert(addresses > 0);
    return share > PACE_NEXT_MAX_MS   ? PACE_NEXT_MAX_MS
           : share < PACE_NEXT_MIN_MS ? PACE_NEXT_MIN_MS
                                      : (uint32_t)share;
}

/* Every bit of the result depends on every bit of the value (the finalizer of splitmix64). */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

uint32_t pace_knock_ms(uint32_t knocks, uint64_t salt, uint64_t now_ms)
{
    uint32_t most = PACE_KNOCK_MIN_MS;

    assert(knocks > 0);
    for (uint32_t i = 1; i < knocks && most < PACE_KNOCK_MAX_MS; i++)
        most *= 2;
    if (most > PACE_KNOCK_MAX_MS)
        most = PACE_KNOCK_MAX_MS;
    uint64_t spread = mix(salt + ((uint64_t)knocks << 56)) % (most - most / 2 + 1);
    uint64_t at_ms = now_ms + most / 2 + spread + PACE_KNOCK_TICK_MS - 1;
    return (uint32_t)(at_ms - at_ms % PACE_KNOCK_TICK_MS - now_ms);
}
