#include "router/conn/conns.h"

#include <assert.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sni/hello.h"

/* Most bytes of one copying read; also how much is "full". */
#define COPY_BYTES (64u * 1024u)
/*
 * Received bytes mostly begin at a page of the kernel's. Copied to an address a few bytes further
 * into a page, as malloc() gives for large blocks, they cost some processors ten times as much.
 */
#define SCRATCH_ALIGN ((size_t)4096)
/*
 * Memory is given back when connections have fallen to a quarter of a peak of at least so many, and
 * stay so from one sweep to the next: so few may have had 64 KiB each for receivers that did not
 * read, while a load that comes and goes within a second keeps its memory.
 */
#define TRIM_MIN_CONNS 64u
/* What a timer of a loop that runs is never late. */
#define LATE_MS 100u

void conns_assert_own(const struct conns *conns)
{
    uv_thread_t self = uv_thread_self();

    assert(uv_thread_equal(&self, &conns->self));
}

/* --- logging --- */

static void put_line(struct conns *conns, enum log_level level, const char *format, va_list args)
{
    char line[LOG_LINE_MAX];
    size_t len = log_print(line, level, format, args);

    if (!log_ring_put(&conns->shared->writer->feeds[conns->worker].error, line, len))
        stats_add(&conns->stats->log_dropped, 1);
    log_writer_wake(conns->shared->writer);
}

void conns_log(struct conns *conns, enum log_level level, const char *format, ...)
{
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    put_line(conns, level, format, args);
    va_end(args);
}

void conns_warn(struct conns *conns, enum conns_topic topic, const char *format, ...)
{
    uint64_t now = uv_now(conns->loop);
    uint64_t *said_ms = &conns->said_ms[topic];
    va_list args;

    if (!log_enabled(LOG_LEVEL_WARNING) || (*said_ms != 0 && now - *said_ms < CONNS_SAY_EVERY_MS))
        return;
    *said_ms = now;
    va_start(args, format);
    put_line(conns, LOG_LEVEL_WARNING, format, args);
    va_end(args);
}

void conns_log_access(struct conns *conns, const char *line, size_t len)
{
    if (!log_ring_put(&conns->shared->writer->feeds[conns->worker].access, line, len))
        stats_add(&conns->stats->log_dropped, 1);
    log_writer_wake(conns->shared->writer);
}

/* --- views --- */

void conns_unpin(struct conns *conns, struct view *view)
{
    if (view_unpin(view))
        uv_async_send(conns->shared->control_wake);
}

void conns_use_view(struct conns *conns, struct view *view)
{
    struct view *old = conns->view;

    if (view != NULL)
        view_pin(view);
    conns->view = view;
    if (old != NULL)
        conns_unpin(conns, old);
}

const struct log_config *conns_log_config(const struct conns *conns)
{
    assert(conns->view != NULL);
    return &conns->view->snapshot->config->log;
}

/* --- timeouts --- */

void conns_look(struct conns *conns)
{
    uint64_t now = uv_now(conns->loop);

    conns_assert_own(conns);
    if (conns->looked_ms == now)
        return;
    conns->looked_ms = now;
    ready_look(&conns->ready, (size_t)conns->count * 2);
}

bool conns_was_stopped(const struct conns *conns, uint64_t due_ms)
{
    uint64_t now = uv_now(conns->loop);

    assert(now >= due_ms);
    return now - due_ms >= LATE_MS;
}

/* --- giving back --- */

void conns_sweep(struct conns *conns)
{
    splice_pipe_sweep(&conns->pipe);
    bool fallen = conns->peak >= TRIM_MIN_CONNS && conns->count <= conns->peak / 4;
    if (fallen && conns->has_fallen) {
        conns->peak = conns->count;
        malloc_trim(0);
    }
    conns->has_fallen = fallen;
}

/* --- life --- */

/* The first worker that finds out says so for all. */
static void on_splice_denied(const struct pump_tools *tools, int error)
{
    struct conns *conns = (struct conns *)((char *)tools - offsetof(struct conns, tools));

    if (!atomic_exchange_explicit(&conns->shared->splice_denied, true, memory_order_relaxed))
        conns_log(conns, LOG_LEVEL_WARNING, "splice is denied (%s): streams are copied from now on",
                  strerror(error));
}

static bool init_scratch(struct conns *conns)
{
    size_t hello = hello_wire_limit(HELLO_LIMIT_DEFAULT);

    conns->scratch_bytes = hello > COPY_BYTES ? hello : COPY_BYTES;
    conns->scratch_bytes = (conns->scratch_bytes + SCRATCH_ALIGN - 1) & ~(SCRATCH_ALIGN - 1);
    conns->tools = (struct pump_tools){
        .scratch = aligned_alloc(SCRATCH_ALIGN, conns->scratch_bytes),
        .copy_bytes = COPY_BYTES,
        .pipe = &conns->pipe,
        .mode = conns->shared->relay_mode,
        .on_splice_denied = on_splice_denied,
    };
    splice_pipe_init(&conns->pipe);
    return conns->tools.scratch != NULL;
}

int conns_init(struct conns *conns, struct shared *shared, uint32_t worker, uv_loop_t *loop)
{
    conns->shared = shared;
    conns->worker = worker;
    conns->loop = loop;
    conns->stats = &shared->stats->of_workers[worker];
    TAILQ_INIT(&conns->list);
    if (!init_scratch(conns))
        return UV_ENOMEM;
    int error = ready_init(&conns->ready, loop);
    if (error != 0) {
        free(conns->tools.scratch);
        return error;
    }
    turns_init(&conns->turns, loop);
    return 0;
}

void conns_stop(struct conns *conns)
{
    assert(conns->count == 0 && TAILQ_EMPTY(&conns->list));
    ready_stop(&conns->ready);
    turns_stop(&conns->turns);
}

void conns_free(struct conns *conns)
{
    assert(conns->count == 0 && conns->view == NULL);
    splice_pipe_close(&conns->pipe);
    free(conns->tools.scratch);
    conns->tools.scratch = NULL;
}
