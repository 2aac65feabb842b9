#include "router/control/successor.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "router/control/upgrade.h"

bool successor_is_waiting(const struct successor *successor)
{
    return successor->fd >= 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct successor *successor = handle->data;

    successor->is_polled = false;
    if (successor->on_stopped != NULL)
        successor->on_stopped(&successor->part);
}

/* Its handle tells later that it has closed. */
static void close_channel(struct successor *successor)
{
    if (successor->fd < 0)
        return;
    if (successor->is_polled)
        uv_close((uv_handle_t *)&successor->poll, on_poll_closed);
    close(successor->fd);
    successor->fd = -1;
}

static void alone(struct successor *successor, bool gone)
{
    close_channel(successor);
    successor->on_alone(successor->context, true, gone);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct successor *successor = poll->data;
    char said = 0;

    (void)status;
    (void)events;
    part_assert_own(&successor->part);
    ssize_t n = read(successor->fd, &said, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    alone(successor, n != 1 || said != UPGRADE_YOURS);
}

void successor_is_ready(struct successor *successor)
{
    char ready = UPGRADE_READY;

    part_assert_own(&successor->part);
    if (successor->fd < 0) {
        successor->on_alone(successor->context, false, false);
        return;
    }
    if (send(successor->fd, &ready, 1, MSG_NOSIGNAL) != 1 ||
        uv_poll_init(successor->loop, &successor->poll, successor->fd) != 0) {
        alone(successor, true);
        return;
    }
    successor->poll.data = successor;
    successor->is_polled = true;
    uv_poll_start(&successor->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

/* --- the part --- */

static int start(struct part *part)
{
    (void)part;
    return 0;
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct successor *successor = part->self;

    assert(part == &successor->part);
    successor->on_stopped = on_stopped;
    close_channel(successor);
    if (!successor->is_polled)
        on_stopped(part);
}

void successor_init(struct successor *successor, uv_loop_t *loop, int predecessor,
                    void (*on_alone)(void *context, bool replaced, bool gone), void *context)
{
    *successor = (struct successor){
        .part = {.name = "successor", .self = successor, .start = start, .stop = stop},
        .loop = loop,
        .on_alone = on_alone,
        .context = context,
        .fd = predecessor,
    };
}
