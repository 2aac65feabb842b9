/*
 * A backend connection's beginning.
 *
 * Raw: bytes are gathered until the ClientHello is whole and 32 bytes behind it have arrived. These
 * are a request of sni-bench, or the client is a foreign one. With TLS, OpenSSL takes the hello and
 * the request comes first inside the session. Usually one recv() brings everything and nothing is
 * stored.
 *
 * Failures: a malformed record or hello resets the connection. A client that does not speak TLS at
 * all is a foreign one (HTTP, or echo).
 */

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/serve.h"
#include "sni/hello.h"

/* How many bytes are kept for one connection at most. */
#define STASH_MAX (512u * 1024)

/* Connections are made in chunks and reused; a chunk is freed with the process. */
#define CHUNK_CONNS 64
struct serve_chunk {
    struct serve_chunk *next;
    struct serve_conn conns[CHUNK_CONNS];
};

static void on_conn_events(struct pollable *pollable, uint32_t events);

static struct serve_conn *take_conn(struct serve_thread *thread)
{
    if (thread->free == NULL) {
        struct serve_chunk *chunk = calloc(1, sizeof *chunk);
        if (chunk == NULL)
            return NULL;
        chunk->next = thread->chunks;
        thread->chunks = chunk;
        for (int i = 0; i < CHUNK_CONNS; i++) {
            chunk->conns[i].pollable.on_events = on_conn_events;
            chunk->conns[i].free_next = thread->free;
            thread->free = &chunk->conns[i];
        }
    }
    struct serve_conn *conn = thread->free;
    thread->free = conn->free_next;
    return conn;
}

static void give_back(struct serve_conn *conn)
{
    free(conn->stash);
    conn->stash = NULL;
    conn->phase = SERVE_FREE;
    conn->free_next = conn->thread->free;
    conn->thread->free = conn;
}

void serve_conn_close(struct serve_conn *conn)
{
    stream_close(&conn->stream);
    give_back(conn);
}

void serve_conn_free_all(struct serve_thread *thread)
{
    while (thread->chunks != NULL) {
        struct serve_chunk *chunk = thread->chunks;
        thread->chunks = chunk->next;
        for (int i = 0; i < CHUNK_CONNS; i++) {
            if (chunk->conns[i].phase != SERVE_FREE)
                serve_conn_close(&chunk->conns[i]);
        }
        free(chunk);
    }
}

void serve_conn_reset(struct serve_conn *conn)
{
    stream_reset(&conn->stream);
    give_back(conn);
}

bool serve_stash(struct serve_conn *conn, const uint8_t *bytes, size_t len, size_t limit)
{
    if (conn->stash_len + len > limit)
        return false;
    if (conn->stash_len + len > conn->stash_cap) {
        size_t cap = conn->stash_cap == 0 ? 1024 : conn->stash_cap;
        while (cap < conn->stash_len + len)
            cap *= 2;
        uint8_t *larger = realloc(conn->stash, cap);
        if (larger == NULL)
            return false;
        conn->stash = larger;
        conn->stash_cap = cap;
    }
    memcpy(conn->stash + conn->stash_len, bytes, len);
    conn->stash_len += len;
    return true;
}

/* Empties the stash and keeps its memory for output that the socket will not take. */
static void clear_stash(struct serve_conn *conn)
{
    conn->stash_at = 0;
    conn->stash_len = 0;
}

/* With --one-port the hello selects the backend. The banner says when the name is of none. */
static uint8_t choose_backend(struct serve_conn *conn, const char *name)
{
    const struct serve *serve = conn->thread->serve;

    if (name == NULL || name[0] == '\0')
        return (uint8_t)(WIRE_NO_SNI | (conn->backend->any_name ? 0 : WIRE_MISROUTED));
    if (conn->backend->any_name)
        return 0;
    if (serve->options->serve.one_port) {
        const struct backend *found = serve_find_backend(serve, name);
        if (found == NULL)
            return WIRE_MISROUTED;
        conn->backend = found;
        return 0;
    }
    return (uint8_t)(names_match(conn->backend->name, name) ? 0 : WIRE_MISROUTED);
}

static void begin_acting(struct serve_conn *conn, uint8_t flags, const uint8_t *rest, size_t len)
{
    conn->phase = SERVE_ACTING;
    if (flags & WIRE_MISROUTED)
        conn->thread->refused++;
    if (conn->is_foreign)
        serve_act_start_foreign(conn, rest, len);
    else
        serve_act_start(conn, flags, rest, len);
}

/* Whether a foreign client gets bytes that it has not asked for. */
static bool sends_unasked(const struct serve_conn *conn)
{
    int mode = conn->thread->serve->options->serve.mode;

    return mode == SERVE_SOURCE || mode == SERVE_PATTERN;
}

/* Whether `len` bytes can still become a request; sends-first modes do not wait for one. */
static bool may_be_request(const struct serve_conn *conn, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return !sends_unasked(conn);
    return memcmp(bytes, "SNIb", len < 4 ? len : 4) == 0;
}

/* Judges the bytes behind the hello. True = the request is known, and the connection acts on it. */
static bool hear_request(struct serve_conn *conn, const char *name, const uint8_t *bytes,
                         size_t len)
{
    if (len < WIRE_REQUEST_BYTES && may_be_request(conn, bytes, len))
        return false;
    uint8_t flags = choose_backend(conn, name);
    if (len >= WIRE_REQUEST_BYTES && wire_read_request(bytes, &conn->request)) {
        begin_acting(conn, flags, bytes + WIRE_REQUEST_BYTES, len - WIRE_REQUEST_BYTES);
    } else {
        conn->is_foreign = true;
        begin_acting(conn, flags, bytes, len);
    }
    return true;
}

