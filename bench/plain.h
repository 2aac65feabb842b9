#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

/*
 * A second load generator, of other habits than sni-bench: bench/peers runs both, so that no figure
 * is one tool's own.
 *
 *   sni-bench                                bench-plain
 *   edge-triggered epoll                     poll(), level-triggered
 *   received bytes are discarded unread      read() copies them, 128 KiB at a time
 *   sends 256 KiB at a time                  1 MiB
 *   receive buffers that the kernel tunes    of 256 KiB
 *   no pacing, last bytes and FIN together   the system's congestion control; write(), then close()
 *   connects without waiting                 waits in connect()
 *
 * A connection sends a ClientHello and an order, and what follows is plain bytes. What is kept open
 * begins together: the backend says with one byte that it is there, and waits for the client's.
 *
 *   order     0 kind (see below)  1 bytes of a request (4)  5 bytes of a response (4)
 *
 *   d  down      the backend sends until the client goes
 *   u  up        the client sends until it goes
 *   r  request   each request is answered, until the client goes
 *   c  conn      the backend answers once and closes; the client begins anew
 *
 * One thread on either side. The client opens its connections, waits for the warm-up, reads
 * counters, works on, reads them again, and says the difference as one JSON object. What fails is
 * counted, and a kept connection that fails is not replaced.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/sample.h"
#include "bench/socket_address.h"

#define PLAIN_WRITE_BYTES (1u << 20)
#define PLAIN_READ_BYTES  (128u << 10)
#define PLAIN_ORDER_BYTES 9u
#define PLAIN_HEAD_BYTES  4096u /* hello and order */
#define PLAIN_LINKS_MAX   1024u

/* One connection, of the client or of the backend. */
struct link {
    char kind;        /* '\0' = the backend does not know it yet */
    bool begun;       /* backend: the client's byte has come */
    size_t have;      /* backend: bytes in `head` */
    size_t received;  /* of the present request or response */
    size_t to_send;   /* of the present response or request */
    uint32_t request; /* bytes */
    uint32_t response;
    uint8_t head[PLAIN_HEAD_BYTES];
};

/* The process. */
struct plain {
    struct socket_address address;
    char kind;
    unsigned long count;
    unsigned long request_bytes;
    unsigned long response_bytes;
    double seconds;
    double warmup_s;
    struct sample_pids pids;
    size_t flight_len;
    uint8_t flight[PLAIN_HEAD_BYTES];
    uint64_t bytes;  /* of bulk, received and sent */
    uint64_t done;   /* connections or requests */
    uint64_t failed; /* connections */
    size_t link_count;
    struct link links[PLAIN_LINKS_MAX];
    /* Of the same index; the backend's listener is behind them. */
    struct pollfd polls[PLAIN_LINKS_MAX + 1];
};

/* A TCP socket with a receive buffer of its own size; -1 = none. What it accepts has that too. */
int plain_socket(const struct plain *plain);

/* --- one step of a connection, either side; false = it has ended --- */

/* Of bulk. */
bool plain_send(struct plain *plain, int fd);
bool plain_receive(struct plain *plain, int fd);
/* What is left of a request or response; what there is of one. */
bool plain_write(struct link *link, int fd);
bool plain_read(struct link *link, int fd);
/* Whether a call that did not move bytes says that there is no hurry. */
bool plain_may_wait(ssize_t result);
/* The events to wait for. */
short plain_interest(const struct link *link, bool is_client);

/* Serves until it is ended by a signal; returns an enum bench_exit when it cannot. */
int plain_serve(struct plain *plain);

#endif
