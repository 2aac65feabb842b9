#include "router/conn/conns.h"

#include <assert.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>

#include "sni/hello.h"

/* Most bytes of one copying read; also how much is "full". */
#define COPY_BYTES (64u * 1024u)
/*
 * Received bytes mostly begin at a page of the kernel's. Copied to an address a few bytes further
 * into a page, as malloc() gives for large blocks, they cost some processors ten times as much.
 */
#define SCRATCH_ALIGN ((size_t)4096)
/* Memory is given back when connections have fallen to a quarter of a peak of at least so many. */
#define TRIM_MIN_CONNS 512u
/* What a timer of a loop that runs is never late. */
#define LATE_MS 100u

void conns_assert_own(const struct conns *conns)
{
    uv_thread_t self = uv_thread_self();

    assert(uv_thread_equal(&self, &conns->self));
}

/* --- logging --- */

void conns_log(struct conns *conns, enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    size_t len = log_format(line, level, format, args);
    va_end(args);
    if (!log_ring_put(&conns->shared->writer->feeds[conns->worker].error, line, len))
        stats_add(&conns->stats->log_dropped, 1);
    log_writer_wake(conns->shared->writer);
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
    pipe_pool_sweep(&conns->pipes);
    if (conns->peak >= TRIM_MIN_CONNS && conns->count <= conns->peak / 4) {
        conns->peak = conns->count;
        malloc_trim(0);
    }
}

/* --- life --- */

static bool init_scratch(struct conns *conns)
{
    size_t hello = hello_wire_limit(HELLO_LIMIT_DEFAULT);

    conns->scratch_bytes = hello > COPY_BYTES ? hello : COPY_BYTES;
    conns->scratch_bytes = (conns->scratch_bytes + SCRATCH_ALIGN - 1) & ~(SCRATCH_ALIGN - 1);
    conns->tools = (struct pump_tools){
        .scratch = aligned_alloc(SCRATCH_ALIGN, conns->scratch_bytes),
        .copy_bytes = COPY_BYTES,
        .pipes = &conns->pipes,
        .mode = conns->shared->relay_mode,
    };
    pipe_pool_init(&conns->pipes, conns->shared->pipes_per_worker);
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
    pipe_pool_close(&conns->pipes);
    free(conns->tools.scratch);
    conns->tools.scratch = NULL;
}
