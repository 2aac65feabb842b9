#ifndef ROUTER_LOOKUPS_H
#define ROUTER_LOOKUPS_H

/*
 * Asks getaddrinfo(3), which blocks until a name server has answered or is given up, in threads of
 * its own. (libuv's pool makes its threads when it is first asked, and aborts the process when it
 * cannot.)
 *
 * The happy path
 *  - lookups_start() makes the first threads.
 *  - lookups_ask() hands a question to a thread; its answer comes back on the loop.
 *  - While all threads wait for answers a further question gets a further thread, up to a limit.
 *  - lookups_take_back(): a question that no thread has in hand yet is asked no more.
 *  - lookups_stop(): the threads end.
 *
 * The failures
 *  - The first threads cannot be made: lookups_start() says so, and nothing is left.
 *  - A further thread cannot be made: the question waits its turn.
 *  - A thread still waits for an answer at the stop: lookups_are_stuck(), and the struct must be
 *    there until the process ends.
 *
 * Control, but for the threads.
 */

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "router/control/side_thread.h"

/* Threads that are there from the start, and how many there may be at most. */
#define LOOKUPS_FIRST_THREADS 2
#define LOOKUPS_MAX_THREADS   48

/* The longest name, with its NUL. */
#define LOOKUP_NAME_MAX 256

/* A question. The asker's, who may not touch it until it is answered. */
struct lookup {
    struct work work; /* first; in a list of lookups.c */
    char name[LOOKUP_NAME_MAX];
    /* The question is the asker's again, and so is what was found. */
    void (*on_answer)(struct lookup *lookup);
    int error;              /* of getaddrinfo(3), 0: there is an address */
    int system_error;       /* errno, where `error` is EAI_SYSTEM */
    struct addrinfo *found; /* for freeaddrinfo() */
};

struct lookups {
    uv_loop_t *loop;
    uv_async_t answered;
    void (*on_stopped)(void *context);
    void *context;
    size_t threads; /* of list[] */
    uv_thread_t list[LOOKUPS_MAX_THREADS];

    uv_mutex_t lock; /* guards the rest */
    uv_cond_t more;
    struct work_list questions, answers;
    size_t waiting; /* questions in the list */
    size_t busy;    /* threads that have one in hand */
    bool stopping;
};

/* 0 or a negative libuv error. The struct must not move in memory afterwards. */
int lookups_start(struct lookups *lookups, uv_loop_t *loop);

/* Asks for `name` of the question, which is zeroed but for that and for `on_answer`. */
void lookups_ask(struct lookups *lookups, struct lookup *lookup);

/* True: no thread has the question in hand, so it is the asker's again and is not answered. */
bool lookups_take_back(struct lookups *lookups, struct lookup *lookup);

/*
 * Once. `on_stopped` is called on the loop; what was answered is told before. What was asked and is
 * not answered is told never.
 */
void lookups_stop(struct lookups *lookups, void (*on_stopped)(void *context), void *context);

/* After the stop: whether a thread is left that waits for an answer. */
bool lookups_are_stuck(const struct lookups *lookups);

#endif
