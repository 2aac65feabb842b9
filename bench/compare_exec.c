/*
 * One run of a comparison: this program again as a child, on a loop of its own.
 *
 * The child gets a session of its own, so a Ctrl-C or a hangup of the terminal reaches only the
 * parent. The parent passes the signal on; the child then ends its measurement early and still
 * reports. The loop ends when the child has exited and both pipes are at their end. Between two
 * runs these signals are blocked (compare_hold_signals()), because no loop would handle them.
 */

#include "bench/compare.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* A result is a few hundred KiB; more than this is not kept. */
#define OUTPUT_MAX (64u * 1024 * 1024)

/* One pipe from the child. */
struct output {
    uv_pipe_t pipe;
    char *text; /* always ends with a NUL once there is any */
    size_t len;
    size_t cap;
    char chunk[65536];
};

struct child {
    uv_loop_t loop;
    uv_process_t process;
    uv_signal_t signals[3]; /* in the order of caught[] */
    struct output out;
    struct output err;
    bool interrupted;
    int exit_code;
};

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};

#define CAUGHT_COUNT (sizeof caught / sizeof caught[0])

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct output *output = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(output->chunk, sizeof output->chunk);
}

static void append(struct output *output, const char *bytes, size_t len)
{
    if (output->len + len + 1 > output->cap) {
        size_t cap = (output->len + len + 1) * 2;
        char *larger = cap > OUTPUT_MAX ? NULL : realloc(output->text, cap);
        if (larger == NULL)
            return;
        output->text = larger;
        output->cap = cap;
    }
    memcpy(output->text + output->len, bytes, len);
    output->len += len;
    output->text[output->len] = '\0';
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct output *output = stream->data;

    if (count > 0)
        append(output, buffer->base, (size_t)count);
    else if (count < 0)
        uv_close((uv_handle_t *)stream, NULL);
}

void compare_hold_signals(bool hold)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaddset(&set, caught[i]);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void close_signals(struct child *child)
{
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        uv_close((uv_handle_t *)&child->signals[i], NULL);
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = process->data;

    child->exit_code = signal != 0 ? 128 + signal : (int)status;
    compare_hold_signals(true);
    uv_close((uv_handle_t *)process, NULL);
    close_signals(child);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct child *child = signal->data;

    child->interrupted = true;
    uv_process_kill(&child->process, number == SIGHUP ? SIGTERM : number);
}

/* Whether the signal was ignored when the program started (nohup); it stays ignored. */
static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int start_output(struct child *child, struct output *output)
{
    (void)child;
    output->pipe.data = output;
    return uv_read_start((uv_stream_t *)&output->pipe, on_room, on_output);
}

static int spawn(struct child *child, char **argv)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};

    stdio[1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
    stdio[1].data.stream = (uv_stream_t *)&child->out.pipe;
    stdio[2].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
    stdio[2].data.stream = (uv_stream_t *)&child->err.pipe;
    uv_process_options_t options = {.exit_cb = on_exit_of_child,
                                    .file = "/proc/self/exe",
                                    .args = argv,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    return uv_spawn(&child->loop, &child->process, &options);
}

static int start(struct child *child, char **argv)
{
    uv_pipe_init(&child->loop, &child->out.pipe, 0);
    uv_pipe_init(&child->loop, &child->err.pipe, 0);
    for (size_t i = 0; i < CAUGHT_COUNT; i++) {
        uv_signal_init(&child->loop, &child->signals[i]);
        child->signals[i].data = child;
    }
    child->process.data = child;
    int failed = spawn(child, argv);
    if (failed != 0) {
        uv_close((uv_handle_t *)&child->process, NULL);
        uv_close((uv_handle_t *)&child->out.pipe, NULL);
        uv_close((uv_handle_t *)&child->err.pipe, NULL);
        close_signals(child);
        return failed;
    }
    for (size_t i = 0; i < CAUGHT_COUNT; i++) {
        if (!is_ignored(caught[i]))
            uv_signal_start(&child->signals[i], on_signal, caught[i]);
    }
    compare_hold_signals(false);
    if (start_output(child, &child->out) != 0 || start_output(child, &child->err) != 0)
        abort();
    return 0;
}

bool compare_exec(char **argv, struct compare_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    struct child *child = calloc(1, sizeof *child);
    if (child == NULL || uv_loop_init(&child->loop) != 0) {
        free(child);
        fprintf(stderr, "sni-bench: compare: out of memory or descriptors\n");
        return false;
    }
    int failed = start(child, argv);
    uv_run(&child->loop, UV_RUN_DEFAULT);
    int closed = uv_loop_close(&child->loop);
    if (closed != 0)
        abort();
    outcome->exit_code = child->exit_code;
    outcome->interrupted = child->interrupted;
    outcome->out = child->out.text;
    outcome->err = child->err.text;
    free(child);
    if (failed != 0)
        fprintf(stderr, "sni-bench: compare: cannot start a run: %s\n", uv_strerror(failed));
    return failed == 0;
}
