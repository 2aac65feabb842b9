#include "router/worker/accept_error.h"

#include <errno.h>

/* A network error is the new connection's, says accept(2), and so is what a firewall forbids. */
static enum accept_error class_of(int error)
{
    switch (error) {
    case EAGAIN:
        return ACCEPT_EMPTY;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSR:
        return ACCEPT_PAUSE;
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOSYS:
    case ENOTSOCK:
        return ACCEPT_BROKEN;
    default:
        return ACCEPT_NEXT;
    }
}

enum accept_error accept_error_of(int error, uint32_t row)
{
    enum accept_error class = class_of(error);

    if (class != ACCEPT_NEXT || row < ACCEPT_ROW_PAUSE)
        return class;
    return row < ACCEPT_ROW_BROKEN ? ACCEPT_PAUSE : ACCEPT_BROKEN;
}
