#include "bench/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

/* A failed SSL call as a result of the functions in stream.h. */
static ssize_t ssl_result(struct stream *stream, int result)
{
    int saved = errno;

    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        return saved == 0 ? 0 : -saved;
    default:
        break;
    }
    /* OpenSSL 3 reports a FIN without close_notify as an error of its own. */
    bool ended = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    ERR_clear_error();
    return ended ? 0 : -STREAM_TLS_FAILED;
}

ssize_t stream_recv(struct stream *stream, uint8_t *buffer, size_t cap)
{
    if (stream->ssl != NULL) {
        size_t got;
        errno = 0;
        int result = SSL_read_ex(stream->ssl, buffer, cap, &got);
        return result == 1 ? (ssize_t)got : ssl_result(stream, result);
    }
    ssize_t got = recv(stream->fd, buffer, cap, 0);
    return got >= 0 ? got : -errno;
}

ssize_t stream_discard(struct stream *stream, uint8_t *scratch, size_t cap)
{
    if (stream->ssl != NULL)
        return stream_recv(stream, scratch, cap);
    /* Only with TCP MSG_TRUNC discards; other sockets would return the length that did not fit. */
    ssize_t got = recv(stream->fd, scratch, cap, stream->is_tcp ? MSG_TRUNC : 0);
    return got >= 0 ? got : -errno;
}

static ssize_t send_bytes(struct stream *stream, const uint8_t *bytes, size_t len, int flags)
{
    if (stream->ssl != NULL) {
        size_t sent;
        errno = 0;
        int result = SSL_write_ex(stream->ssl, bytes, len, &sent);
        ssize_t failed = result == 1 ? 1 : ssl_result(stream, result);
        /* The peer's end is an error here: a sender that got 0 would try again for ever. */
        return result == 1 ? (ssize_t)sent : failed == 0 ? -EPIPE : failed;
    }
    ssize_t sent = send(stream->fd, bytes, len, MSG_NOSIGNAL | flags);
    return sent >= 0 ? sent : -errno;
}

ssize_t stream_send(struct stream *stream, const uint8_t *bytes, size_t len)
{
    return send_bytes(stream, bytes, len, 0);
}

ssize_t stream_send_last(struct stream *stream, const uint8_t *bytes, size_t len)
{
    return send_bytes(stream, bytes, len, MSG_MORE);
}

void stream_unpace(int fd)
{
    static const char reno[] = "reno"; /* the one that every kernel has */

    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, reno, sizeof reno - 1);
}

void stream_end(struct stream *stream)
{
    if (stream->ssl != NULL) {
        SSL_shutdown(stream->ssl);
        ERR_clear_error();
    }
    shutdown(stream->fd, SHUT_WR);
}

void stream_close(struct stream *stream)
{
    if (stream->ssl != NULL) {
        /* A session that ended well may be resumed; without this OpenSSL drops it. */
        SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(stream->ssl);
        ERR_clear_error();
        stream->ssl = NULL;
    }
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

void stream_reset(struct stream *stream)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    if (stream->fd >= 0)
        setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    stream_close(stream);
}
