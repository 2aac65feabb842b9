#include "router/net/pump.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "router/net/carry_error.h"
#include "router/net/net.h"
#include "router/net/room.h"

/* A read of so much pays for splicing: two calls more, but nothing is copied or allocated. */
#define PUMP_BULKY_BYTES (20u * 1024u)
/* Bulky reads in a row after which a stream is spliced. */
#define PUMP_FULL_READS 2
/* Small splices after which it is taken for calm again and copied. */
#define PUMP_CALM_READS 4
/* Most bytes of one splice. */
#define PUMP_SPLICE_BYTES (1024u * 1024u)
/*
 * A splice asks for so much more than the receiver has room for. It fills it, which is what makes
 * the kernel tell when there is room again, and what is left in the pipe is seldom more than that:
 * where pacing beyond 0.5 Gbit/s holds back what the windows would take. With less, a receiver that
 * keeps taking is filled in ever smaller pieces, which costs more than the copying of what is left.
 */
#define PUMP_AHEAD_BYTES (64u * 1024u)
/* What a splice asks for where the kernel does not say how much room there is. */
#define PUMP_BLIND_BYTES (64u * 1024u)
/* A preface grows in steps of so much, so that one that comes byte by byte is seldom moved. */
#define PREFACE_STEP_BYTES 512u

/* What one attempt to move bytes came to. */
enum step {
    STEP_MOVED,
    STEP_BLOCKED, /* EAGAIN: readiness was noted */
    STEP_END,     /* the reading side has ended */
    STEP_READ_FAILED,
    STEP_WRITE_FAILED,
    STEP_DENIED, /* splice(2) must not be used here; it has moved nothing */
    STEP_NO_MEMORY,
    STEP_MISTAKE
};

void pump_init(struct pump *pump, struct side *from, struct side *to)
{
    assert(from != to && from->fd >= 0 && to->fd >= 0);
    assert(pump->bytes == 0 && (pump->rest == NULL || pump->prefaced));
    *pump =
        (struct pump){.from = from, .to = to, .rest = pump->rest, .prefaced = pump->rest != NULL};
}

/* A system call has failed for good, with this errno. */
static enum step failed(struct pump *pump, enum step how, int error)
{
    assert(pump->error == 0 && error > 0 && error <= INT16_MAX);
    enum carry_blame blame = carry_error_of(error);
    if (blame == CARRY_MEMORY)
        return STEP_NO_MEMORY;
    pump->error = (int16_t)error;
    return blame == CARRY_MISTAKE ? STEP_MISTAKE : how;
}

bool pump_holds_bytes(const struct pump *pump)
{
    return pump->rest != NULL;
}

bool pump_is_bulky(const struct pump *pump)
{
    return pump->full_reads >= PUMP_FULL_READS;
}

/* --- what waits for the receiver --- */

/* Room for `len` bytes; NULL: no memory. */
static struct pump_rest *rest_new(size_t len)
{
    struct pump_rest *rest = malloc(sizeof *rest + len);

    if (rest != NULL)
        *rest = (struct pump_rest){.left = (uint32_t)len};
    return rest;
}

/* Keeps what `to` did not take. */
static enum step keep_rest(struct pump *pump, const uint8_t *bytes, size_t len)
{
    assert(pump->rest == NULL && len > 0);
    pump->rest = rest_new(len);
    if (pump->rest == NULL)
        return STEP_NO_MEMORY;
    memcpy(pump->rest->bytes, bytes, len);
    return STEP_BLOCKED;
}

/*
 * Writes; *written < len and STEP_BLOCKED when `to` is full. With `more`, the bytes may wait for
 * what follows at once, so that one segment carries both: a preface waits for the sender's bytes,
 * and when `from` is known to have ended, its last bytes wait for the end that is passed on next.
 */
static enum step write_bytes(struct pump *pump, const uint8_t *bytes, size_t len, bool more,
                             size_t *written)
{
    int flags = MSG_NOSIGNAL | (more || pump->end_read ? MSG_MORE : 0);

    *written = 0;
    while (*written < len) {
        ssize_t n = send(pump->to->fd, bytes + *written, len - *written, flags);
        if (n > 0) {
            *written += (size_t)n;
        } else if (errno == EAGAIN) {
            pump->to->writable = false;
            return STEP_BLOCKED;
        } else if (errno != EINTR) {
            return failed(pump, STEP_WRITE_FAILED, errno);
        }
    }
    return STEP_MOVED;
}