/* True = decided (acting, or closed); false = more bytes are wanted. */
static bool hear(struct serve_conn *conn, const uint8_t *bytes, size_t len)
{
    struct client_hello hello;

    if (conn->stream.ssl != NULL)
        return hear_request(conn, SSL_get_servername(conn->stream.ssl, TLSEXT_NAMETYPE_host_name),
                            bytes, len);
    switch (hello_parse(bytes, len, HELLO_LIMIT_DEFAULT, &hello)) {
    case HELLO_MORE:
        return false;
    case HELLO_OK:
        return hear_request(conn, hello.name == HELLO_NAME_NONE ? NULL : hello.host,
                            bytes + hello.wire_bytes, len - hello.wire_bytes);
    case HELLO_NOT_TLS:
        conn->is_foreign = true;
        begin_acting(conn, 0, bytes, len);
        return true;
    case HELLO_MALFORMED:
    case HELLO_TOO_LARGE:
        break;
    }
    conn->thread->refused++;
    serve_conn_reset(conn);
    return true;
}

/*
 * Hears from the stash. The bytes behind the request are copied, because output reuses the stash.
 */
static bool hear_stash(struct serve_conn *conn)
{
    uint8_t *bytes = conn->stash;
    size_t len = conn->stash_len;
    size_t cap = conn->stash_cap;

    conn->stash = NULL;
    conn->stash_cap = 0;
    clear_stash(conn);
    if (hear(conn, bytes, len)) {
        free(bytes);
        return true;
    }
    conn->stash = bytes;
    conn->stash_len = len;
    conn->stash_cap = cap;
    return false;
}

/*
 * The client has sent its FIN. If it sent nothing before, it may be waiting for bytes from the
 * backend.
 */
static void hear_end(struct serve_conn *conn)
{
    if (conn->stash_len > 0 || !sends_unasked(conn)) {
        serve_conn_close(conn);
        return;
    }
    conn->saw_end = true;
    conn->is_foreign = true;
    begin_acting(conn, 0, NULL, 0);
}

static void on_hearing(struct serve_conn *conn)
{
    struct serve_thread *thread = conn->thread;

    while (conn->phase == SERVE_HEARING) {
        ssize_t got = stream_recv(&conn->stream, thread->scratch, SERVE_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return;
        if (got == 0) {
            hear_end(conn);
            return;
        }
        if (got < 0) {
            serve_conn_close(conn);
            return;
        }
        thread->bytes_in += (uint64_t)got;
        if (conn->stash_len == 0 && hear(conn, thread->scratch, (size_t)got))
            return;
        if (!serve_stash(conn, thread->scratch, (size_t)got, STASH_MAX)) {
            serve_conn_reset(conn);
            return;
        }
        if (hear_stash(conn))
            return;
    }
}

static void on_shaking(struct serve_conn *conn)
{
    ERR_clear_error(); /* else the trouble of another connection looks like this one's */
    int result = SSL_accept(conn->stream.ssl);

    if (result != 1) {
        int error = SSL_get_error(conn->stream.ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            serve_conn_close(conn);
        return;
    }
    conn->phase = SERVE_HEARING;
    on_hearing(conn);
    /* Backends that speak first do so once the handshake is over. */
    if (conn->phase == SERVE_HEARING && conn->stash_len == 0)
        hear(conn, NULL, 0);
}

static void on_conn_events(struct pollable *pollable, uint32_t events)
{
    struct serve_conn *conn = (struct serve_conn *)pollable;

    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        conn->hangup = true;
    switch (conn->phase) {
    case SERVE_FREE:
        break;
    case SERVE_SHAKING:
        on_shaking(conn);
        break;
    case SERVE_HEARING:
        on_hearing(conn);
        break;
    case SERVE_ACTING:
        serve_act_on_events(conn);
        break;
    }
}

static bool start_tls(struct serve_conn *conn)
{
    if (conn->backend->tls == NULL)
        return true;
    conn->stream.ssl = SSL_new(conn->backend->tls);
    conn->phase = SERVE_SHAKING;
    return conn->stream.ssl != NULL && SSL_set_fd(conn->stream.ssl, conn->stream.fd) == 1;
}

void serve_conn_start(struct serve_listener *listener, int fd)
{
    struct serve_thread *thread = listener->thread;
    struct serve_conn *conn = take_conn(thread);

    if (conn == NULL) {
        struct stream stream = {.fd = fd};
        stream_reset(&stream);
        return;
    }
    /* A place in the run queue outlives the connection that took it; keep the link. */
    struct pollable pollable = conn->pollable;
    memset(conn, 0, sizeof *conn);
    conn->pollable = pollable;
    conn->thread = thread;
    conn->backend = listener->backend;
    conn->stream.fd = fd;
    conn->stream.is_tcp = listener->backend->address.storage.ss_family != AF_UNIX;
    conn->first_bad = WIRE_NO_OFFSET;
    conn->phase = SERVE_HEARING;
    thread->accepted++;
    if (!start_tls(conn)) {
        serve_conn_reset(conn);
        return;
    }
    /* Usually the hello is here already, and a short connection ends before it is ever polled. */
    on_conn_events(&conn->pollable, EPOLLIN);
    uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    if (conn->phase != SERVE_FREE && poller_add(&thread->poller, fd, &conn->pollable, events) != 0)
        serve_conn_reset(conn);
}
