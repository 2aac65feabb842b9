/*
 * The happy path
 *  - turns_add() queues; while somebody waits, the idle handle serves one turn for each round of
 *    the loop, and several where everything else takes long.
 *
 * The failures
 *  - One that waits ends first: turns_remove() takes it out, and its round ends one turn early.
 *  - One that is always ready: it goes behind those that had no turn in the round before, and gets
 *    its share among them all the same.
 */
#include "router/net/turns.h"

#include <assert.h>

/* The longest the queue is served before everything else is looked at again. */
#define TURNS_MAX_NS (UINT64_C(2) * 1000 * 1000)

static bool is_empty(const struct turns *turns)
{
    assert((turns->waiting == 0) == (TAILQ_EMPTY(&turns->fresh) && TAILQ_EMPTY(&turns->queue)));
    return turns->waiting == 0;
}

/*
 * How many of `fresh` go before the next of `queue`: as many as there are for each of these. With
 * less, one that is always ready would get as much as all those together that come and go; with
 * more, fresh ones that keep coming would starve it.
 */
static uint32_t fresh_share(const struct turns *turns)
{
    uint32_t fresh = turns->waiting - turns->count;

    return (fresh + turns->count - 1) / turns->count;
}

/* Who is next. */
static struct turn *next(struct turns *turns)
{
    struct turn *queued = TAILQ_FIRST(&turns->queue);

    if (queued == NULL)
        return TAILQ_FIRST(&turns->fresh);
    if (turns->fresh_done < fresh_share(turns)) {
        turns->fresh_done++;
        return TAILQ_FIRST(&turns->fresh);
    }
    turns->fresh_done = 0;
    return queued;
}

static void serve(struct turns *turns, struct turn *turn)
{
    if (turns->round_left == 0) { /* all that were in the queue have had their turn, or have left */
        turns->round++;
        turns->round_left = turns->count;
    }
    turn->round = turns->round;
    turns_remove(turns, turn);
    turn->on_turn(turn);
}

/* One turn, and more while everything else has had more time than the queue; one each at most. */
static void on_idle(uv_idle_t *idle)
{
    struct turns *turns = idle->data;
    uint64_t began_ns = uv_hrtime();
    uint64_t share_ns = began_ns - turns->left_ns;
    uint32_t waiting = turns->waiting;

    if (share_ns > TURNS_MAX_NS)
        share_ns = TURNS_MAX_NS;
    turns->left_ns = began_ns;
    for (; waiting > 0 && !is_empty(turns); waiting--) {
        serve(turns, next(turns));
        turns->left_ns = uv_hrtime();
        if (turns->left_ns - began_ns >= share_ns)
            break;
    }
    if (is_empty(turns))
        uv_idle_stop(idle);
}

void turns_init(struct turns *turns, uv_loop_t *loop)
{
    *turns = (struct turns){.round = 2}; /* who has never had a turn is fresh */
    TAILQ_INIT(&turns->fresh);
    TAILQ_INIT(&turns->queue);
    uv_idle_init(loop, &turns->idle);
    turns->idle.data = turns;
}

void turns_add(struct turns *turns, struct turn *turn)
{
    assert(turn->on_turn != NULL && !uv_is_closing((uv_handle_t *)&turns->idle));
    if (turn->queued)
        return;
    if (!uv_is_active((uv_handle_t *)&turns->idle)) {
        turns->left_ns = uv_hrtime();
        uv_idle_start(&turns->idle, on_idle);
    }
    turns->waiting++;
    turn->queued = true;
    turn->fresh = turns->round - turn->round >= 2;
    TAILQ_INSERT_TAIL(turn->fresh ? &turns->fresh : &turns->queue, turn, link);
    if (!turn->fresh)
        turns->count++;
}

void turns_remove(struct turns *turns, struct turn *turn)
{
    if (!turn->queued)
        return;
    turns->waiting--;
    turn->queued = false;
    TAILQ_REMOVE(turn->fresh ? &turns->fresh : &turns->queue, turn, link);
    if (turn->fresh)
        return;
    /* Who leaves from behind those that are still to come in this round ends it one turn early. */
    turns->count--;
    if (turns->round_left > 0)
        turns->round_left--;
}

void turns_stop(struct turns *turns)
{
    assert(is_empty(turns));
    uv_close((uv_handle_t *)&turns->idle, NULL);
}
