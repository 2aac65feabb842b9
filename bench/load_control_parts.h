#ifndef BENCH_LOAD_CONTROL_PARTS_H
#define BENCH_LOAD_CONTROL_PARTS_H

/* Shared by bench/load_control.c (stages) and bench/load_control_series.c (intervals); for nobody
 * else. */

#include <signal.h>
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
    uv_poll_t signals; /* of a signalfd: SIGINT and SIGTERM are held back while it runs */
    int signal_fd;
    sigset_t mask_before;
    uv_timer_t boundary; /* end of the present stage */
    uv_timer_t interval;
    uv_async_t wake; /* load threads have news */

    uint64_t begin_ns;
    uint64_t read_ns;           /* when the measured window was opened */
    uint64_t cpu_ns[256];       /* of each thread at that moment */
    struct load_counts opening; /* counters at that moment */

    uint64_t boundary_ns;      /* when the present stage ends; 0 = an event ends it */
    uint64_t stage_ns;         /* when it began */
    uint64_t tick_ns;          /* when the present interval ends */
    uint64_t last_ns;          /* when it began: the last cut */
    struct load_counts last;   /* counters at that moment */
    uint64_t last_cpu_ns[256]; /* of each thread at that moment */
    uint32_t ready;            /* connections that had their banner */
    struct sample last_sample;
    uint64_t memory_ns;       /* when PSS was last looked at */
    struct histogram *recent; /* latencies of one interval; owned */
};

/*
 * Samples the --pid processes. When one of them is gone, says so once; the costs are unknown from
 * then on.
 */
void load_control_take_sample(struct load_control *control, bool with_memory,
                              struct sample *sample);

/*
 * Ends the present interval: reads counters, latencies and the router, adds a point to the series
 * and prints a progress line. `last`, `last_ns`, `last_cpu_ns`, `ready` and `last_sample` then hold
 * the readings of this moment. `stage_ends`: the result rests on this reading, so PSS is read as
 * well.
 */
void load_control_cut(struct load_control *control, bool stage_ends);

/* Begins the intervals of a stage at `from_ns`. */
void load_control_begin_intervals(struct load_control *control, uint64_t from_ns);
/* Sets the timer that calls load_control_on_interval() at the end of the next interval. */
void load_control_set_interval(struct load_control *control);
void load_control_on_interval(uv_timer_t *timer);

/* Starts a timer; `at_ns` is a time of clock_now_ns(). */
void load_control_set_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t at_ns);

#endif
