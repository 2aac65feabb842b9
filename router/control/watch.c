/*
 * The happy path
 *  - The first configuration is in use: a look notes the directories and has inotify watch them.
 *  - An event that concerns one of the files: when no other has come for the settle time, a look.
 *    The files are other ones: they are read.
 *
 * The failures
 *  - inotify cannot be had, or a directory cannot be watched: said once; polling goes on.
 *  - A file system tells of no change: polling finds it.
 *  - A file is bad, unreadable or gone: read once more after the settle time, then it is told.
 *  - A look hangs: nothing is watched until it ends. The stop leaves it behind.
 */
#include "router/control/watch.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "router/log/log.h"

/* While changes go on, they are waited for so many settle times at most. */
#define SETTLE_TIMES_MAX 10u

/* Room for a few events with their names. */
union event_buffer {
    struct inotify_event first;
    char bytes[4096];
};

static bool is_on(const struct watch *watch)
{
    return watch->file != NULL && watch->settings.watch;
}

/* --- looking, in the thread --- */

static void run_look(struct errand *errand)
{
    struct watch_look *look = (struct watch_look *)errand;

    /* First the watches: what changes later is an event. */
    if (look->inotify >= 0)
        look->places = watch_places_set(look->inotify, look->before, look->files);
    if (look->files != NULL)
        look->now = config_files_look(look->files);
}

/* --- what is said --- */

static void say_unwatched(struct watch *watch, const char *what, int error)
{
    unsigned long long poll_ms = watch->settings.poll_ms;

    if (error == watch->said_error)
        return;
    watch->said_error = error;
    if (error != 0 && poll_ms > 0)
        log_line(LOG_LEVEL_WARNING, "cannot watch %s for changes: %s: looking every %llu ms", what,
                 strerror(error), poll_ms);
    else if (error != 0)
        log_line(LOG_LEVEL_WARNING,
                 "cannot watch %s for changes: %s: a change needs a HUP to be read", what,
                 strerror(error));
}

/* --- inotify --- */

static void note_change(struct watch *watch);

