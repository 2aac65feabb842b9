#include "router/control/drain.h"

#include <assert.h>

#include "router/log/log.h"

/* --- the delay --- */

static void on_timer(uv_timer_t *timer)
{
    struct drain *drain = timer->data;

    part_assert_own(&drain->part);
    drain->on_over(drain->context);
}

void drain_delay(struct drain *drain, uint64_t delay_ms)
{
    part_assert_own(&drain->part);
    assert(!drain->begun && !drain_is_delaying(drain));
    uv_timer_start(&drain->timer, on_timer, delay_ms, 0);
}

bool drain_is_delaying(const struct drain *drain)
{
    return drain->part.state == PART_RUNNING &&
           uv_is_active((const uv_handle_t *)&drain->timer) != 0;
}

/* --- how they ended --- */

void drain_begin(struct drain *drain, const struct worker_sums *now, struct drain_terms terms)
{
    assert(!drain->begun);
    if (drain_is_delaying(drain))
        uv_timer_stop(&drain->timer);
    drain->begun = true;
    drain->before = *now;
    drain->terms = terms;
}

static uint64_t ended_as(const struct drain *drain, const struct worker_sums *now,
                         enum reason reason)
{
    return now->closed[reason] - drain->before.closed[reason];
}

void drain_say(const struct drain *drain, const struct worker_sums *now)
{
    uint64_t all = 0, cut, silent = 0;

    if (!drain->begun)
        return;
    for (int reason = 0; reason < REASON_COUNT; reason++)
        all += ended_as(drain, now, (enum reason)reason);
    cut = ended_as(drain, now, REASON_DRAIN_TIMEOUT);
    if (drain->terms.idle_ms != 0)
        silent = ended_as(drain, now, REASON_IDLE_TIMEOUT) +
                 ended_as(drain, now, REASON_HALF_CLOSE_TIMEOUT);
    if (all == 0)
        return;
    log_line(LOG_LEVEL_INFO,
             "drained: %llu connection%s ended by %s, %llu %s silent for too long, %llu %s cut off",
             (unsigned long long)(all - cut - silent), all - cut - silent == 1 ? "" : "s",
             all - cut - silent == 1 ? "itself" : "themselves", (unsigned long long)silent,
             silent == 1 ? "was" : "were", (unsigned long long)cut, cut == 1 ? "was" : "were");
}

/* --- the part --- */

static int start(struct part *part)
{
    struct drain *drain = part->self;
    int error = uv_timer_init(drain->loop, &drain->timer);

    assert(part == &drain->part);
    assert(error == 0);
    drain->timer.data = drain;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct drain *drain = handle->data;

    drain->on_stopped(&drain->part);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct drain *drain = part->self;

    assert(part == &drain->part);
    drain->on_stopped = on_stopped;
    uv_close((uv_handle_t *)&drain->timer, on_timer_closed);
}

void drain_init(struct drain *drain, uv_loop_t *loop, void (*on_over)(void *context), void *context)
{
    *drain = (struct drain){
        .part = {.name = "drain", .self = drain, .start = start, .stop = stop},
        .loop = loop,
        .on_over = on_over,
        .context = context,
    };
}
