#include "router/net/pump.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "router/net/net.h"

/* A read of so much pays for splicing: two calls more, but nothing is copied or allocated. */
#define PUMP_BULKY_BYTES (20u * 1024u)
/* Bulky reads in a row after which a stream is spliced. */
#define PUMP_FULL_READS 2
/* Small splices after which it is taken for calm again and copied. */
#define PUMP_CALM_READS 4
/* Most bytes of one splice. */
#define PUMP_SPLICE_BYTES (1024u * 1024u)
/* Bytes a pump may read in one turn while other connections wait. */
#define PUMP_TURN_BYTES (1024u * 1024u)

/* What one attempt to move bytes came to. */
enum step {
    STEP_MOVED,
    STEP_BLOCKED, /* EAGAIN: readiness was noted */
    STEP_END,     /* the reading side has ended */
    STEP_READ_FAILED,
    STEP_WRITE_FAILED,
    STEP_NO_MEMORY
};

void pump_init(struct pump *pump, struct side *from, struct side *to)
{
    assert(from != to && from->fd >= 0 && to->fd >= 0);
    *pump = (struct pump){.from = from, .to = to};
}

/* The system call that `errno` speaks of has failed for good. */
static enum step failed(struct pump *pump, enum step how)
{
    assert(pump->error == 0 && errno > 0 && errno <= INT16_MAX);
    pump->error = (int16_t)errno;
    return how;
}

bool pump_holds_bytes(const struct pump *pump)
{
    return pump->rest != NULL || pump->pipe != NULL;
}

/* --- copying --- */

/* Keeps what `to` did not take. */
static enum step keep_rest(struct pump *pump, const uint8_t *bytes, size_t len)
{
    assert(pump->rest == NULL && len > 0);
    pump->rest = malloc(sizeof *pump->rest + len);
    if (pump->rest == NULL)
        return STEP_NO_MEMORY;
    *pump->rest = (struct pump_rest){.left = (uint32_t)len};
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
            return failed(pump, STEP_WRITE_FAILED);
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

bool pump_preface(struct pump *pump, const uint8_t *bytes, size_t len, bool counted)
{
    uint32_t before = pump->rest == NULL ? 0 : pump->rest->left;

    assert(len > 0 && pump->bytes == 0 && pump->pipe == NULL && !pump->end_read);
    struct pump_rest *rest = realloc(pump->rest, sizeof *rest + before + len);
    if (rest == NULL)
        return false;
    if (before == 0)
        *rest = (struct pump_rest){0};
    assert(rest->at == 0 && (counted || rest->uncounted == before)); /* the router's own go first */
    memcpy(rest->bytes + before, bytes, len);
    rest->left += (uint32_t)len;
    if (!counted)
        rest->uncounted += (uint32_t)len;
    pump->rest = rest;
    pump->prefaced = true;
    return true;
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
        return failed(pump, STEP_READ_FAILED);
    note_read(pump, (size_t)n, tools->copy_bytes);
    *got = (size_t)n;
    return STEP_MOVED;
}

/* --- splicing --- */

static enum step flush_pipe(struct pump *pump, const struct pump_tools *tools)
{
    struct pipe *pipe = pump->pipe;

    while (pipe->held_bytes > 0) {
        ssize_t n = splice(pipe->read_fd, NULL, pump->to->fd, NULL, pipe->held_bytes,
                           SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n > 0) {
            assert((uint32_t)n <= pipe->held_bytes);
            pipe->held_bytes -= (uint32_t)n;
            pump->bytes += (uint64_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            pump->to->writable = false;
            return STEP_BLOCKED;
        } else if (n == 0 || errno != EINTR) {
            return failed(pump, STEP_WRITE_FAILED); /* a pipe that holds bytes never ends: n < 0 */
        }
    }
    pipe_pool_give(tools->pipes, &pump->pipe);
    return STEP_MOVED;
}

/* One splice into an empty pipe. */
static enum step fill_pipe(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    ssize_t n;

    do {
        n = splice(pump->from->fd, NULL, pump->pipe->write_fd, NULL, PUMP_SPLICE_BYTES,
                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        pump->pipe->held_bytes = (uint32_t)n;
        *got = (size_t)n;
        if (*got >= PUMP_BULKY_BYTES)
            pump->full_reads = PUMP_FULL_READS + PUMP_CALM_READS;
        else if (pump->full_reads > 0)
            pump->full_reads--;
        return STEP_MOVED;
    }
    enum step step = STEP_END;
    if (n < 0 && errno == EAGAIN) { /* the pipe was empty, so it was the socket that blocked */
        pump->from->readable = false;
        step = STEP_BLOCKED;
    } else if (n < 0) {
        step = failed(pump, STEP_READ_FAILED);
    }
    pipe_pool_give(tools->pipes, &pump->pipe);
    return step;
}

static bool wants_splice(const struct pump *pump, const struct pump_tools *tools)
{
    if (pump->from->urgent)
        return false;
    return tools->mode == RELAY_SPLICE ||
           (tools->mode == RELAY_AUTO && pump->full_reads >= PUMP_FULL_READS);
}

/* --- both --- */

static enum step flush(struct pump *pump, const struct pump_tools *tools)
{
    if (pump->rest != NULL)
        return flush_rest(pump);
    if (pump->pipe != NULL)
        return flush_pipe(pump, tools);
    return STEP_MOVED;
}

static enum step carry_spliced(struct pump *pump, const struct pump_tools *tools, size_t *got)
{
    enum step step = fill_pipe(pump, tools, got);

    return step == STEP_MOVED ? flush_pipe(pump, tools) : step;
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
    if (!wants_splice(pump, tools))
        return carry_copied(pump, tools, got);
    if (pump->to->paced) {
        pump->to->paced = false;
        net_unpace(pump->to->fd);
    }
    pump->pipe = pipe_pool_take(tools->pipes);
    return pump->pipe != NULL ? carry_spliced(pump, tools, got) : carry_copied(pump, tools, got);
}

/* What a turn came to whose last step moved nothing. */
static enum pump_result result_of(const struct pump *pump, enum step step)
{
    assert(step != STEP_MOVED && step != STEP_END);
    assert((pump->error != 0) == (step == STEP_READ_FAILED || step == STEP_WRITE_FAILED));
    switch (step) {
    case STEP_READ_FAILED:
        return PUMP_READ_FAILED;
    case STEP_WRITE_FAILED:
        return PUMP_WRITE_FAILED;
    case STEP_NO_MEMORY:
        return PUMP_NO_MEMORY;
    case STEP_MOVED:
    case STEP_BLOCKED:
    case STEP_END:
        break;
    }
    return PUMP_WAIT;
}

enum pump_result pump_run(struct pump *pump, const struct pump_tools *tools)
{
    size_t turn_bytes = 0;

    assert(!pump->ended && !pump->broken && pump->error == 0);
    assert(pump->rest == NULL || pump->pipe == NULL);
    if (pump_holds_bytes(pump)) {
        if (!pump->to->writable)
            return PUMP_WAIT;
        enum step step = flush(pump, tools);
        if (step != STEP_MOVED)
            return result_of(pump, step);
    }
    while (!pump->end_read) {
        size_t got = 0;

        if (!pump->from->readable || !pump->to->writable) {
            push_preface(pump);
            return PUMP_WAIT;
        }
        if (turn_bytes >= PUMP_TURN_BYTES)
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

void pump_close(struct pump *pump, const struct pump_tools *tools)
{
    free(pump->rest);
    pump->rest = NULL;
    if (pump->pipe != NULL)
        pipe_pool_discard(tools->pipes, &pump->pipe);
}
