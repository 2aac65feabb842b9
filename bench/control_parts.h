#ifndef BENCH_CONTROL_PARTS_H
#define BENCH_CONTROL_PARTS_H

/* Shared by bench/control.c (stages) and bench/control_series.c (intervals); for nobody else. */

#include <uv.h>

#include "bench/control.h"
#include "bench/progress.h"

/* Where a run stands; the picture is in control.c. */
enum stage { STAGE_OPENING, STAGE_WARMUP, STAGE_MEASURING, STAGE_DRAINING, STAGE_DONE };

/* A run under way. Touched by the control thread only. */
struct control {
    struct load *load;
    struct result *result;
    const struct options *options;
    struct progress progress;
    struct sample_pids pids;
    enum stage stage;

    uv_loop_t loop;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    uv_timer_t boundary; /* end of the present stage */
    uv_timer_t interval;
    uv_async_t wake; /* load threads have news */

    uint64_t begin_ns;
    uint64_t read_ns;     /* when the measured window was opened */
    uint64_t cpu_ns[256]; /* per thread, then */
    struct tally opening; /* counters then */
    struct tally last;    /* counters at the last interval */
    uint64_t last_ns;
    struct sample last_sample;
};

/* Looks at the --pid processes; says once per look which of them is gone. */
void control_take_sample(struct control *control, bool with_memory, struct sample *sample);

/* The interval timer: a point of the series and a progress line. */
void control_on_interval(uv_timer_t *timer);

#endif
