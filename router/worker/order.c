#include "router/worker/order.h"

#include <assert.h>
#include <stdlib.h>

struct order *order_new(enum order_kind kind)
{
    struct order *order = calloc(1, sizeof *order);

    if (order != NULL)
        order->kind = kind;
    return order;
}

void order_free(struct order *order)
{
    if (order == NULL)
        return;
    if (order->kind == ORDER_ADOPT || order->kind == ORDER_REFRESH)
        free(order->adopt.handed);
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

void order_answer_all(order_mailbox *answers)
{
    struct order *next;

    for (struct order *order = order_take(answers); order != NULL; order = next) {
        next = order->next;
        assert(order->kind == ORDER_ASK);
        order->ask.on_answer(order->ask.context, order->ask.looked);
        order_free(order);
    }
}
