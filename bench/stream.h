#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

/* A non-blocking byte stream: a socket, or a TLS session on one. Both sides of the tool use it. */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream {
    int fd;      /* -1 = closed; owned */
    bool is_tcp; /* not a unix socket */
    SSL *ssl;    /* NULL = plain; owned */
};

/* A TLS session failed; errno numbers are positive and smaller. */
#define STREAM_TLS_FAILED 4096

/*
 * These return the number of bytes, 0 at the peer's end (recv, discard), or a negative errno:
 * -EAGAIN = come back on the next event, -STREAM_TLS_FAILED = TLS refused.
 */
ssize_t stream_recv(struct stream *stream, uint8_t *buffer, size_t cap);
/* Takes bytes; on TCP without TLS they are discarded in the kernel and not copied. */
ssize_t stream_discard(struct stream *stream, uint8_t *scratch, size_t cap);
ssize_t stream_send(struct stream *stream, const uint8_t *bytes, size_t len);
/*
 * Sends the last bytes of a stream that is ended or closed at once: without TLS the FIN travels in
 * their segment (or right behind it, when an acknowledgement comes between the two calls).
 */
ssize_t stream_send_last(struct stream *stream, const uint8_t *bytes, size_t len);

/* Ends the sending direction (close_notify and FIN). */
void stream_end(struct stream *stream);
/* Closes the stream; harmless when it is closed. */
void stream_close(struct stream *stream);
/*
 * For a socket whose peer is on this machine: no pacing, whatever congestion control is the
 * system's. There is no queue that it could spare, and it holds segments back, a FIN also.
 * A listener passes it on to what it accepts.
 */
void stream_unpace(int fd);
/* Closes with a reset instead of a FIN, leaving nothing behind in TIME_WAIT. */
void stream_reset(struct stream *stream);

#endif
