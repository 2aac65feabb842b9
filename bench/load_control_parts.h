#ifndef BENCH_LOAD_CONTROL_PARTS_H
#define BENCH_LOAD_CONTROL_PARTS_H

/* Shared by bench/load_control.c (stages) and bench/load_control_series.c (intervals); for nobody
 * else. */

#include <uv.h>

#include "bench/load_control.h"
#include "bench/progress.h"

/* A run under way. Touched by the control thread only. */
struct load_control {
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
    uint64_t read_ns;           /* when the measured window was opened */
    uint64_t cpu_ns[256];       /* per thread, then */
    struct load_counts opening; /* counters then */

    uint64_t boundary_ns;      /* when the present stage ends; 0 = when something happens */
    uint64_t stage_ns;         /* when it began */
    uint64_t tick_ns;          /* when the present interval ends */
    uint64_t last_ns;          /* when it began: the last cut */
    struct load_counts last;   /* counters then */
    uint64_t last_cpu_ns[256]; /* per thread, then */
    uint32_t ready;            /* connections that stood then */
    struct sample last_sample;
    uint64_t memory_ns;       /* when PSS was last looked at */
    struct histogram *recent; /* latencies of one interval; owned */
};

/* Looks at the --pid processes; says once which of them is gone, and then the costs are unknown. */
void load_control_take_sample(struct load_control *control, bool with_memory,
                              struct sample *sample);

/*
 * Ends the present interval: reads counters, latencies and the router, adds a point to the series
 * and prints a progress line. `last`, `last_ns`, `last_cpu_ns`, `ready` and `last_sample` are of
 * now afterwards. `stage_ends`: a reading that the result rests on, with PSS.
 */
void load_control_cut(struct load_control *control, bool stage_ends);

/* A stage begins: its intervals are counted from there on. */
void load_control_begin_intervals(struct load_control *control, uint64_t from_ns);
/* Has load_control_on_interval() called at the end of the next interval. */
void load_control_set_interval(struct load_control *control);
void load_control_on_interval(uv_timer_t *timer);

/* Starts a timer that ends at a time of clock_now_ns(). */
void load_control_set_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t at_ns);

#endif
