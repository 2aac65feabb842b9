#ifndef ROUTER_ORDER_H
#define ROUTER_ORDER_H

/*
 * What control tells a worker, and what a worker answers. Orders cross threads through a mailbox: a
 * lock-free stack that one thread takes as a whole. What an order carries was completely made by
 * control, so a worker cannot fail to follow it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "router/worker/lend.h"
#include "router/worker/listener.h"

struct conns;
struct view;

enum order_kind {
    ORDER_ADOPT,   /* use this view and these listeners from now on */
    ORDER_REFRESH, /* the same for another snapshot of the same configuration: listeners stay */
    ORDER_LISTEN,  /* use this socket for a listener of the configuration from now on */
    ORDER_DRAIN,   /* stop listening; what is there has some time */
    ORDER_STOP,    /* end everything now */
    ORDER_ASK,     /* look at the connections; control is answered */
    ORDER_LEND,    /* duplicate the listening sockets; control is answered */
    ORDER_BROKEN   /* from a worker: a listening socket is broken, and closed */
};

/* What connections are granted when a worker drains. */
struct drain_terms {
    uint64_t ms;      /* how long they may go on */
    uint64_t idle_ms; /* those that are silent for so long go before; 0: off */
    bool replaced;    /* another process accepts from the sockets that were lent */
};

struct order {
    enum order_kind kind;
    struct order *next; /* in a mailbox or a list */
    union {
        struct {
            struct view *view;              /* the worker's from now on */
            struct handed_listener *handed; /* all that there is to listen on, owned */
            uint32_t handed_count;
        } adopt; /* ADOPT, REFRESH */
        struct {
            struct handed_listener *handed; /* one, owned with its socket */
        } listen;
        struct drain_terms drain;
        struct {
            /* Runs on the worker's thread. */
            void (*look)(struct conns *conns, void *context);
            /* Runs on control's thread afterwards. `looked`: false when the worker had ended. */
            void (*on_answer)(void *context, bool looked);
            void *context; /* the asker's; not touched by control between posting and answer */
            bool looked;
        } ask;
        struct {
            struct lending *lending; /* the asker's; not touched by it until the answer */
            /* Runs on control's thread. `lent`: false when the worker had ended. */
            void (*on_answer)(void *context, bool lent);
            void *context;
            bool lent;
        } lend;
        struct broken_listener broken;
    };
};

/* A zeroed order of this kind; NULL: no memory. */
struct order *order_new(enum order_kind kind);

/* Frees an order and what it still owns; the view is not its own. */
void order_free(struct order *order);

typedef _Atomic(struct order *) order_mailbox;

/* Puts an order in. Any thread. */
void order_post(order_mailbox *mailbox, struct order *order);

/* Takes all that is in, as a list in the order of posting. One thread. */
struct order *order_take(order_mailbox *mailbox);

/*
 * Answers asks that have come back, on control's thread, hands reports to `on_broken` (NULL: nobody
 * wants to know), and frees both.
 */
void order_answer_all(order_mailbox *answers,
                      void (*on_broken)(void *context, const struct broken_listener *broken),
                      void *context);

#endif
