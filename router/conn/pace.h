#ifndef ROUTER_PACE_H
#define ROUTER_PACE_H

/*
 * When what is tried while a client waits for a server: shares of the time, the next address, the
 * next knock at a full queue. Pure: no clock, no random source. Any thread.
 */

#include <stdint.h>

/*
 * The next address of a server is tried at most and at least so long after the one before (RFC
 * 8305, sections 5 and 8).
 */
#define PACE_NEXT_MAX_MS 250u
#define PACE_NEXT_MIN_MS 10u

/*
 * A server has at least so long to answer: time for one SYN that was lost on a long way. A share
 * below a round trip would have every server refused that is far away.
 */
#define PACE_SHARE_MIN_MS 1000u
/* Timers are late by some of it: a second that lacks no more than this counts as one. */
#define PACE_SHARE_LATE_MS 100u

/* Between two knocks at a unix socket whose queue is full. */
#define PACE_KNOCK_MIN_MS 20u
#define PACE_KNOCK_MAX_MS 1000u
/* Knocks come at multiples of this, so that a worker is woken once for all that are due. */
#define PACE_KNOCK_TICK_MS 16u

/*
 * How long the next server may take of what is left of the budget, when so many servers could be
 * tried: an even share among as many as can have PACE_SHARE_MIN_MS each.
 */
uint64_t pace_share_ms(uint64_t left_ms, uint64_t servers);

/*
 * How long to wait for an address that was tried just now before the next one is, when a server has
 * so many addresses left and so much time for them: each of them gets its try.
 */
uint32_t pace_next_ms(uint64_t left_ms, uint32_t addresses);

/*
 * How long to wait after the given number of knocks in vain (1 and more): it doubles, and `salt`
 * chooses a value in the upper half, so that those who wait do not knock all at once; up to a tick
 * more, by the clock `now_ms`.
 */
uint32_t pace_knock_ms(uint32_t knocks, uint64_t salt, uint64_t now_ms);

#endif
