/*
 * What a backend does once the request of the client is known.
 *
 * Output goes through send_bytes(): bytes that the socket does not take at once are kept in the
 * stash, and nothing is read while the stash holds bytes, so a client that never reads costs one
 * response at most. Each direction moves POLLER_TURN_BYTES, then the connection waits for its next
 * turn. The last bytes and the FIN leave in one segment.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/serve.h"

/* At most this many bytes of the response travel in the banner's segment. */
#define FIRST_BYTES  16384u
#define RECORD_BYTES 16384u
#define ENDLESS      UINT64_MAX

static bool up_is_over(const struct serve_conn *conn)
{
    uint64_t wanted = conn->request.up_bytes;

    return conn->saw_end || (wanted > 0 && conn->received >= wanted);
}

static bool wants_trailer(const struct serve_conn *conn)
{
    return (conn->request.flags & WIRE_TRAILER) != 0 &&
           (conn->request.mode == WIRE_SINK || conn->request.mode == WIRE_DUPLEX);
}

/*
 * Whether everything that was asked for is done once the stash is empty and `len` more bytes of the
 * response are sent.
 */
static bool is_over_after(const struct serve_conn *conn, size_t len)
{
    bool sent = conn->to_send == len;
    bool endless = conn->to_send == ENDLESS;

    switch (conn->request.mode) {
    case WIRE_SINK:
        return up_is_over(conn);
    case WIRE_SOURCE:
        return sent || (conn->saw_end && endless);
    case WIRE_DUPLEX:
        return up_is_over(conn) && (sent || (endless && !wants_trailer(conn)));
    case WIRE_ECHO:
        return conn->saw_end;
    case WIRE_REQUEST:
        return conn->saw_end && sent;
    }
    return true;
}

static bool is_over(const struct serve_conn *conn)
{
    return conn->stash_len == 0 && is_over_after(conn, 0);
}

static ssize_t send_piece(struct serve_conn *conn, const uint8_t *bytes, size_t len, bool last)
{
    return last ? stream_send_last(&conn->stream, bytes, len)
                : stream_send(&conn->stream, bytes, len);
}

/*
 * `last` = the connection is ended right behind these bytes.
 * When one of these functions returns false, the connection may be gone.
 */
static bool send_bytes(struct serve_conn *conn, const uint8_t *bytes, size_t len, bool last)
{
    ssize_t sent = conn->stash_len > 0 ? -EAGAIN : send_piece(conn, bytes, len, last);

    if (sent < 0 && sent != -EAGAIN) {
        serve_conn_close(conn);
        return false;
    }
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    conn->thread->bytes_out += taken;
    if (taken < len && !serve_stash(conn, bytes + taken, len - taken, SIZE_MAX / 2)) {
        serve_conn_reset(conn);
        return false;
    }
    return true;
}

static bool flush_stash(struct serve_conn *conn)
{
    while (conn->stash_at < conn->stash_len) {
        ssize_t sent = send_piece(conn, conn->stash + conn->stash_at,
                                  conn->stash_len - conn->stash_at, is_over_after(conn, 0));
        if (sent == -EAGAIN)
            return true;
        if (sent < 0) {
            serve_conn_close(conn);
            return false;
        }
        conn->stash_at += (size_t)sent;
        conn->thread->bytes_out += (uint64_t)sent;
    }
    conn->stash_at = 0;
    conn->stash_len = 0;
    return true;
}

/* The bytes to send at this point of the stream: of the pattern if it is asked for, else any. */
static const uint8_t *payload_at(struct serve_conn *conn, size_t len)
{
    if ((conn->request.flags & WIRE_PATTERN) == 0)
        return conn->thread->payload;
    wire_pattern_fill(wire_down_seed(conn->request.seed), conn->sent, conn->thread->scratch, len);
    return conn->thread->scratch;
}

/* Writes these bytes to the caller's memory, because the scratch may hold bytes of the client. */
static void write_payload(const struct serve_conn *conn, uint8_t *out, size_t len)
{
    if ((conn->request.flags & WIRE_PATTERN) == 0)
        memcpy(out, conn->thread->payload, len);
    else
        wire_pattern_fill(wire_down_seed(conn->request.seed), conn->sent, out, len);
}

static void count_sent(struct serve_conn *conn, size_t len)
{
    conn->sent += len;
    if (conn->to_send != ENDLESS)
        conn->to_send -= len;
}

