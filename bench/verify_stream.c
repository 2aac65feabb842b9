/*
 * One stream of verify.
 *
 * Happy path: connect; hello and request; the backend's banner, with the name that was asked for;
 * pattern both ways as the kind says; the client's FIN, in kinds that the client ends; the
 * backend's trailer, which says that all bytes arrived as sent; the backend's FIN. Everything else
 * is a fault and ends the stream. A long-lived stream has no trailer: the bytes it sends come back
 * and are compared. With --tls a handshake takes the place of the hello, all that follows travels
 * inside the session, and the client ends with close_notify and FIN.
 */

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/clock.h"
#include "bench/random.h"
#include "bench/verify.h"
#include "sni/build.h"

#define ROUNDS       4
#define MLKEM_BYTES  1216u
#define HELLO_ROOM   (8u * 1024)
#define ALERT_TYPE   21
#define LARGEST_CALL 65536u /* bytes of one exchange on a long-lived connection */
#define TLS_RECORD   16384u /* OpenSSL takes so much at a time */
/* How long a slot rests after a fault, so that a router that is down is not flooded. */
#define REST_NS     (5 * NS_PER_MS)
#define EXCHANGE_NS (50 * NS_PER_MS)
/*
 * The name in the banner of sni-bench serve without --names. It serves every name, so misrouted
 * streams cannot be told.
 */
#define NAMELESS "backend"

void verify_stream_close(struct verify_stream *stream)
{
    struct verify *verify = stream->verify;

    if (stream->phase == VERIFY_FREE)
        return;
    stream_close(&stream->socket);
    stream->phase = VERIFY_FREE;
    stream->due_ns = 0;
    verify->active--;
    verify->long_active -= stream->kind == VERIFY_LONG;
}

