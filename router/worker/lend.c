#include "router/worker/lend.h"

#include <errno.h>
#include <fcntl.h>

#include "router/worker/listener.h"

void lend_listeners(struct listeners *listeners, struct lending *lending)
{
    struct listener *listener;

    lending->count = 0;
    lending->error = 0;
    LIST_FOREACH (listener, &listeners->list, link) {
        listener->lent = false;
        if (listener->stage != LISTENER_OPEN || lending->error != 0)
            continue;
        int fd = lending->count < lending->room ? fcntl(listener->fd, F_DUPFD_CLOEXEC, 0) : -1;
        if (fd < 0) {
            lending->error = lending->count < lending->room ? errno : ENOMEM;
            continue;
        }
        listener->lent = true;
        lending->list[lending->count++] = (struct lent_socket){listener->endpoint_id, fd};
    }
}

void lend_close(struct listeners *listeners)
{
    struct listener *listener, *next;

    for (listener = LIST_FIRST(&listeners->list); listener != NULL; listener = next) {
        next = LIST_NEXT(listener, link);
        if (listener->lent && listener->stage == LISTENER_OPEN)
            listener_close(listener);
    }
}
