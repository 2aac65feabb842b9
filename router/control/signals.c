#include "router/control/signals.h"

#include <assert.h>
#include <signal.h>

static const int watched[SIGNALS_WATCHED] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;

    part_assert_own(&signals->part);
    signals->on_signal(signals->context, number);
}

static int start(struct part *part)
{
    struct signals *signals = part->self;

    signal(SIGPIPE, SIG_IGN); /* splice(2) has no MSG_NOSIGNAL */
    for (size_t i = 0; i < SIGNALS_WATCHED; i++) {
        int error = uv_signal_init(signals->loop, &signals->handles[i]);
        assert(error == 0);
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

    signals->on_stopped = on_stopped;
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