/* Counts what `to` has taken of the rest; the router's own bytes are not the sender's. */
static void note_rest_written(struct pump *pump, uint32_t written)
{
    struct pump_rest *rest = pump->rest;
    uint32_t own = written < rest->uncounted ? written : rest->uncounted;

    assert(written <= rest->left);
    rest->at += written;
    rest->left -= written;
    rest->uncounted -= own;
    pump->bytes += written - own;
}

static enum step flush_rest(struct pump *pump)
{
    struct pump_rest *rest = pump->rest;
    bool more = pump->prefaced && pump->from->readable;
    size_t written;
    enum step step = write_bytes(pump, rest->bytes + rest->at, rest->left, more, &written);

    note_rest_written(pump, (uint32_t)written);
    if (step == STEP_MOVED) {
        free(rest);
        pump->rest = NULL;
        pump->prefaced = false;
        pump->unpushed = more;
    }
    return step;
}

/* What was to follow the preface at once has not come. */
static void push_preface(struct pump *pump)
{
    if (pump->unpushed)
        net_push(pump->to->fd);
    pump->unpushed = false;
}

/* What is allocated for a preface of so many bytes. */
static size_t preface_room(size_t len)
{
    return (len + PREFACE_STEP_BYTES - 1) / PREFACE_STEP_BYTES * PREFACE_STEP_BYTES;
}

/* Makes the preface so much longer; false: no memory. */
static bool grow_preface(struct pump *pump, size_t len)
{
    size_t before = pump->rest == NULL ? 0 : pump->rest->left;
    struct pump_rest *rest = pump->rest;

    if (preface_room(before + len) > preface_room(before))
        rest = realloc(pump->rest, sizeof *rest + preface_room(before + len));
    if (rest == NULL)
        return false;
    if (before == 0)
        *rest = (struct pump_rest){0};
    rest->left += (uint32_t)len;
    pump->rest = rest;
    pump->prefaced = true;
    return true;
}

bool pump_preface(struct pump *pump, const uint8_t *bytes, size_t len, bool counted)
{
    size_t before = pump->rest == NULL ? 0 : pump->rest->left;

    assert(len > 0 && pump->bytes == 0 && !pump->end_read && (before == 0 || pump->prefaced));
    if (!grow_preface(pump, len))
        return false;
    struct pump_rest *rest = pump->rest;
    size_t at = counted ? before : rest->uncounted;
    memmove(rest->bytes + at + len, rest->bytes + at, before - at);
    memcpy(rest->bytes + at, bytes, len);
    if (!counted)
        rest->uncounted += (uint32_t)len;
    return true;
}

const uint8_t *pump_prefaced(const struct pump *pump, size_t *len)
{
    const struct pump_rest *rest = pump->rest;

    assert(rest == NULL || (pump->prefaced && rest->at == 0));
    *len = rest == NULL ? 0 : rest->left - rest->uncounted;
    return *len == 0 ? NULL : rest->bytes + rest->uncounted;
}

/*
 * A read that was not filled has drained the socket (epoll(7)), which saves the call that would say
 * EAGAIN; and when the FIN was queued before we read, it has met the end, which saves another. What
 * else can cut a read short (errors, urgent data, descriptors passed through a unix socket) is
 * known by the side.
 */
static void note_read(struct pump *pump, size_t got, size_t wanted)
{
    struct side *from = pump->from;

    if (got < PUMP_BULKY_BYTES)
        pump->full_reads = 0;
    else if (pump->full_reads < PUMP_FULL_READS)
        pump->full_reads++;
    if (got >= wanted)
        return;
    if (from->failed || from->ragged)
        return;
    if (from->fin)
        pump->end_read = true;
    else
        from->readable = false;
}

