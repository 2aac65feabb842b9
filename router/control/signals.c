/*
 * The happy path
 *  - Signals are held back until control's loop runs; then each is handed to on_signal, on the
 *    control thread.
 *
 * The failures
 *  - One that comes before the router has begun: TERM, QUIT and INT end the process at once, the
 *    others wait.
 *  - libuv has nothing to wait for signals with: said, and the part does not start.
 *  - One that comes while the part stops: held back, since without a handle it would kill the
 *    process.
 */
#include "router/control/signals.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "router/control/exit_code.h"
#include "router/log/log.h"

static const int watched[SIGNALS_WATCHED] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

/* The first so many of those end the router. */
#define SIGNALS_THAT_END 3

/* --- before the loop runs, and after --- */

static sigset_t set_of(const int *numbers, size_t count)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, numbers[i]);
    return set;
}

static void change_mask(int how, sigset_t set)
{
    int error = pthread_sigmask(how, &set, NULL);

    assert(error == 0);
}

static void end_now(int number)
{
    (void)number;
    _exit(0);
}

void signals_prepare(void)
{
    struct sigaction end = {.sa_handler = end_now};

    signals_hold(); /* one that the parent has blocked may be pending: not before its handler */
    for (size_t i = 0; i < SIGNALS_THAT_END; i++)
        sigaction(watched[i], &end, NULL);
    signal(SIGPIPE, SIG_IGN); /* splice(2) has no MSG_NOSIGNAL */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the exit status of a child away */
    change_mask(SIG_SETMASK,
                set_of(watched + SIGNALS_THAT_END, SIGNALS_WATCHED - SIGNALS_THAT_END));
}

void signals_hold(void)
{
    change_mask(SIG_BLOCK, set_of(watched, SIGNALS_WATCHED));
}

void signals_let_in(void)
{
    change_mask(SIG_UNBLOCK, set_of(watched, SIGNALS_WATCHED));
}

/* --- the part --- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;

    part_assert_own(&signals->part);
    signals->on_signal(signals->context, number);
}

static int start(struct part *part)
{
    struct signals *signals = part->self;

    assert(part == &signals->part);
    for (size_t i = 0; i < SIGNALS_WATCHED; i++) {
        int error = uv_signal_init(signals->loop, &signals->handles[i]);
        assert(error == 0 || signals->open == 0); /* the first makes what the others share */
        if (error != 0) {
            log_line(LOG_LEVEL_ERROR, "cannot wait for signals: %s", uv_strerror(error));
            return exit_code_of(-error);
        }
        signals->handles[i].data = signals;
        error = uv_signal_start(&signals->handles[i], on_signal, watched[i]);
        assert(error == 0);
        signals->open++;
    }
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct signals *signals = handle->data;

    assert(signals->open > 0);
    signals->open--;
    if (signals->open == 0)
        signals->on_stopped(&signals->part);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct signals *signals = part->self;

    assert(part == &signals->part);
    signals->on_stopped = on_stopped;
    signals_hold(); /* without a handle the next one would kill the process */
    for (size_t i = 0; i < SIGNALS_WATCHED; i++)
        uv_close((uv_handle_t *)&signals->handles[i], on_closed);
}

void signals_init(struct signals *signals, uv_loop_t *loop,
                  void (*on_signal_arrived)(void *context, int number), void *context)
{
    *signals = (struct signals){
        .part = {.name = "signals", .self = signals, .start = start, .stop = stop},
        .loop = loop,
        .on_signal = on_signal_arrived,
        .context = context,
    };
}