static void on_events(uv_poll_t *poll, int status, int ready)
{
    struct watch *watch = poll->data;
    union event_buffer events;
    ssize_t got;
    bool concerned = status < 0;

    (void)ready;
    part_assert_own(&watch->part);
    while ((got = read(watch->inotify, &events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const struct inotify_event *)(events.bytes + at);
            concerned |= watch_places_concern(watch->places, event);
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    if (concerned)
        note_change(watch);
}

/* Whether there is one. */
static bool open_inotify(struct watch *watch)
{
    if (watch->inotify >= 0)
        return true;
    watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify < 0) {
        say_unwatched(watch, watch->file, errno);
        return false;
    }
    int error = uv_poll_init(watch->loop, &watch->events, watch->inotify);
    if (error == 0) {
        watch->open++;
        watch->events.data = watch;
        error = uv_poll_start(&watch->events, UV_READABLE, on_events);
        assert(error == 0);
        return true;
    }
    close(watch->inotify);
    watch->inotify = -1;
    say_unwatched(watch, watch->file, -error);
    return false;
}

/* --- moving on --- */

static void on_looked(struct errand *errand);
static void on_settled(uv_timer_t *timer);

static void look(struct watch *watch)
{
    struct watch_look *it = &watch->look;

    assert(!it->pending);
    watch->state = WATCH_LOOKING;
    watch->noted = false;
    *it = (struct watch_look){.errand = {.run = run_look, .on_done = on_looked},
                              .pending = true,
                              .inotify = -1,
                              .before = watch->places};
    if (is_on(watch))
        it->files = reload_files(watch->reload);
    if (!is_on(watch) || open_inotify(watch))
        it->inotify = watch->inotify;
    errands_ask(watch->errands, &it->errand);
}

static void settle(struct watch *watch)
{
    if (watch->state != WATCH_SETTLING)
        watch->since_ms = uv_now(watch->loop);
    watch->state = WATCH_SETTLING;
    uv_timer_start(&watch->settle, on_settled, watch->settings.settle_ms, 0);
}

/* A file may have changed. */
static void note_change(struct watch *watch)
{
    uint64_t most_ms = watch->settings.settle_ms * SETTLE_TIMES_MAX;

    switch (watch->state) {
    case WATCH_OFF:
        break;
    case WATCH_QUIET:
        settle(watch);
        break;
    case WATCH_SETTLING:
        if (uv_now(watch->loop) - watch->since_ms < most_ms)
            settle(watch);
        break;
    case WATCH_LOOKING:
    case WATCH_READING:
        watch->noted = true;
        break;
    }
}

static void on_settled(uv_timer_t *timer)
{
    struct watch *watch = timer->data;

    part_assert_own(&watch->part);
    assert(watch->state == WATCH_SETTLING);
    if (!watch->doubtful) {
        look(watch);
        return;
    }
    watch->doubtful = false;
    watch->state = WATCH_READING;
    reload_ask(watch->reload);
}

static void on_poll(uv_timer_t *timer)
{
    struct watch *watch = timer->data;

    part_assert_own(&watch->part);
    if (watch->state == WATCH_QUIET)
        look(watch);
}

/* --- what was seen --- */

static void take_places(struct watch *watch, struct watch_places *places)
{
    if (places == NULL)
        return;
    watch_places_free(watch->places);
    watch->places = places;
    say_unwatched(watch, places->unwatched != NULL ? places->unwatched : watch->file,
                  places->error);
}

static enum reload_seen see(struct watch *watch, struct config_files *now)
{
    enum reload_seen seen = RELOAD_SEEN_SAME;

    if (now != NULL && !now->no_memory)
        seen = reload_see(watch->reload, now);
    if (seen == RELOAD_SEEN_USED)
        log_line(LOG_LEVEL_INFO, "%s: again what is in use", watch->file);
    return seen;
}

static void close_inotify(struct watch *watch)
{
    if (watch->inotify >= 0)
        close(watch->inotify);
    watch->inotify = -1;
}

static void end_look(struct watch_look *it)
{
    watch_places_free(it->places);
    config_files_drop(it->files);
    config_files_drop(it->now);
    *it = (struct watch_look){.inotify = -1};
}

/* The part has stopped, and no look goes on. */
static void let_go(struct watch *watch)
{
    end_look(&watch->look);
    watch_places_free(watch->places);
    watch->places = NULL;
    close_inotify(watch);
}

static void on_looked(struct errand *errand)
{
    struct watch_look *it = (struct watch_look *)errand;
    struct watch *watch = (struct watch *)((char *)it - offsetof(struct watch, look));

    if (watch->part.state != PART_RUNNING) {
        let_go(watch);
        return;
    }
    part_assert_own(&watch->part);
    assert(watch->state == WATCH_LOOKING && it->pending);
    take_places(watch, it->places);
    it->places = NULL;
    enum reload_seen seen = is_on(watch) ? see(watch, it->now) : RELOAD_SEEN_SAME;
    bool was_on = it->files != NULL;
    end_look(it);
    watch->state = is_on(watch) ? WATCH_QUIET : WATCH_OFF;
    if (!is_on(watch) && was_on) {
        look(watch); /* watches nothing any more */
    } else if (is_on(watch) && (watch->doubtful || (watch->noted && seen != RELOAD_SEEN_OTHER))) {
        settle(watch);
    } else if (seen == RELOAD_SEEN_OTHER) {
        watch->state = WATCH_READING;
        reload_try(watch->reload);
    }
}

/* --- outcomes --- */

static void adopt(struct watch *watch, const struct reload_config *settings)
{
    bool was_on = is_on(watch);

    watch->settings = *settings;
    uv_timer_stop(&watch->poll);
    if (is_on(watch) && settings->poll_ms > 0)
        uv_timer_start(&watch->poll, on_poll, settings->poll_ms, settings->poll_ms);
    if (!was_on || is_on(watch))
        return;
    uv_timer_stop(&watch->settle);
    watch->doubtful = watch->noted = false;
    if (watch->state != WATCH_LOOKING)
        look(watch); /* watches nothing any more */
}

void watch_tell(struct watch *watch, const struct reload_outcome *outcome)
{
    if (watch->part.state != PART_RUNNING)
        return;
    part_assert_own(&watch->part);
    if (outcome->config != NULL)
        adopt(watch, &outcome->config->reload);
    if (!is_on(watch))
        return;
    watch->doubtful = outcome->result == RELOAD_DOUBTFUL;
    if (watch->state == WATCH_LOOKING)
        watch->noted = true;
    else
        settle(watch);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct watch *watch = part->self;
    int error = uv_timer_init(watch->loop, &watch->settle);

    assert(part == &watch->part);
    assert(error == 0);
    error = uv_timer_init(watch->loop, &watch->poll);
    assert(error == 0);
    watch->settle.data = watch->poll.data = watch;
    watch->open = 2;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;

    assert(watch->open > 0);
    if (--watch->open == 0)
        watch->on_stopped(&watch->part);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct watch *watch = part->self;

    assert(part == &watch->part);
    watch->on_stopped = on_stopped;
    watch->state = WATCH_OFF;
    uv_close((uv_handle_t *)&watch->settle, on_closed);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
    if (watch->inotify >= 0)
        uv_close((uv_handle_t *)&watch->events, on_closed);
    if (!watch->look.pending || errands_give_up(watch->errands, &watch->look.errand))
        let_go(watch);
}

void watch_init(struct watch *watch, uv_loop_t *loop, const struct control_source *source,
                struct errands *errands, struct reload *reload)
{
    *watch = (struct watch){
        .part = {.name = "watch", .self = watch, .start = start, .stop = stop},
        .loop = loop,
        .file = source->once ? NULL : source->file,
        .errands = errands,
        .reload = reload,
        .inotify = -1,
    };
}
