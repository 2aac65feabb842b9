#include "router/state/trouble.h"

#include <assert.h>

/* Clocks of two loops may be a moment apart. */
static uint64_t passed_ms(uint64_t since_ms, uint64_t now_ms)
{
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

/* Of the workers that see it at once, one tells. */
static bool take_turn(struct trouble *trouble, bool told)
{
    return atomic_compare_exchange_strong_explicit(&trouble->told, &told, !told,
                                                   memory_order_relaxed, memory_order_relaxed);
}

bool trouble_failed(struct trouble *trouble, uint64_t now_ms, bool may_tell,
                    struct trouble_news *news)
{
    uint64_t since_ms = 0, began_ms = now_ms > 0 ? now_ms : 1;

    if (atomic_compare_exchange_strong_explicit(&trouble->since_ms, &since_ms, began_ms,
                                                memory_order_relaxed, memory_order_relaxed))
        since_ms = began_ms;
    uint32_t failures =
        1 + (uint32_t)atomic_fetch_add_explicit(&trouble->failures, 1, memory_order_relaxed);
    uint64_t told_ms = atomic_load_explicit(&trouble->told_ms, memory_order_relaxed);
    if (!may_tell || (told_ms != 0 && passed_ms(told_ms, now_ms) < TROUBLE_EVERY_MS))
        return false;
    if (!take_turn(trouble, false))
        return false;
    atomic_store_explicit(&trouble->told_ms, began_ms, memory_order_relaxed);
    *news = (struct trouble_news){.failures = failures, .lasted_ms = passed_ms(since_ms, now_ms)};
    return true;
}

bool trouble_worked(struct trouble *trouble, uint64_t now_ms, bool may_tell,
                    struct trouble_news *news)
{
    uint64_t since_ms = atomic_load_explicit(&trouble->since_ms, memory_order_relaxed);
    bool told = atomic_load_explicit(&trouble->told, memory_order_relaxed);

    if (since_ms == 0 || (told && !may_tell) || (told && !take_turn(trouble, true)))
        return false;
    uint32_t failures = atomic_exchange_explicit(&trouble->failures, 0, memory_order_relaxed);
    atomic_store_explicit(&trouble->since_ms, 0, memory_order_relaxed);
    *news = (struct trouble_news){.failures = failures, .lasted_ms = passed_ms(since_ms, now_ms)};
    return told;
}
