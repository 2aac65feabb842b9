#include "router/control/side_thread.h"

#include <pthread.h>
#include <signal.h>

int side_thread_start(uv_thread_t *thread, void (*run)(void *argument), void *argument)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = uv_thread_create(thread, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void work_list_init(struct work_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void work_list_add(struct work_list *list, struct work *work)
{
    work->next = NULL;
    *list->end = work;
    list->end = &work->next;
}

struct work *work_list_take(struct work_list *list)
{
    struct work *first = list->first;

    if (first == NULL)
        return NULL;
    list->first = first->next;
    if (list->first == NULL)
        list->end = &list->first;
    return first;
}

struct work *work_list_take_all(struct work_list *list)
{
    struct work *first = list->first;

    work_list_init(list);
    return first;
}

bool work_list_remove(struct work_list *list, const struct work *work)
{
    struct work **link = &list->first;

    while (*link != NULL && *link != work)
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    *link = work->next;
    if (*link == NULL)
        list->end = link;
    return true;
}