/* Sends bytes of the response. False: the connection is gone. */
static bool pump_down(struct serve_conn *conn)
{
    for (size_t moved = 0; conn->to_send > 0 && conn->stash_len == 0;) {
        if (moved >= POLLER_TURN_BYTES) {
            poller_again(&conn->thread->poller, &conn->pollable);
            return true;
        }
        bool pattern = (conn->request.flags & WIRE_PATTERN) != 0;
        /*
         * TLS takes one record at a time, so a longer piece of the pattern would be computed in
         * vain.
         */
        size_t len = pattern && conn->stream.ssl != NULL ? RECORD_BYTES : SERVE_SCRATCH_BYTES;
        if (conn->to_send < len)
            len = (size_t)conn->to_send;
        ssize_t sent = send_piece(conn, payload_at(conn, len), len, is_over_after(conn, len));
        if (sent == -EAGAIN)
            return true;
        if (sent < 0) {
            serve_conn_close(conn);
            return false;
        }
        moved += (size_t)sent;
        conn->thread->bytes_out += (uint64_t)sent;
        count_sent(conn, (size_t)sent);
        /* At this point no TLS record is half sent, so the trailer can follow. */
        if (conn->to_send == ENDLESS && wants_trailer(conn) && up_is_over(conn))
            conn->to_send = 0;
        /* The socket is full; an event says when it has room again. */
        if ((size_t)sent < len && conn->stream.ssl == NULL)
            return true;
    }
    return true;
}

static void check_pattern(struct serve_conn *conn, const uint8_t *bytes, size_t len)
{
    if ((conn->request.flags & WIRE_PATTERN) == 0 || conn->first_bad != WIRE_NO_OFFSET)
        return;
    size_t good = wire_pattern_check(conn->request.seed, conn->received, bytes, len);
    if (good < len)
        conn->first_bad = conn->received + good;
}

/* Takes bytes of the client's stream. `bytes` is NULL when they were discarded unread. */
static bool take_up(struct serve_conn *conn, const uint8_t *bytes, size_t len)
{
    if (bytes != NULL && conn->request.mode != WIRE_ECHO)
        check_pattern(conn, bytes, len);
    conn->received += len;
    if (conn->request.mode == WIRE_ECHO)
        return send_bytes(conn, bytes, len, false);
    if (conn->request.mode == WIRE_REQUEST) {
        uint64_t whole = conn->received / conn->request.up_bytes;
        conn->to_send += (whole - conn->answered) * conn->request.down_bytes;
        conn->answered = whole;
    }
    return true;
}

static ssize_t receive(struct serve_conn *conn, bool wants_bytes)
{
    struct serve_thread *thread = conn->thread;

    if (wants_bytes)
        return stream_recv(&conn->stream, thread->scratch, SERVE_SCRATCH_BYTES);
    return stream_discard(&conn->stream, thread->scratch, SERVE_SCRATCH_BYTES);
}

/* Reads until the socket is empty or the turn over. False: the connection is gone. */
static bool pump_up(struct serve_conn *conn)
{
    bool wants_bytes = conn->request.mode == WIRE_ECHO || (conn->request.flags & WIRE_PATTERN) != 0;

    for (size_t moved = 0; !conn->saw_end && conn->stash_len == 0;) {
        if (moved >= POLLER_TURN_BYTES) {
            poller_again(&conn->thread->poller, &conn->pollable);
            return true;
        }
        ssize_t got = receive(conn, wants_bytes);
        if (got == -EAGAIN)
            return true;
        if (got < 0) {
            serve_conn_close(conn);
            return false;
        }
        moved += (size_t)got;
        conn->saw_end = got == 0;
        conn->thread->bytes_in += (uint64_t)got;
        if (got > 0 && !take_up(conn, wants_bytes ? conn->thread->scratch : NULL, (size_t)got))
            return false;
        /* A short read has emptied the socket; later bytes raise an edge of their own. */
        if ((size_t)got < SERVE_SCRATCH_BYTES && !conn->hangup && conn->stream.ssl == NULL)
            return true;
    }
    return true;
}

static bool send_trailer(struct serve_conn *conn)
{
    conn->told_end = true;
    if (!wants_trailer(conn))
        return true;
    uint8_t bytes[WIRE_TRAILER_BYTES];
    struct wire_trailer trailer = {.corrupt = conn->first_bad != WIRE_NO_OFFSET,
                                   .received = conn->received,
                                   .first_bad = conn->first_bad};
    wire_write_trailer(&trailer, bytes);
    return send_bytes(conn, bytes, sizeof bytes, true);
}

