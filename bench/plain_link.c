/* What both sides of bench-plain do with a connection. */

#include "bench/plain.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256 << 10)

static uint8_t payload[PLAIN_WRITE_BYTES]; /* what everybody sends */
static uint8_t scratch[PLAIN_READ_BYTES];  /* what everybody has received */

int plain_socket(const struct plain *plain)
{
    const int bytes = BUFFER_BYTES;
    int fd = socket(plain->address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return fd;
}

bool plain_may_wait(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

bool plain_send(struct plain *plain, int fd)
{
    ssize_t sent = send(fd, payload, PLAIN_WRITE_BYTES, MSG_NOSIGNAL);

    plain->bytes += sent > 0 ? (uint64_t)sent : 0;
    return sent > 0 || plain_may_wait(sent);
}

bool plain_receive(struct plain *plain, int fd)
{
    ssize_t got = read(fd, scratch, PLAIN_READ_BYTES);

    plain->bytes += got > 0 ? (uint64_t)got : 0;
    return got > 0 || plain_may_wait(got);
}

bool plain_write(struct link *link, int fd)
{
    ssize_t sent = send(fd, payload, link->to_send, MSG_NOSIGNAL);

    link->to_send -= sent > 0 ? (size_t)sent : 0;
    return sent > 0 || plain_may_wait(sent);
}

bool plain_read(struct link *link, int fd)
{
    ssize_t got = read(fd, scratch, PLAIN_READ_BYTES);

    link->received += got > 0 ? (size_t)got : 0;
    return got > 0 || plain_may_wait(got);
}

short plain_interest(const struct link *link, bool is_client)
{
    bool bulk_out = link->kind == (is_client ? 'u' : 'd') && (is_client || link->begun);

    return bulk_out || link->to_send > 0 ? POLLOUT : POLLIN;
}
