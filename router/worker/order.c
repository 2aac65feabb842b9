#include "router/worker/order.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

struct order *order_new(enum order_kind kind)
{
    struct order *order = calloc(1, sizeof *order);

    if (order != NULL)
        order->kind = kind;
    return order;
}

/* What was handed over and not taken; the sockets are still somebody else's. */
static void free_handed(struct handed_listener *handed, uint32_t count)
{
    for (uint32_t i = 0; handed != NULL && i < count; i++)
        handed_release(&handed[i]);
    free(handed);
}

void order_free(struct order *order)
{
    if (order == NULL)
        return;
    if (order->kind == ORDER_ADOPT || order->kind == ORDER_REFRESH)
        free_handed(order->adopt.handed, order->adopt.handed_count);
    if (order->kind == ORDER_LISTEN && order->listen.handed != NULL) {
        if (order->listen.handed->fd >= 0)
            close(order->listen.handed->fd);
        free_handed(order->listen.handed, 1);
    }
    free(order);
}

void order_post(order_mailbox *mailbox, struct order *order)
{
    order->next = atomic_load_explicit(mailbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(mailbox, &order->next, order,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

/* The mailbox is a stack: it is turned round. */
struct order *order_take(order_mailbox *mailbox)
{
    struct order *stack = atomic_exchange_explicit(mailbox, NULL, memory_order_acquire);
    struct order *first = NULL;

    while (stack != NULL) {
        struct order *next = stack->next;
        stack->next = first;
        first = stack;
        stack = next;
    }
    return first;
}

void order_answer_all(order_mailbox *answers,
                      void (*on_broken)(void *context, const struct broken_listener *broken),
                      void *context)
{
    struct order *next;

    for (struct order *order = order_take(answers); order != NULL; order = next) {
        next = order->next;
        assert(order->kind == ORDER_ASK || order->kind == ORDER_LEND ||
               order->kind == ORDER_BROKEN);
        if (order->kind == ORDER_ASK)
            order->ask.on_answer(order->ask.context, order->ask.looked);
        else if (order->kind == ORDER_LEND)
            order->lend.on_answer(order->lend.context, order->lend.lent);
        else if (on_broken != NULL)
            on_broken(context, &order->broken);
        order_free(order);
    }
}
