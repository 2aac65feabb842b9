#include "router/control/relisten.h"

#include <assert.h>
#include <string.h>

#include "router/log/log.h"

#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 30000u
/* What works for so long counts as mended: the next trouble is a new one. */
#define MENDED_MS 60000u
/* The same trouble is said at most so often. */
#define SAY_EVERY_MS 60000u
/* How often the paths of unix sockets are looked at. */
#define LOOK_MS 2000u

uint32_t relisten_backoff(uint32_t last_ms)
{
    if (last_ms == 0)
        return BACKOFF_MIN_MS;
    return last_ms >= BACKOFF_MAX_MS / 2 ? BACKOFF_MAX_MS : 2 * last_ms;
}

static struct endpoint *first_endpoint(const struct relisten *relisten)
{
    return relisten->publisher->endpoints.first;
}

static const char *title_of(const struct relisten *relisten, const struct endpoint *endpoint,
                            char title[LISTEN_TITLE_MAX])
{
    const struct config *config = publisher_config(relisten->publisher);

    return listen_title(&config->listeners[endpoint->index], endpoint->bound, title);
}

/* --- when --- */

static void on_timer(uv_timer_t *timer);

/* Sets the timer for what is next: a try, or a look at paths. */
static void plan(struct relisten *relisten)
{
    uint64_t now = uv_now(relisten->loop), next = UINT64_MAX;

    for (const struct endpoint *e = first_endpoint(relisten); e != NULL; e = e->next) {
        uint64_t due = e->retry.at_ms;
        if (due == 0 && listen_key_path(&e->key) != NULL)
            due = relisten->look_ms;
        if (due != 0 && due < next)
            next = due;
    }
    if (next == UINT64_MAX)
        uv_timer_stop(&relisten->timer);
    else
        uv_timer_start(&relisten->timer, on_timer, next > now ? next - now : 0, 0);
}

/* Another try is due; returns how long it waits. */
static uint32_t schedule(struct relisten *relisten, struct endpoint *endpoint)
{
    struct endpoint_retry *retry = &endpoint->retry;
    uint64_t now = uv_now(relisten->loop);

    if (retry->opened_ms != 0 && now - retry->opened_ms >= MENDED_MS)
        *retry = (struct endpoint_retry){0};
    retry->opened_ms = 0;
    retry->wait_ms = relisten_backoff(retry->wait_ms);
    retry->at_ms = now + retry->wait_ms;
    return retry->wait_ms;
}

/* Whether a trouble is to be said, and not for the hundredth time. */
static bool is_news(struct relisten *relisten, struct endpoint *endpoint, int error)
{
    struct endpoint_retry *retry = &endpoint->retry;
    uint64_t now = uv_now(relisten->loop);

    if (retry->said_ms != 0 && retry->said_error == error && now - retry->said_ms < SAY_EVERY_MS)
        return false;
    retry->said_ms = now;
    retry->said_error = error;
    return true;
}

/* --- trying --- */

/* Gives the workers the sockets that were opened. What cannot be given is closed again. */
static bool hand_over(struct relisten *relisten, struct endpoint *endpoint)
{
    const struct config *config = publisher_config(relisten->publisher);
    uint32_t backlog = config->listeners[endpoint->index].backlog;

    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        struct handed_listener handed;
        if (endpoint->sockets[slot].fd < 0)
            continue;
        if (!endpoints_hand(endpoint, endpoint->index, backlog, slot, &handed) ||
            !workers_listen(relisten->publisher->workers, slot % endpoint->workers, &handed)) {
            handed_release(&handed);
            endpoint_take_back(endpoint);
            return false;
        }
        endpoint->sockets[slot].fd = -1;
    }
    return true;
}

static void say_failed(const struct listen_error *why, uint32_t wait_ms)
{
    char text[PUBLISHER_SENTENCE_MAX], time[LOG_DURATION_MAX];

    listen_error_explain(why, text, sizeof text);
    log_line(LOG_LEVEL_ERROR, "%s: trying again in %s", text, log_duration(wait_ms, time));
}

static void try(struct relisten *relisten, struct endpoint *endpoint)
{
    struct listen_error why;
    char title[LISTEN_TITLE_MAX];

    endpoint->retry.at_ms = 0;
    if (endpoint->hidden && endpoint_path_is_ours(endpoint)) {
        endpoint->hidden = false; /* it has been put back */
    } else if (!endpoints_open_again(&relisten->publisher->endpoints, endpoint,
                                     publisher_config(relisten->publisher), &why)) {
        uint32_t wait_ms = schedule(relisten, endpoint);
        if (is_news(relisten, endpoint, why.error))
            say_failed(&why, wait_ms);
        return;
    } else if (!hand_over(relisten, endpoint)) {
        schedule(relisten, endpoint);
        return;
    }
    endpoint->retry.opened_ms = uv_now(relisten->loop);
    if (endpoint->retry.adds) {
        endpoint->retry.adds = false;
        log_line(LOG_LEVEL_INFO, "every worker has a socket at %s now",
                 title_of(relisten, endpoint, title));
        return;
    }
    log_line(LOG_LEVEL_INFO, "listening again on %s", title_of(relisten, endpoint, title));
}

