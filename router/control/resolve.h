#ifndef ROUTER_RESOLVE_H
#define ROUTER_RESOLVE_H

/*
 * Turns the names of servers into addresses; workers never wait for DNS. A part of control.
 *
 * A look-up that a thread has begun cannot be taken back: it ends when it is answered or given up,
 * which takes a dead name server many seconds. So control publishes the configuration before that,
 * turns to the names of another one, and ends without waiting.
 *
 * What a configuration has left behind must not keep the next from asking. So a name that is being
 * looked up twice for nobody is not asked for a third time: the next who asks takes the newer of
 * the two over, and asks anew if nothing comes of it. Asking a second time is for name servers that
 * are others now than they were, and answer. However often the same names are asked for, they hold
 * no more than two thirds of the threads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "router/control/lookups.h"
#include "router/control/part.h"
#include "router/state/addresses.h"
#include "router/state/config_use.h"

/* So many questions at once. */
#define RESOLVE_IN_FLIGHT 16
/* So many look-ups of one name may be under way for nobody. */
#define RESOLVE_LEFT_MAX 2
_Static_assert((RESOLVE_LEFT_MAX + 1) * RESOLVE_IN_FLIGHT <= LOOKUPS_MAX_THREADS,
               "names that are not answered must leave threads to others");

/*
 * What came of the name of a server (see config_use_index()): its addresses, with a hold that is
 * the callee's, or NULL. The server knows them already; that there are none was said in the
 * log.
 */
typedef void resolve_answer_cb(void *context, uint32_t server, struct addresses *addresses);
typedef void resolve_done_cb(void *context);

struct question {
    const struct address *address; /* of the configuration */
    uint32_t server;
    bool is_new; /* nothing was in use that named this server, and it has no address yet */
};

struct query;
LIST_HEAD(query_list, query);

struct resolve {
    struct part part;
    uv_loop_t *loop;
    struct lookups lookups;
    void (*on_stopped)(struct part *part);
    struct query_list queries; /* under way, also for nobody any more; the newest first */

    struct config_use *use; /* whose names are asked for; held. NULL: nobody's */
    resolve_answer_cb *on_answer;
    resolve_done_cb *on_done;
    void *context;
    struct question *questions; /* the most urgent first */
    uint32_t question_count;
    uint32_t next;      /* question to be asked */
    uint32_t in_flight; /* asked and not answered */
    uint32_t new_left;  /* questions of new servers that are not answered */
};

void resolve_init(struct resolve *resolve, uv_loop_t *loop);

/*
 * Looks up the servers of a configuration: `on_answer` for each that has a name, in the end
 * `on_done` once, all of it possibly before this returns. Names that are new are asked for first,
 * then those that have no address, then the others. Nothing may be under way. Control.
 */
void resolve_start(struct resolve *resolve, struct config_use *use, resolve_answer_cb *on_answer,
                   resolve_done_cb *on_done, void *context);

/* Asks for no further names, and nobody is called any more. Does nothing when nothing is under way.
 */
void resolve_forget(struct resolve *resolve);

static inline bool resolve_is_busy(const struct resolve *resolve)
{
    return resolve->use != NULL;
}

/* Whether new servers wait for their first answer. */
static inline bool resolve_awaits_new(const struct resolve *resolve)
{
    return resolve->new_left > 0;
}

/* Those, as far as they were asked for, for a message: "a.test:443, b.test:443". */
void resolve_print_new(const struct resolve *resolve, char *text, size_t size);

/* Says in the error log that a server has no address. */
void resolve_say_failed(const struct server *server, const char *why);

/* After the stop: a look-up goes on in its thread, which uses the struct. */
static inline bool resolve_is_stuck(const struct resolve *resolve)
{
    return lookups_are_stuck(&resolve->lookups);
}

#endif
