#include "router/control/workers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"

/* --- orders --- */

static void free_unsent(struct order *order)
{
    if (order != NULL)
        view_abandon(order->adopt.view);
    order_free(order);
}

/* With endpoints an order to adopt, without them one to refresh. NULL: no memory. */
static struct order *new_order(const struct endpoints *endpoints, struct snapshot *snapshot,
                               uint32_t worker)
{
    struct order *order = order_new(endpoints != NULL ? ORDER_ADOPT : ORDER_REFRESH);

    if (order == NULL)
        return NULL;
    order->adopt.view = view_new(snapshot);
    if (endpoints != NULL)
        order->adopt.handed =
            endpoints_offer(endpoints, snapshot->config, worker, &order->adopt.handed_count);
    if (order->adopt.view == NULL || (endpoints != NULL && order->adopt.handed == NULL)) {
        free_unsent(order);
        return NULL;
    }
    return order;
}

/* One order for each worker, or none: false, nothing has changed. */
static bool post_to_all(struct workers *workers, struct snapshot *snapshot,
                        const struct endpoints *endpoints)
{
    struct order **orders = calloc(workers->count, sizeof *orders);
    uint32_t made = 0;

    part_assert_own(&workers->part);
    assert(!workers->stopping);
    while (orders != NULL && made < workers->count &&
           (orders[made] = new_order(endpoints, snapshot, made)) != NULL)
        made++;
    bool complete = orders != NULL && made == workers->count;
    for (uint32_t i = 0; i < made; i++) {
        if (complete) {
            snapshot_ref(snapshot);
            worker_post(&workers->list[i], orders[i]);
        } else {
            free_unsent(orders[i]);
        }
    }
    free(orders);
    return complete;
}

bool workers_adopt(struct workers *workers, struct snapshot *snapshot,
                   const struct endpoints *endpoints)
{
    assert(endpoints != NULL);
    return post_to_all(workers, snapshot, endpoints);
}

bool workers_refresh(struct workers *workers, struct snapshot *snapshot)
{
    return post_to_all(workers, snapshot, NULL);
}

bool workers_listen(struct workers *workers, uint32_t worker, const struct handed_listener *handed)
{
    struct order *order = order_new(ORDER_LISTEN);

    part_assert_own(&workers->part);
    assert(!workers->stopping && worker < workers->count && handed->fd >= 0);
    if (order == NULL)
        return false;
    order->listen.handed = malloc(sizeof *handed);
    if (order->listen.handed == NULL) {
        order_free(order);
        return false;
    }
    *order->listen.handed = *handed;
    worker_post(&workers->list[worker], order);
    return true;
}

void workers_tell_broken(struct workers *workers,
                         void (*on_broken)(void *context, const struct broken_listener *broken))
{
    workers->on_broken = on_broken;
}

bool workers_ask(struct workers *workers, void (*look)(struct conns *conns, void *context),
                 void (*on_answer)(void *context, bool looked), void *context)
{
    struct order *asks = NULL, *next;
    uint32_t made = 0;

    part_assert_own(&workers->part);
    assert(look != NULL && on_answer != NULL && !workers->joined);
    for (; made < workers->count; made++) {
        struct order *order = order_new(ORDER_ASK);
        if (order == NULL)
            break;
        order->ask.look = look;
        order->ask.on_answer = on_answer;
        order->ask.context = context;
        order->next = asks;
        asks = order;
    }
    for (uint32_t i = made; asks != NULL; asks = next) {
        next = asks->next;
        if (made == workers->count)
            worker_post(&workers->list[--i], asks);
        else
            order_free(asks);
    }
    return made == workers->count;
}

/* --- whether they turn --- */

static void look_at_nothing(struct conns *conns, void *context)
{
    (void)conns;
    (void)context;
}

static void on_turned(void *context, bool looked)
{
    struct worker_turn *turn = context;

    (void)looked;
    turn->awaited = false;
}

/* Without memory it is not asked, which is as if it had not answered. */
static void ask_to_turn(struct workers *workers, uint32_t worker)
{
    struct order *order = order_new(ORDER_ASK);

    workers->turns[worker].awaited = true;
    if (order == NULL)
        return;
    order->ask.look = look_at_nothing;
    order->ask.on_answer = on_turned;
    order->ask.context = &workers->turns[worker];
    worker_post(&workers->list[worker], order);
}

bool workers_turn(struct workers *workers)
{
    bool all = true;

    for (uint32_t i = 0; i < workers->count && !workers->joined; i++) {
        if (atomic_load_explicit(&workers->list[i].ended, memory_order_acquire))
            continue;
        if (workers->turns[i].awaited)
            all = false;
        else
            ask_to_turn(workers, i);
    }
    return all;
}

