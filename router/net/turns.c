#include "router/net/turns.h"

#include <assert.h>
#include <stdint.h>

/* How long the queue may be served before the sockets are looked at again. */
#define TURNS_MS 5

/*
 * An owner that queues again in its turn waits for the next loop iteration; so does whatever is
 * left of the queue when TURNS_MS is used up.
 */
static void on_idle(uv_idle_t *idle)
{
    struct turns *turns = idle->data;
    uv_loop_t *loop = idle->loop;
    const struct turn *last = TAILQ_LAST(&turns->queue, turn_list);
    uint64_t began_ms = uv_now(loop);
    struct turn *turn;

    while ((turn = TAILQ_FIRST(&turns->queue)) != NULL) {
        turns_remove(turns, turn);
        turn->on_turn(turn);
        uv_update_time(loop);
        if (turn == last || uv_now(loop) - began_ms >= TURNS_MS)
            break;
    }
    if (TAILQ_EMPTY(&turns->queue))
        uv_idle_stop(idle);
}

void turns_init(struct turns *turns, uv_loop_t *loop)
{
    TAILQ_INIT(&turns->queue);
    uv_idle_init(loop, &turns->idle);
    turns->idle.data = turns;
}

void turns_add(struct turns *turns, struct turn *turn)
{
    assert(turn->on_turn != NULL && !uv_is_closing((uv_handle_t *)&turns->idle));
    if (turn->queued)
        return;
    turn->queued = true;
    TAILQ_INSERT_TAIL(&turns->queue, turn, link);
    uv_idle_start(&turns->idle, on_idle);
}

void turns_remove(struct turns *turns, struct turn *turn)
{
    if (turn->queued)
        TAILQ_REMOVE(&turns->queue, turn, link);
    turn->queued = false;
}

void turns_stop(struct turns *turns)
{
    assert(TAILQ_EMPTY(&turns->queue));
    uv_close((uv_handle_t *)&turns->idle, NULL);
}