/* One read into the scratch buffer. */
static enum step read_bytes(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    ssize_t n;

    do {
        n = recv(pump->from->fd, tools->scratch, tools->copy_bytes, 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return STEP_END;
    if (n < 0 && errno == EAGAIN) {
        pump->from->readable = false;
        return STEP_BLOCKED;
    }
    if (n < 0)
        return failed(pump, STEP_READ_FAILED, errno);
    note_read(pump, (size_t)n, tools->copy_bytes);
    *got = (size_t)n;
    return STEP_MOVED;
}

/* --- splicing --- */

/*
 * Whether this errno of splice(2) says that the call must not be used: what sandboxes, filters and
 * kernels without it answer. Nothing has moved then, so copying goes on where it was. A socket can
 * fail with EACCES as well (ICMPv6); a splice of nothing, which the kernel always grants, tells.
 */
static bool is_denial(int error)
{
    switch (error) {
    case ENOSYS:
    case EPERM:
    case EINVAL:
    case EOPNOTSUPP:
    case EBADF:
    case ESPIPE:
        return true;
    case EACCES:
        return splice(-1, NULL, -1, NULL, 0, 0) != 0;
    default:
        return false;
    }
}

static enum step splice_failed(struct pump *pump, const struct pump_tools *tools, enum step how,
                               int error)
{
    if (is_denial(error)) {
        splice_pipe_deny(tools->pipe);
        if (tools->on_splice_denied != NULL)
            tools->on_splice_denied(tools, error);
        return STEP_DENIED;
    }
    return failed(pump, how, error);
}

/* What to ask for, so that little of it is left in the pipe when the receiver is full. */
static size_t splice_want(const struct pump *pump)
{
    size_t room;

    if (!room_to_send(pump->to->fd, pump->to->bounded, pump->to->local, &room))
        return PUMP_BLIND_BYTES;
    return room < PUMP_SPLICE_BYTES - PUMP_AHEAD_BYTES ? room + PUMP_AHEAD_BYTES
                                                       : PUMP_SPLICE_BYTES;
}

/* One splice into an empty pipe. */
static enum step fill_pipe(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    struct splice_pipe *pipe = tools->pipe;
    size_t want = splice_want(pump);
    ssize_t n;

    do {
        n = splice(pump->from->fd, NULL, pipe->write_fd, NULL, want,
                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return STEP_END;
    if (n < 0 && errno == EAGAIN) { /* the pipe was empty, so it was the socket that blocked */
        pump->from->readable = false;
        return STEP_BLOCKED;
    }
    if (n < 0)
        return splice_failed(pump, tools, STEP_READ_FAILED, errno);
    pipe->held_bytes = (uint32_t)n;
    *got = (size_t)n;
    if (*got >= PUMP_BULKY_BYTES || *got == want)
        pump->full_reads = PUMP_FULL_READS + PUMP_CALM_READS;
    else if (pump->full_reads > 0)
        pump->full_reads--;
    return STEP_MOVED;
}

/* Splices out of the pipe as far as `to` takes it. */
static enum step drain_pipe(struct pump *pump, const struct pump_tools *tools)
{
    struct splice_pipe *pipe = tools->pipe;

    while (pipe->held_bytes > 0) {
        ssize_t n = splice(pipe->read_fd, NULL, pump->to->fd, NULL, pipe->held_bytes,
                           SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n > 0) {
            assert((size_t)n <= pipe->held_bytes);
            pipe->held_bytes -= (uint32_t)n;
            pump->bytes += (uint64_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            pump->to->writable = false;
            return STEP_BLOCKED;
        } else if (n == 0 || errno != EINTR) { /* a pipe that holds bytes never ends: n < 0 */
            return splice_failed(pump, tools, STEP_WRITE_FAILED, errno);
        }
    }
    return STEP_MOVED;
}

/* Moves what is left in the pipe into a rest. False: no memory. */
static bool keep_piped(struct pump *pump, struct splice_pipe *pipe)
{
    size_t at = 0;

    assert(pump->rest == NULL && pipe->held_bytes > 0);
    pump->rest = rest_new(pipe->held_bytes);
    if (pump->rest == NULL)
        return false;
    while (pipe->held_bytes > 0) {
        ssize_t n = read(pipe->read_fd, pump->rest->bytes + at, pipe->held_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        assert(n > 0); /* the bytes are there, and nobody else reads them */
        at += (size_t)n;
        pipe->held_bytes -= (uint32_t)n;
    }
    return true;
}

static bool wants_splice(const struct pump *pump, const struct pump_tools *tools)
{
    if (pump->from->urgent)
        return false;
    return tools->mode == RELAY_SPLICE ||
           (tools->mode == RELAY_AUTO && pump->full_reads >= PUMP_FULL_READS);
}

/* --- both --- */

/*
 * Splices once, and what was read as far as it goes. STEP_DENIED: nothing was read, and it must be
 * copied.
 */
static enum step carry_piped(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    enum step step = fill_pipe(pump, tools, got);

    if (step != STEP_MOVED)
        return step;
    step = drain_pipe(pump, tools);
    if (step != STEP_BLOCKED && step != STEP_DENIED)
        return step;
    if (!keep_piped(pump, tools->pipe))
        return STEP_NO_MEMORY;
    return step == STEP_DENIED ? flush_rest(pump) : STEP_BLOCKED;
}

static enum step carry_copied(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    size_t written;
    enum step step = read_bytes(pump, tools, got);

    if (step != STEP_MOVED)
        return step;
    step = write_bytes(pump, tools->scratch, *got, false, &written);
    pump->bytes += written;
    return step == STEP_BLOCKED ? keep_rest(pump, tools->scratch + written, *got - written) : step;
}

/* Reads once and writes it as far as it goes. `*got` says how much was read. */
static enum step carry(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    assert(!pump_holds_bytes(pump));
    if (!wants_splice(pump, tools) || !splice_pipe_take(tools->pipe))
        return carry_copied(pump, tools, got);
    if (pump->to->paced) {
        pump->to->paced = false;
        net_unpace(pump->to->fd);
    }
    enum step step = carry_piped(pump, tools, got);
    splice_pipe_give(tools->pipe);
    return step == STEP_DENIED ? carry_copied(pump, tools, got) : step;
}

/* What a turn came to whose last step moved nothing. */
static enum pump_result result_of(const struct pump *pump, enum step step)
{
    assert(step != STEP_MOVED && step != STEP_END && step != STEP_DENIED);
    assert((pump->error != 0) ==
           (step == STEP_READ_FAILED || step == STEP_WRITE_FAILED || step == STEP_MISTAKE));
    switch (step) {
    case STEP_READ_FAILED:
        return PUMP_READ_FAILED;
    case STEP_WRITE_FAILED:
        return PUMP_WRITE_FAILED;
    case STEP_NO_MEMORY:
        return PUMP_NO_MEMORY;
    case STEP_MISTAKE:
        return PUMP_MISTAKE;
    case STEP_MOVED:
    case STEP_BLOCKED:
    case STEP_END:
    case STEP_DENIED:
        break;
    }
    return PUMP_WAIT;
}

enum pump_result pump_run(struct pump *pump, const struct pump_tools *tools, size_t budget)
{
    size_t turn_bytes = 0;

    assert(!pump->ended && !pump->broken && pump->error == 0);
    if (pump_holds_bytes(pump)) {
        if (!pump->to->writable)
            return PUMP_WAIT;
        enum step step = flush_rest(pump);
        if (step != STEP_MOVED)
            return result_of(pump, step);
    }
    while (!pump->end_read) {
        size_t got = 0;

        if (!pump->from->readable || !pump->to->writable) {
            push_preface(pump);
            return PUMP_WAIT;
        }
        if (turn_bytes >= budget)
            return PUMP_AGAIN;
        enum step step = carry(pump, tools, &got);
        turn_bytes += got;
        if (got > 0)
            pump->unpushed = false; /* what followed has taken the preface along */
        if (step == STEP_END)
            pump->end_read = true;
        else if (step == STEP_BLOCKED)
            push_preface(pump);
        if (step != STEP_MOVED && step != STEP_END)
            return result_of(pump, step);
    }
    return PUMP_ENDED;
}

void pump_close(struct pump *pump)
{
    free(pump->rest);
    pump->rest = NULL;
}
