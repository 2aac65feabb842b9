#ifndef ROUTER_TROUBLE_H
#define ROUTER_TROUBLE_H

/*
 * Whether a server fails, and what of that was told: one line when it begins, one when it ceases.
 * It stands in the server, so it survives reloads, and all workers see the same.
 *
 *   works --fails--> fails, untold --told--> fails, told --works again--> works
 *                         '----works again, nothing is told----------------^
 *
 * The first failure is told at once, but a server's trouble not more often than once in
 * TROUBLE_EVERY_MS; one that lasts so long is told then. What was told to begin is told to end. A
 * caller that may not tell now leaves it to the next failure or success, of whichever worker.
 *
 * While the server works, a connection costs one relaxed read of a cache line that it has anyway.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TROUBLE_EVERY_MS 60000u

/* Starts as {0}. Any thread; times are loop times, the same clock for all workers. */
struct trouble {
    atomic_uint_fast64_t since_ms; /* of the first failure after the last success; 0: it works */
    atomic_uint_fast64_t told_ms;  /* when a beginning was last told; 0: never */
    atomic_uint failures;          /* since since_ms; a few may be missed when workers race */
    atomic_bool told;              /* that it fails */
};

/* What is to be told. */
struct trouble_news {
    uint32_t failures;
    uint64_t lasted_ms;
};

static inline bool trouble_is_over(const struct trouble *trouble)
{
    return atomic_load_explicit(&trouble->since_ms, memory_order_relaxed) == 0;
}

/* A connection could not reach the server. True: it is to be told that it fails. */
bool trouble_failed(struct trouble *trouble, uint64_t now_ms, bool may_tell,
                    struct trouble_news *news);

/* A connection has reached it, and trouble is not over. True: that it is over is to be told. */
bool trouble_worked(struct trouble *trouble, uint64_t now_ms, bool may_tell,
                    struct trouble_news *news);

#endif
