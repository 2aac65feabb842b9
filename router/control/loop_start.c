#include "router/control/loop_start.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What waiting needs: a set, and that it takes a descriptor. */
static int try_to_wait(const char **step)
{
    struct epoll_event event = {.events = EPOLLIN};
    int error = 0;

    *step = "eventfd";
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return errno;
    *step = "epoll_create1";
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) {
        error = errno;
    } else {
        *step = "epoll_ctl";
        if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)
            error = errno;
        close(set);
    }
    close(fd);
    return error;
}

/* Signals arrive through a pipe. */
static int try_pipe(const char **step)
{
    int fds[2];

    *step = "pipe2";
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    close(fds[0]);
    close(fds[1]);
    return 0;
}

int loop_start(uv_loop_t *loop, const char **step)
{
    int error = try_to_wait(step);

    if (error == 0)
        error = try_pipe(step);
    if (error != 0)
        return error;
    *step = "uv_loop_init";
    return -uv_loop_init(loop);
}