/* Counts a fault, describes it if it is one of the first, and ends the stream. */
static void fail(struct verify_stream *stream, enum verify_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(struct verify_stream *stream, enum verify_fault fault, const char *format, ...)
{
    struct verify *verify = stream->verify;

    verify->faults[fault]++;
    verify->tallies[stream->name].faults++;
    if (verify->note_count < VERIFY_TOLD) {
        struct verify_note *note = &verify->notes[verify->note_count++];
        char buffer[NAMES_MAX_LENGTH + 1];
        va_list arguments;
        note->fault = fault;
        note->at_s = (double)(clock_now_ns() - verify->begun_ns) / 1e9;
        int at = snprintf(note->text, sizeof note->text,
                          "%.60s: ", names_text(&verify->names, stream->name, buffer));
        va_start(arguments, format);
        vsnprintf(note->text + at, sizeof note->text - (size_t)at, format, arguments);
        va_end(arguments);
    }
    verify_stream_close(stream);
    stream->due_ns = clock_now_ns() + REST_NS;
}

static void fail_by(struct verify_stream *stream, ssize_t result)
{
    const char *why = result == -STREAM_TLS_FAILED ? "TLS failed" : strerror((int)-result);

    if (stream->alert != 0) {
        fail(stream, VERIFY_DROPPED, "alert %u instead of an answer", stream->alert);
        return;
    }
    fail(stream, VERIFY_DROPPED, "%s after %llu bytes up and %llu down", why,
         (unsigned long long)stream->sent, (unsigned long long)stream->received);
}

static bool is_done(const struct verify_stream *stream)
{
    return stream->phase == VERIFY_FREE;
}

static void moved(struct verify_stream *stream)
{
    stream->moved_ns = clock_now_ns();
}

/* Builds hello and request, the same bytes on each call; with --tls the request alone. */
static size_t build_flight(const struct verify_stream *stream, uint8_t *out)
{
    char buffer[NAMES_MAX_LENGTH + 1];
    struct hello_spec spec;

    if (stream->socket.ssl != NULL) {
        wire_write_request(&stream->request, out);
        return WIRE_REQUEST_BYTES;
    }
    hello_spec_init(&spec, names_text(&stream->verify->names, stream->name, buffer));
    spec.seed = stream->seed;
    spec.key_share_bytes = (stream->seed & 1) != 0 ? MLKEM_BYTES : 0;
    size_t len = hello_build(&spec, out, HELLO_ROOM);
    wire_write_request(&stream->request, out + len);
    return len + WIRE_REQUEST_BYTES;
}

/* Ends the client's direction. */
static void end_up(struct verify_stream *stream)
{
    stream->ending = true;
    if (stream->socket.ssl == NULL)
        stream_end(&stream->socket);
    else if (!verify_tls_end(stream))
        return;
    stream->ended = true;
}

/* Goes on with the handshake. True = it is done, and with the right backend. */
static bool shake(struct verify_stream *stream)
{
    char owner[NAMES_MAX_LENGTH + 1];
    ssize_t result = verify_tls_shake(stream);

    if (result == -EAGAIN)
        return false;
    if (result == 0)
        fail(stream, VERIFY_DROPPED, "closed within the handshake");
    else if (result < 0)
        fail_by(stream, result);
    else if (!verify_tls_is_ours(stream, owner))
        fail(stream, VERIFY_MISROUTED, "answered with the certificate of %.60s", owner);
    if (is_done(stream))
        return false;
    stream->phase = VERIFY_STARTING;
    moved(stream);
    return true;
}

/* Sends what is left of hello and request; one in eight is cut in two. */
static void start(struct verify_stream *stream)
{
    uint8_t flight[HELLO_ROOM + WIRE_REQUEST_BYTES];
    size_t len = build_flight(stream, flight);
    size_t end = stream->flight_sent == 0 && (stream->seed & 14) == 0 ? len / 2 : len;

    while (stream->flight_sent < end) {
        ssize_t sent =
            stream_send(&stream->socket, flight + stream->flight_sent, end - stream->flight_sent);
        if (sent == -EAGAIN)
            return;
        if (sent < 0) {
            fail_by(stream, sent);
            return;
        }
        stream->phase = VERIFY_STARTING;
        stream->flight_sent += (uint32_t)sent;
        moved(stream);
    }
    if (end < len) {
        poller_again(&stream->verify->poller, &stream->pollable);
        return;
    }
    stream->phase = VERIFY_STREAMING;
    if (stream->kind == VERIFY_EARLY_FIN)
        end_up(stream);
}

static bool ends_by_itself(const struct verify_stream *stream)
{
    return stream->kind == VERIFY_HALF_CLOSE || stream->kind == VERIFY_UP;
}

static void pump_up(struct verify_stream *stream)
{
    struct verify *verify = stream->verify;
    size_t most = stream->socket.ssl == NULL ? VERIFY_SCRATCH_BYTES : TLS_RECORD;

    for (int round = 0; stream->sent < stream->up_bytes; round++) {
        if (round == ROUNDS) {
            poller_again(&verify->poller, &stream->pollable);
            return;
        }
        uint64_t left = stream->up_bytes - stream->sent;
        size_t len = left < most ? (size_t)left : most;
        wire_pattern_fill(stream->seed, stream->sent, verify->scratch, len);
        ssize_t sent = stream_send(&stream->socket, verify->scratch, len);
        if (sent == -EAGAIN)
            return;
        if (sent < 0) {
            fail_by(stream, sent);
            return;
        }
        stream->sent += (uint64_t)sent;
        verify->bytes_up += (uint64_t)sent;
        moved(stream);
    }
    if (!stream->ended && (stream->ending || ends_by_itself(stream)))
        end_up(stream);
}

static void take_banner(struct verify_stream *stream, const uint8_t *bytes, size_t len,
                        size_t *used)
{
    struct verify *verify = stream->verify;
    const struct wire_banner *banner = &stream->banner;
    char buffer[NAMES_MAX_LENGTH + 1];
    bool first = banner->got == 0;
    enum wire_result result = wire_feed_banner(&stream->banner, bytes, len, used);

    if (result == WIRE_BAD && first && len >= 7 && bytes[0] == ALERT_TYPE) {
        fail(stream, VERIFY_DROPPED, "alert %u instead of an answer", bytes[6]);
        return;
    }
    if (result == WIRE_BAD)
        fail(stream, VERIFY_CORRUPT, "the answer does not come from sni-bench serve");
    if (result != WIRE_WHOLE)
        return;
    const char *asked = names_text(&verify->names, stream->name, buffer);
    bool nameless = strcmp(banner->name, NAMELESS) == 0;
    bool right = nameless || names_match(banner->name, asked);
    if (!right || (banner->flags & WIRE_MISROUTED) != 0) {
        fail(stream, VERIFY_MISROUTED, "answered by %.60s", banner->name);
        return;
    }
    stream->greeted = true;
    verify->nameless += nameless && !stream->vouched;
}

/*
 * Compares the bytes that come back. When all are back, the next exchange is due some time later.
 */
static void take_echo(struct verify_stream *stream, const uint8_t *bytes, size_t len)
{
    struct verify *verify = stream->verify;
    size_t good = wire_pattern_check(stream->seed, stream->received, bytes, len);

    if (good < len || stream->received + len > stream->sent) {
        fail(stream, VERIFY_CORRUPT, "long-lived, byte %llu of what comes back",
             (unsigned long long)(stream->received + good));
        return;
    }
    stream->received += len;
    verify->bytes_down += len;
    if (stream->received < stream->up_bytes)
        return;
    verify->exchanges++;
    stream->due_ns =
        clock_now_ns() + EXCHANGE_NS + random_below(&verify->random, 2 * (uint32_t)EXCHANGE_NS);
}

static void take_trailer(struct verify_stream *stream, const uint8_t *bytes, size_t len)
{
    bool wanted = stream->kind != VERIFY_DOWN;
    size_t room = wanted ? WIRE_TRAILER_BYTES - stream->trailer_len : 0u;

    if (len > room) {
        fail(stream, VERIFY_CORRUPT, "more bytes than the backend sent");
        return;
    }
    memcpy(stream->trailer + stream->trailer_len, bytes, len);
    stream->trailer_len = (uint8_t)(stream->trailer_len + len);
}

static void take(struct verify_stream *stream, const uint8_t *bytes, size_t len)
{
    size_t used = 0;

    if (!stream->greeted)
        take_banner(stream, bytes, len, &used);
    if (is_done(stream) || used == len)
        return;
    bytes += used;
    len -= used;
    if (stream->kind == VERIFY_LONG) {
        take_echo(stream, bytes, len);
        return;
    }
    uint64_t left = stream->down_bytes - stream->received;
    size_t part = left < len ? (size_t)left : len;
    size_t good = wire_pattern_check(wire_down_seed(stream->seed), stream->received, bytes, part);
    if (good < part) {
        fail(stream, VERIFY_CORRUPT, "down, byte %llu of %llu",
             (unsigned long long)(stream->received + good), (unsigned long long)stream->down_bytes);
        return;
    }
    stream->received += part;
    stream->verify->bytes_down += part;
    if (part < len)
        take_trailer(stream, bytes + part, len - part);
}

/* Checks the trailer, which says what arrived at the backend. */
static bool check_trailer(struct verify_stream *stream)
{
    struct wire_trailer trailer;

    if (stream->kind == VERIFY_DOWN)
        return true;
    if (stream->trailer_len < WIRE_TRAILER_BYTES) {
        fail(stream, VERIFY_TRUNCATED, "down, all of %llu bytes but not the trailer",
             (unsigned long long)stream->down_bytes);
        return false;
    }
    if (!wire_read_trailer(stream->trailer, &trailer)) {
        fail(stream, VERIFY_CORRUPT, "down, in the trailer");
        return false;
    }
    if (trailer.corrupt) {
        fail(stream, VERIFY_CORRUPT, "up, byte %llu of %llu", (unsigned long long)trailer.first_bad,
             (unsigned long long)stream->up_bytes);
        return false;
    }
    if (trailer.received != stream->up_bytes) {
        fail(stream, VERIFY_TRUNCATED, "up, %llu of %llu bytes arrived",
             (unsigned long long)trailer.received, (unsigned long long)stream->up_bytes);
        return false;
    }
    return true;
}

static void take_end(struct verify_stream *stream)
{
    if (!stream->greeted) {
        fail(stream, VERIFY_DROPPED, "closed without an answer");
        return;
    }
    bool is_long = stream->kind == VERIFY_LONG;
    if (is_long && (!stream->ended || stream->received < stream->sent)) {
        fail(stream, VERIFY_TRUNCATED, "long-lived, ended after %llu exchanged bytes",
             (unsigned long long)stream->received);
        return;
    }
    if (!is_long && stream->received < stream->down_bytes) {
        fail(stream, VERIFY_TRUNCATED, "down, %llu of %llu bytes arrived",
             (unsigned long long)stream->received, (unsigned long long)stream->down_bytes);
        return;
    }
    if (!is_long && !check_trailer(stream))
        return;
    stream->verify->whole[stream->kind]++;
    stream->verify->tallies[stream->name].whole++;
    verify_stream_close(stream);
}

static void pump_down(struct verify_stream *stream)
{
    struct verify *verify = stream->verify;

    for (int round = 0; round < ROUNDS; round++) {
        ssize_t got = stream_recv(&stream->socket, verify->scratch, VERIFY_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return;
        if (got < 0)
            fail_by(stream, got);
        else if (got == 0)
            take_end(stream);
        else
            take(stream, verify->scratch, (size_t)got);
        if (is_done(stream))
            return;
        moved(stream);
    }
    poller_again(&verify->poller, &stream->pollable);
}

static void on_events(struct pollable *pollable, uint32_t events)
{
    struct verify_stream *stream = (struct verify_stream *)pollable;
    bool shakes = stream->phase == VERIFY_CONNECTING && stream->socket.ssl != NULL;

    (void)events;
    if (shakes && !shake(stream))
        return;
    if (stream->phase == VERIFY_CONNECTING || stream->phase == VERIFY_STARTING)
        start(stream);
    if (stream->phase != VERIFY_STREAMING && stream->phase != VERIFY_STARTING)
        return;
    /* Read first: bytes that the peer sent before its reset are lost once a send has failed. */
    pump_down(stream);
    if (stream->phase == VERIFY_STREAMING)
        pump_up(stream);
}

/* A size from 1 byte to --max-size; every power of two is as likely as the next. */
static uint64_t pick_size(struct verify *verify, uint64_t max)
{
    double size = exp(random_unit(&verify->random) * log((double)max + 1));
    uint64_t whole = (uint64_t)size;

    return whole < 1 ? 1 : whole > max ? max : whole;
}

/* Plans a stream of its kind: the request, and the client's bytes. */
static void plan(struct verify_stream *stream)
{
    struct verify *verify = stream->verify;
    uint64_t max = verify->options->verify.max_bytes;
    struct wire_request *request = &stream->request;

    *request = (struct wire_request){
        .mode = WIRE_DUPLEX, .flags = WIRE_PATTERN | WIRE_TRAILER, .seed = stream->seed};
    if (stream->kind == VERIFY_LONG) {
        request->mode = WIRE_ECHO;
        return;
    }
    if (stream->kind != VERIFY_DOWN && stream->kind != VERIFY_EARLY_FIN)
        stream->up_bytes = pick_size(verify, max);
    if (stream->kind != VERIFY_UP)
        stream->down_bytes = pick_size(verify, max);
    request->down_bytes = stream->down_bytes;
    if (stream->kind == VERIFY_UP)
        request->mode = WIRE_SINK;
    if (stream->kind == VERIFY_DOWN)
        request->mode = WIRE_SOURCE;
    if (stream->kind == VERIFY_COUNTED)
        request->up_bytes = stream->up_bytes;
}

/* A non-blocking socket on its way to TARGET, or a negative errno. */
static int connect_socket(struct stream *socket_stream, const struct socket_address *target)
{
    int on = 1;
    int fd = socket(target->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    socket_stream->fd = fd;
    socket_stream->is_tcp = target->storage.ss_family != AF_UNIX;
    if (socket_stream->is_tcp)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&target->storage, target->len) != 0 &&
        errno != EINPROGRESS)
        return -errno;
    return 0;
}

/* Whether the error is a shortage of this machine and not a fault of the router. */
static bool is_shortage(int result)
{
    return result == -EADDRNOTAVAIL || result == -EMFILE || result == -ENFILE ||
           result == -ENOBUFS || result == -EAGAIN;
}

bool verify_stream_open(struct verify_stream *stream, uint32_t kind, uint64_t now_ns)
{
    struct verify *verify = stream->verify;
    struct stream fresh = {.fd = -1};
    int result = connect_socket(&fresh, &verify->options->ask.address);

    if (is_shortage(result)) {
        stream_close(&fresh);
        return false;
    }
    /* A place in the run queue outlives the stream that took it; keep the link. */
    struct pollable pollable = stream->pollable;
    memset(stream, 0, sizeof *stream);
    stream->pollable = pollable;
    stream->pollable.on_events = on_events;
    stream->verify = verify;
    stream->socket = fresh;
    stream->phase = VERIFY_CONNECTING;
    stream->kind = (enum verify_kind)kind;
    stream->name = names_pick(&verify->names, &verify->random);
    stream->seed = random_next(&verify->random);
    stream->begun_ns = now_ns;
    stream->moved_ns = now_ns;
    verify->active++;
    verify->long_active += kind == VERIFY_LONG;
    verify->started++;
    plan(stream);
    if (result == 0 && verify->tls != NULL && !verify_tls_start(stream))
        result = -STREAM_TLS_FAILED;
    if (result == 0)
        result = poller_add(&verify->poller, fresh.fd, &stream->pollable,
                            EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    if (result != 0)
        fail_by(stream, result);
    return true;
}

static bool is_resting(const struct verify_stream *stream)
{
    return stream->kind == VERIFY_LONG && stream->greeted && !stream->ending &&
           stream->received == stream->up_bytes;
}

void verify_stream_finish(struct verify_stream *stream)
{
    if (stream->phase != VERIFY_STREAMING || !is_resting(stream))
        return;
    end_up(stream);
    moved(stream);
}

void verify_stream_tick(struct verify_stream *stream, uint64_t now_ns)
{
    struct verify *verify = stream->verify;

    if (stream->phase == VERIFY_FREE)
        return;
    if (is_resting(stream)) {
        if (now_ns < stream->due_ns)
            return;
        uint64_t max = verify->options->verify.max_bytes;
        stream->up_bytes += pick_size(verify, max < LARGEST_CALL ? max : LARGEST_CALL);
        moved(stream);
        pump_up(stream);
        return;
    }
    if (now_ns > stream->moved_ns && now_ns - stream->moved_ns > verify->options->load.timeout_ns)
        fail(stream, VERIFY_STALLED, "%llu of %llu bytes up, %llu of %llu down",
             (unsigned long long)stream->sent, (unsigned long long)stream->up_bytes,
             (unsigned long long)stream->received, (unsigned long long)stream->down_bytes);
}
