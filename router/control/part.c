#include "router/control/part.h"

#include <assert.h>

void parts_init(struct parts *parts, struct part *const *list, size_t count,
                void (*on_stopped)(void *context), void *context)
{
    *parts =
        (struct parts){.list = list, .count = count, .on_stopped = on_stopped, .context = context};
    for (size_t i = 0; i < count; i++) {
        assert(list[i]->start != NULL && list[i]->stop != NULL);
        list[i]->state = PART_STOPPED;
        list[i]->parts = parts;
    }
}

static void assert_thread(const struct parts *parts)
{
    assert(pthread_equal(parts->thread, pthread_self()) != 0);
}

static void stop_last(struct parts *parts);

static void on_part_stopped(struct part *part)
{
    struct parts *parts = part->parts;

    assert_thread(parts);
    assert(part->state == PART_STOPPING);
    assert(parts->running > 0 && parts->list[parts->running - 1] == part);
    part->state = PART_STOPPED;
    parts->running--;
    stop_last(parts);
}

static void stop_last(struct parts *parts)
{
    assert(parts->stopping);
    if (parts->running == 0) {
        parts->on_stopped(parts->context);
        return;
    }
    struct part *last = parts->list[parts->running - 1];

    assert(last->state == PART_RUNNING);
    last->state = PART_STOPPING;
    last->stop(last, on_part_stopped);
}

int parts_start(struct parts *parts)
{
    assert(parts->running == 0 && !parts->stopping);
    parts->thread = pthread_self();
    while (parts->running < parts->count) {
        struct part *part = parts->list[parts->running];
        /* A part is running for its own start(), which may call its own entry points. */
        part->state = PART_RUNNING;
        int code = part->start(part);
        if (code != 0) {
            part->state = PART_STOPPED;
            parts_stop(parts);
            return code;
        }
        parts->running++;
    }
    return 0;
}

void parts_stop(struct parts *parts)
{
    assert_thread(parts);
    assert(!parts->stopping);
    parts->stopping = true;
    stop_last(parts);
}

void part_assert_own(const struct part *part)
{
    assert(part->state != PART_STOPPED);
    assert_thread(part->parts);
}
