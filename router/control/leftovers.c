#include "router/control/leftovers.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>

/* A configuration with so many routes leaves enough freed memory behind to give it back. */
#define TRIM_ROUTES 10000u

/* --- freeing, beside the loop --- */

struct free_errand {
    struct errand errand; /* first */
    struct config *config;
};

static void free_config(struct config *config)
{
    bool large = config->route_count >= TRIM_ROUTES;

    config_free(config);
    if (large)
        malloc_trim(0);
}

static void run_free(struct errand *errand)
{
    free_config(((struct free_errand *)errand)->config);
}

static void on_freed(struct errand *errand)
{
    free(errand);
}

static void free_beside(struct leftovers *leftovers, struct config *config)
{
    struct free_errand *errand = NULL;

    if (errands_are_run(leftovers->errands))
        errand = malloc(sizeof *errand);
    if (errand == NULL) {
        free_config(config);
        return;
    }
    *errand =
        (struct free_errand){.errand = {.run = run_free, .on_done = on_freed}, .config = config};
    errands_ask(leftovers->errands, &errand->errand);
}

/* --- steps --- */

static void enter(struct leftovers *leftovers, enum leftovers_step step)
{
    leftovers->step = step;
    leftovers->at = 0;
}

/* The configuration in use claims what this one alone has; at the end nobody does. */
static void claim(struct leftovers *leftovers)
{
    struct config_use *newest = publisher_use(leftovers->publisher);

    if (newest == NULL || leftovers->publisher->retired) {
        enter(leftovers, LEFTOVERS_APART);
        return;
    }
    if (newest != leftovers->newest)
        leftovers->at = 0;
    leftovers->newest = newest;
    if (config_use_claim_more(newest, &leftovers->at))
        enter(leftovers, LEFTOVERS_APART);
}

/* A piece of the first. */
static void take_piece(struct leftovers *leftovers)
{
    struct config_use *use = leftovers->first;
    bool found;

    switch (leftovers->step) {
    case LEFTOVERS_SEARCH:
        if (!config_use_search(use, &leftovers->at, &found))
            break;
        leftovers->newest = NULL;
        enter(leftovers, found ? LEFTOVERS_CLAIM : LEFTOVERS_APART);
        break;
    case LEFTOVERS_CLAIM:
        claim(leftovers);
        break;
    case LEFTOVERS_APART:
        if (!config_use_take_apart(use, &leftovers->at))
            break;
        leftovers->first = use->next_unused;
        if (leftovers->first == NULL)
            leftovers->end = &leftovers->first;
        enter(leftovers, LEFTOVERS_SEARCH);
        free_beside(leftovers, config_use_end(use));
        break;
    }
}

static void take_all(struct leftovers *leftovers)
{
    while (leftovers->first != NULL)
        take_piece(leftovers);
}

static void on_next_turn(uv_idle_t *idle)
{
    struct leftovers *leftovers = idle->data;

    part_assert_own(&leftovers->part);
    take_piece(leftovers);
    if (leftovers->first == NULL)
        uv_idle_stop(idle);
}

/* Whether it takes no longer than a piece. */
static bool is_small(const struct leftovers *leftovers, const struct config_use *use)
{
    const struct config *newest = publisher_config(leftovers->publisher);

    return use->config->route_count < TRIM_ROUTES &&
           (newest == NULL || newest->route_count < TRIM_ROUTES);
}

static void on_unused(void *context, struct config_use *use)
{
    struct leftovers *leftovers = context;
    bool idle = leftovers->first == NULL;

    use->next_unused = NULL;
    *leftovers->end = use;
    leftovers->end = &use->next_unused;
    if (leftovers->part.state != PART_RUNNING || (idle && is_small(leftovers, use)))
        take_all(leftovers);
    else
        uv_idle_start(&leftovers->next_turn, on_next_turn);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct leftovers *leftovers = part->self;
    int error = uv_idle_init(leftovers->loop, &leftovers->next_turn);

    assert(part == &leftovers->part);
    assert(error == 0);
    leftovers->next_turn.data = leftovers;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct leftovers *leftovers = handle->data;

    leftovers->on_stopped(&leftovers->part);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct leftovers *leftovers = part->self;

    assert(part == &leftovers->part);
    leftovers->on_stopped = on_stopped;
    take_all(leftovers);
    uv_close((uv_handle_t *)&leftovers->next_turn, on_closed);
}

void leftovers_init(struct leftovers *leftovers, uv_loop_t *loop, struct errands *errands,
                    struct publisher *publisher)
{
    *leftovers = (struct leftovers){
        .part = {.name = "leftovers", .self = leftovers, .start = start, .stop = stop},
        .loop = loop,
        .errands = errands,
        .publisher = publisher,
        .end = &leftovers->first,
    };
    publisher->servers.on_unused = on_unused;
    publisher->servers.unused_context = leftovers;
}