static void order_all(struct workers *workers, enum order_kind kind, struct drain_terms terms)
{
    assert(kind == ORDER_DRAIN || kind == ORDER_STOP);
    for (uint32_t i = 0; i < workers->count; i++) {
        struct order *order = order_new(kind);
        if (order == NULL) {
            log_line(LOG_LEVEL_ERROR, "no memory to tell worker %u to end: aborting", i);
            abort();
        }
        if (kind == ORDER_DRAIN)
            order->drain = terms;
        worker_post(&workers->list[i], order);
    }
}

/* --- the end --- */

static void join(struct workers *workers)
{
    assert(!workers->joined);
    for (uint32_t i = 0; i < workers->count; i++)
        worker_join(&workers->list[i]);
    order_answer_all(&workers->answers, workers->on_broken, workers->context);
    workers->joined = true;
}

static bool have_all_ended(const struct workers *workers)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        if (!atomic_load_explicit(&workers->list[i].ended, memory_order_acquire))
            return false;
    }
    return true;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct workers *workers = handle->data;

    workers->on_stopped(&workers->part);
}

static void stop_if_ended(struct workers *workers)
{
    if (!workers->stopping || workers->joined || !have_all_ended(workers))
        return;
    join(workers);
    workers->on_wake(workers->context); /* they have let go of every snapshot */
    uv_close((uv_handle_t *)&workers->wake, on_wake_closed);
}

static void on_wake(uv_async_t *async)
{
    struct workers *workers = async->data;

    order_answer_all(&workers->answers, workers->on_broken, workers->context);
    workers->on_wake(workers->context);
    stop_if_ended(workers);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct workers *workers = part->self;

    assert(part == &workers->part);
    workers->on_stopped = on_stopped;
    workers->stopping = true;
    order_all(workers, ORDER_DRAIN, workers->drain);
}

void workers_allow_drain(struct workers *workers, struct drain_terms terms)
{
    part_assert_own(&workers->part);
    assert(!workers->stopping);
    workers->drain = terms;
}

void workers_end_at_once(struct workers *workers)
{
    part_assert_own(&workers->part);
    if (!workers->stopping)
        workers->drain.ms = 0; /* parts behind this one are still stopping */
    else if (!workers->joined)
        order_all(workers, ORDER_STOP, (struct drain_terms){0});
}

/* --- the beginning --- */

/* 0 or a negative libuv error. */
static int start_next(struct workers *workers)
{
    struct worker *worker = &workers->list[workers->count];
    int error = worker_init(worker, &workers->shared, workers->count, &workers->answers);

    if (error != 0)
        return error;
    error = worker_start(worker);
    if (error != 0)
        worker_abandon(worker);
    else
        workers->count++;
    return error;
}

static int start(struct part *part)
{
    struct workers *workers = part->self;
    int error = uv_async_init(workers->loop, &workers->wake, on_wake);

    assert(part == &workers->part);
    assert(error == 0);
    workers->wake.data = workers;
    workers->list = aligned_alloc(_Alignof(struct worker), workers->wanted * sizeof(struct worker));
    workers->turns = calloc(workers->wanted, sizeof *workers->turns);
    error = workers->list == NULL || workers->turns == NULL ? UV_ENOMEM : 0;
    while (error == 0 && workers->count < workers->wanted)
        error = start_next(workers);
    if (error == 0)
        return 0;
    log_line(LOG_LEVEL_ERROR, "cannot start %u worker%s: %s", workers->wanted,
             workers->wanted == 1 ? "" : "s", strerror(-error));
    order_all(workers, ORDER_STOP, (struct drain_terms){0});
    join(workers); /* they have nothing to end but themselves */
    uv_close((uv_handle_t *)&workers->wake, NULL);
    return EX_OSERR;
}

void workers_init(struct workers *workers, uv_loop_t *loop, uint32_t count,
                  const struct shared *shared, void (*on_wake_up)(void *context), void *context)
{
    assert(count > 0);
    *workers = (struct workers){
        .part = {.name = "workers", .self = workers, .start = start, .stop = stop},
        .loop = loop,
        .on_wake = on_wake_up,
        .context = context,
        .wanted = count,
    };
    workers->shared = *shared;
    workers->shared.control_wake = &workers->wake;
}

void workers_free(struct workers *workers)
{
    assert(workers->part.state == PART_STOPPED);
    free(workers->list);
    free(workers->turns);
    workers->list = NULL;
    workers->turns = NULL;
    workers->count = 0;
}