/* --- paths --- */

static void look_at_paths(struct relisten *relisten)
{
    char title[LISTEN_TITLE_MAX];

    for (struct endpoint *e = first_endpoint(relisten); e != NULL; e = e->next) {
        if (e->hidden || endpoint_path_is_ours(e) || e->retry.at_ms != 0)
            continue;
        e->hidden = true;
        e->retry.at_ms = uv_now(relisten->loop);
        log_line(LOG_LEVEL_WARNING, "%s: its path was removed: it is made again",
                 title_of(relisten, e, title));
    }
    relisten->look_ms = uv_now(relisten->loop) + LOOK_MS;
}

/* --- events --- */

static void try_due(struct relisten *relisten)
{
    uint64_t now = uv_now(relisten->loop);

    for (struct endpoint *e = first_endpoint(relisten); e != NULL; e = e->next) {
        if (e->retry.at_ms != 0 && e->retry.at_ms <= now)
            try(relisten, e);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct relisten *relisten = timer->data;

    part_assert_own(&relisten->part);
    if (relisten->publisher->retired)
        return;
    if (relisten->look_ms <= uv_now(relisten->loop))
        look_at_paths(relisten);
    try_due(relisten);
    plan(relisten);
}

static void say_broken(const struct relisten *relisten, const struct endpoint *endpoint,
                       const struct broken_listener *broken, uint32_t wait_ms)
{
    char title[LISTEN_TITLE_MAX], time[LOG_DURATION_MAX];

    log_line(LOG_LEVEL_ERROR, "cannot accept on %s, worker %u: %s: %s: opening it again in %s",
             title_of(relisten, endpoint, title), broken->worker, broken->step,
             strerror(broken->error), log_duration(wait_ms, time));
}

void relisten_note(struct relisten *relisten, const struct broken_listener *broken)
{
    if (relisten->part.state != PART_RUNNING || relisten->publisher->retired)
        return;
    part_assert_own(&relisten->part);
    struct endpoint *endpoint = endpoints_note_broken(&relisten->publisher->endpoints, broken);
    if (endpoint == NULL)
        return;
    if (endpoint->retry.at_ms == 0) { /* else another worker's socket has broken just before */
        uint32_t wait_ms = schedule(relisten, endpoint);
        if (is_news(relisten, endpoint, broken->error))
            say_broken(relisten, endpoint, broken, wait_ms);
    }
    plan(relisten);
}

void relisten_complete(struct relisten *relisten)
{
    part_assert_own(&relisten->part);
    uv_update_time(relisten->loop);
    for (struct endpoint *e = first_endpoint(relisten); e != NULL; e = e->next) {
        if (!endpoint_is_deaf(e) || e->retry.at_ms != 0)
            continue;
        e->retry.at_ms = uv_now(relisten->loop);
        e->retry.adds = true;
    }
    try_due(relisten);
    plan(relisten);
}

void relisten_published(struct relisten *relisten)
{
    if (relisten->part.state != PART_RUNNING)
        return;
    part_assert_own(&relisten->part);
    uv_update_time(relisten->loop);
    for (struct endpoint *e = first_endpoint(relisten); e != NULL; e = e->next) {
        if (e->retry.at_ms != 0)
            e->retry.at_ms = uv_now(relisten->loop);
    }
    look_at_paths(relisten);
    try_due(relisten);
    plan(relisten);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct relisten *relisten = part->self;
    int error = uv_timer_init(relisten->loop, &relisten->timer);

    assert(part == &relisten->part);
    assert(error == 0);
    relisten->timer.data = relisten;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct relisten *relisten = handle->data;

    relisten->on_stopped(&relisten->part);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct relisten *relisten = part->self;

    assert(part == &relisten->part);
    relisten->on_stopped = on_stopped;
    uv_close((uv_handle_t *)&relisten->timer, on_timer_closed);
}

void relisten_init(struct relisten *relisten, uv_loop_t *loop, struct publisher *publisher)
{
    *relisten = (struct relisten){
        .part = {.name = "relisten", .self = relisten, .start = start, .stop = stop},
        .loop = loop,
        .publisher = publisher,
    };
}
