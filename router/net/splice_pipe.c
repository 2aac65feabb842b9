#include "router/net/splice_pipe.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * What it is enlarged to where the system allows (fs.pipe-max-size, and for unprivileged users
 * fs.pipe-user-pages-soft); else half of it, and so on. A pipe of the default size is still used.
 */
#define PIPE_WANTED_BYTES   (1024u * 1024u)
#define PIPE_SMALLEST_BYTES (128u * 1024u)

void splice_pipe_init(struct splice_pipe *pipe)
{
    *pipe = (struct splice_pipe){.read_fd = -1, .write_fd = -1};
}

static void enlarge(int fd)
{
    unsigned bytes = PIPE_WANTED_BYTES;

    while (bytes >= PIPE_SMALLEST_BYTES && fcntl(fd, F_SETPIPE_SZ, (int)bytes) < 0)
        bytes /= 2;
}

static bool open_now(struct splice_pipe *pipe)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    pipe->read_fd = fds[0];
    pipe->write_fd = fds[1];
    enlarge(pipe->write_fd);
    return true;
}

bool splice_pipe_take(struct splice_pipe *pipe)
{
    assert(pipe->held_bytes == 0);
    if (pipe->denied || pipe->refused)
        return false;
    if (pipe->read_fd < 0 && !open_now(pipe)) {
        pipe->refused = true;
        return false;
    }
    pipe->used = true;
    return true;
}

void splice_pipe_give(struct splice_pipe *pipe)
{
    if (pipe->held_bytes > 0 || pipe->denied)
        splice_pipe_close(pipe);
}

void splice_pipe_deny(struct splice_pipe *pipe)
{
    pipe->denied = true;
}

void splice_pipe_sweep(struct splice_pipe *pipe)
{
    if (!pipe->used)
        splice_pipe_close(pipe);
    pipe->used = false;
    pipe->refused = false;
}

void splice_pipe_close(struct splice_pipe *pipe)
{
    if (pipe->read_fd >= 0) {
        close(pipe->read_fd);
        close(pipe->write_fd);
    }
    pipe->read_fd = pipe->write_fd = -1;
    pipe->held_bytes = 0;
}