static void settle(struct serve_conn *conn)
{
    if (!is_over(conn))
        return;
    if (!conn->told_end && !send_trailer(conn))
        return;
    if (conn->stash_len > 0)
        return;
    if (conn->stream.ssl != NULL)
        stream_end(&conn->stream);
    serve_conn_close(conn);
}

void serve_act_on_events(struct serve_conn *conn)
{
    if (conn->stash_len > 0 && !flush_stash(conn))
        return;
    if (!pump_up(conn) || !pump_down(conn))
        return;
    settle(conn);
}

static uint64_t bytes_owed(const struct wire_request *request)
{
    bool sends = request->mode == WIRE_SOURCE || request->mode == WIRE_DUPLEX;

    if (!sends)
        return 0;
    return request->down_bytes == 0 ? ENDLESS : request->down_bytes;
}

void serve_act_start(struct serve_conn *conn, uint8_t banner_flags, const uint8_t *rest, size_t len)
{
    uint8_t first[WIRE_BANNER_HEAD + WIRE_NAME_MAX + FIRST_BYTES];
    size_t used = wire_write_banner(banner_flags, conn->backend->name, first);

    conn->to_send = bytes_owed(&conn->request);
    /* A short response leaves with the banner: one segment, one system call. */
    if (conn->to_send <= FIRST_BYTES && conn->to_send > 0) {
        size_t part = (size_t)conn->to_send;
        write_payload(conn, first + used, part);
        used += part;
        count_sent(conn, part);
    }
    if (!send_bytes(conn, first, used, is_over_after(conn, 0)))
        return;
    if (len > 0 && !take_up(conn, rest, len))
        return;
    if (conn->request.mode == WIRE_SOURCE && conn->to_send == 0) {
        settle(conn);
        return;
    }
    serve_act_on_events(conn);
}

static bool looks_like_http(const uint8_t *bytes, size_t len)
{
    static const char *const verbs[] = {"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS ", "DELETE "};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        size_t verb_len = strlen(verbs[i]);
        if (len >= verb_len && memcmp(bytes, verbs[i], verb_len) == 0)
            return true;
    }
    return false;
}

/* One answer, then the connection ends: enough for curl and for a health check. */
static void answer_http(struct serve_conn *conn, const uint8_t *request, size_t len)
{
    char text[1024];
    bool head = len >= 5 && memcmp(request, "HEAD ", 5) == 0;
    int body = snprintf(NULL, 0, "hello from %s\n", conn->backend->name);
    int all = snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                       "Server: sni-bench\r\nX-Backend: %s\r\nConnection: close\r\n\r\n"
                       "hello from %s\n",
                       body, conn->backend->name, conn->backend->name);

    conn->request.mode = WIRE_SINK;
    if (!send_bytes(conn, (const uint8_t *)text, (size_t)(head ? all - body : all), true))
        return;
    conn->told_end = true;
    if (conn->stash_len == 0)
        stream_end(&conn->stream);
    /*
     * Read the rest, because closing with unread bytes would reset the connection and lose the
     * answer.
     */
    serve_act_on_events(conn);
}

void serve_act_start_foreign(struct serve_conn *conn, const uint8_t *bytes, size_t len)
{
    const struct options *options = conn->thread->serve->options;
    int mode = options->serve.mode;

    if (mode == SERVE_HTTP || (mode == SERVE_AUTO && looks_like_http(bytes, len))) {
        answer_http(conn, bytes, len);
        return;
    }
    memset(&conn->request, 0, sizeof conn->request);
    conn->request.mode = WIRE_ECHO;
    if (mode == SERVE_SINK)
        conn->request.mode = WIRE_SINK;
    if (mode == SERVE_SOURCE || mode == SERVE_PATTERN) {
        conn->request.mode = WIRE_SOURCE;
        conn->request.down_bytes = options->serve.source_bytes;
        conn->request.flags = mode == SERVE_PATTERN ? WIRE_PATTERN : 0;
    }
    conn->to_send = bytes_owed(&conn->request);
    if (len == 0 || take_up(conn, bytes, len))
        serve_act_on_events(conn);
}
