#include "router/net/room.h"

#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What may wait unsent: enough to keep a fast receiver busy until we are woken again. */
#define UNSENT_BYTES (128u * 1024u)
/* Both queues go beyond their bounds by a segment, and the kernel counts more than the bytes. */
#define SLACK_BYTES (192u * 1024u)

bool room_bounds_unsent(const struct socket_sizes *sizes)
{
    return sizes->held_bytes != 0 && sizes->send_bytes == 0;
}

void room_bound_receive(int fd, const struct socket_sizes *sizes)
{
    if (sizes->held_bytes == 0 || sizes->receive_bytes != 0)
        return;
    /* The kernel doubles it, for its book-keeping: the doubled is the most that it holds. */
    int size = (int)((sizes->held_bytes - UNSENT_BYTES - SLACK_BYTES) / 2);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void room_bound_unsent(int fd, const struct socket_sizes *sizes)
{
    unsigned bytes = room_bounds_unsent(sizes) ? UNSENT_BYTES : 0; /* 0: as the system has it */

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

/* --- how much goes out --- */

static size_t less(size_t from, size_t what)
{
    return from > what ? from - what : 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What fits into the send buffer. */
static bool room_in_buffer(int fd, size_t *bytes)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
        return false;
    uint32_t queued = info[SK_MEMINFO_WMEM_QUEUED]; /* TCP counts in the one, unix sockets */
    uint32_t sent = info[SK_MEMINFO_WMEM_ALLOC];    /* in the other */
    *bytes = less(info[SK_MEMINFO_SNDBUF], queued > sent ? queued : sent);
    return true;
}

/* What the receiver's window and the network take at once. */
static size_t room_at_once(const struct tcp_info *info, bool local)
{
    uint64_t in_flight = less((size_t)info->tcpi_unacked + info->tcpi_retrans,
                              (size_t)info->tcpi_sacked + info->tcpi_lost);
    size_t network = less(info->tcpi_snd_cwnd, in_flight) * info->tcpi_snd_mss;
    size_t window = less(info->tcpi_snd_wnd, (size_t)info->tcpi_unacked * info->tcpi_snd_mss);
    size_t both = smaller(network, window);

    if (info->tcpi_notsent_bytes > 0)
        return 0;
    /* Paced or not (TCP small queues), a device is given about a millisecond's worth at a time. */
    return local ? both : smaller(both, info->tcpi_pacing_rate / 1024);
}

bool room_to_send(int fd, bool bounded, bool local, size_t *bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    if (!room_in_buffer(fd, bytes))
        return false;
    if (!bounded)
        return true;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof info.tcpi_snd_wnd)
        return false;
    size_t may_wait = less(UNSENT_BYTES, info.tcpi_notsent_bytes);
    *bytes = smaller(*bytes, room_at_once(&info, local) + may_wait);
    return true;
}
