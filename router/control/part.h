#ifndef ROUTER_PART_H
#define ROUTER_PART_H

/*
 * A part of control: something with a life of its own on the control loop, such as the signals or
 * the workers. All parts stand in one list; they start in its order and stop in reverse, each when
 * the one after it has stopped, so a part may use those before it as long as it lives.
 *
 * The happy path
 *  - parts_start() starts one after the other.
 *  - parts_stop() stops the last; when it says that it has stopped, the one before; when the first
 *    has stopped, on_stopped.
 *
 * The failures
 *  - A part cannot start: those before it are stopped, as by parts_stop(); those after it are
 *    never started.
 *
 * Control thread only. No loop is known here: a part closes its own handles.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum part_state { PART_STOPPED, PART_RUNNING, PART_STOPPING };

struct part {
    const char *name;
    void *self; /* what the part is embedded in */
    /*
     * 0, or the exit code with the reason in the error log; then nothing is left that would have
     * to be stopped.
     */
    int (*start)(struct part *part);
    /* Calls on_stopped once, now or later. It may free what the part has: nobody uses it then. */
    void (*stop)(struct part *part, void (*on_stopped)(struct part *part));

    /* written by part.c only */
    enum part_state state;
    struct parts *parts;
};

struct parts {
    struct part *const *list; /* borrowed */
    size_t count;
    size_t running; /* the first so many are running; the last of them may be stopping */
    bool stopping;
    pthread_t thread; /* that has started them */
    void (*on_stopped)(void *context);
    void *context;
};

/* `on_stopped` is called once, when all have stopped; also after a start that failed. */
void parts_init(struct parts *parts, struct part *const *list, size_t count,
                void (*on_stopped)(void *context), void *context);

/* 0, or the exit code of the part that could not start. */
int parts_start(struct parts *parts);

/* Once; `on_stopped` may be called before this returns. */
void parts_stop(struct parts *parts);

/* Asserts that the part is running or stopping, and that this is the control thread. */
void part_assert_own(const struct part *part);

#endif
