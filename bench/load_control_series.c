/*
 * What happened in each interval: a point of the series, and a progress line.
 *
 * An interval ends after --interval and at the end of each stage. The readings that open and close
 * the measured window are ends of intervals too, so the points of that stage add up to its totals.
 * The last interval of a stage is shorter.
 */

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "bench/clock.h"
#include "bench/load_control_parts.h"

/*
 * PSS is read at the ends of stages and else not more often than this, because the kernel walks all
 * pages for it.
 */
#define MEMORY_EVERY_NS (900 * NS_PER_MS)
/*
 * An interval that would end less than this share of --interval before the end of a stage is joined
 * with the last one.
 */
#define SHORT_SHARE 10

static bool keep_point(struct result *result, const struct series_point *point)
{
    if (result->series_count == result->series_cap) {
        size_t cap = result->series_cap == 0 ? 64 : result->series_cap * 2;
        struct series_point *larger = realloc(result->series, cap * sizeof *larger);
        if (larger == NULL)
            return false;
        result->series = larger;
        result->series_cap = cap;
    }
    result->series[result->series_count++] = *point;
    return true;
}

static uint64_t thread_cpu_ns(const struct load_thread *thread)
{
    clockid_t clock;
    struct timespec used;

    if (pthread_getcpuclockid(thread->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/* Latencies and counters since the last point, of all threads. */
static struct load_counts read_interval(struct load_control *control, struct series_point *point)
{
    struct load_counts sum = {0};

    control->ready = 0;
    for (uint32_t i = 0; i < control->load->thread_count; i++) {
        struct load_thread *thread = &control->load->threads[i];
        load_visit(thread);
        load_counts_add(&sum, &thread->counts);
        histogram_merge(control->recent, thread->recent);
        histogram_reset(thread->recent);
        point->active += thread->active;
        control->ready += thread->ready;
        if (thread->recent_slip_ns > point->slip_ns)
            point->slip_ns = thread->recent_slip_ns;
        thread->recent_slip_ns = 0;
        control->last_cpu_ns[i] = thread_cpu_ns(thread);
        load_unlock(thread);
    }
    return sum;
}

static void fill_router(struct load_control *control, bool stage_ends, struct series_point *point)
{
    struct sample *last = &control->last_sample;
    struct sample sample;
    bool with_memory = stage_ends || clock_now_ns() - control->memory_ns >= MEMORY_EVERY_NS;

    if (!control->result->sampled && !stage_ends)
        return;
    load_control_take_sample(control, with_memory, &sample);
    /* The figures of the whole machine are known even if the --pid processes are gone. */
    last->tcp_bytes = sample.tcp_bytes;
    last->slab_bytes = sample.slab_bytes;
    last->sockets = sample.sockets;
    last->machine = sample.machine;
    if (!control->result->sampled)
        return;
    if (with_memory) {
        control->memory_ns = sample.at_ns;
    } else {
        sample.pss_known = last->pss_known;
        sample.pss_bytes = last->pss_bytes;
    }
    double wall_ns = (double)(sample.at_ns - last->at_ns);
    point->router_cpu = wall_ns > 0 ? (double)sample_cpu_ns(last, &sample) / wall_ns : 0;
    point->router = sample;
    *last = sample;
}

static bool is_empty(const struct load_counts *delta)
{
    return delta->started == 0 && delta->ready == 0 && delta->completed == 0 &&
           delta->requests == 0 && delta->bytes_in == 0 && delta->bytes_out == 0 &&
           result_errors(delta) == 0;
}

static bool is_short(const struct load_control *control, const struct series_point *point)
{
    return point->seconds < (double)control->options->out.interval_ns / 1e9 / SHORT_SHARE;
}

void load_control_cut(struct load_control *control, bool stage_ends)
{
    struct series_point point = {.stage = control->stage,
                                 .holds_open = control->load->traffic->opens_first};

    histogram_reset(control->recent);
    struct load_counts now = read_interval(control, &point);
    /* `last_ns` may be the schedule's zero, which lies a little in the future. */
    uint64_t now_ns = clock_now_ns();
    point.end_ns = now_ns > control->last_ns ? now_ns : control->last_ns;
    point.seconds = (double)(point.end_ns - control->last_ns) / 1e9;
    point.counted = load_counts_subtract(&now, &control->last);
    point.p50_ns = histogram_percentile(control->recent, 50.0);
    point.p99_ns = histogram_percentile(control->recent, 99.0);
    point.max_ns = control->recent->max_ns;
    fill_router(control, stage_ends, &point);
    control->last = now;
    control->last_ns = point.end_ns;
    /*
     * A very short interval outside of the measurement gets no progress line, and no point either
     * when nothing happened in it.
     */
    bool beside = is_short(control, &point) && control->stage != STAGE_MEASURING;
    if ((beside && is_empty(&point.counted)) || !keep_point(control->result, &point) || beside)
        return;
    progress_line(&control->progress, &point, (double)(point.end_ns - control->stage_ns) / 1e9);
}

void load_control_begin_intervals(struct load_control *control, uint64_t from_ns)
{
    control->stage_ns = from_ns;
    control->last_ns = from_ns;
    control->tick_ns = from_ns;
    load_control_set_interval(control);
}

void load_control_set_interval(struct load_control *control)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t interval_ns = control->options->out.interval_ns;

    control->tick_ns += interval_ns;
    /* If the timer comes too late for several intervals, they become one long interval. */
    if (control->tick_ns <= now_ns)
        control->tick_ns += (now_ns - control->tick_ns) / interval_ns * interval_ns + interval_ns;
    load_control_set_timer(&control->interval, load_control_on_interval, control->tick_ns);
}

void load_control_on_interval(uv_timer_t *timer)
{
    struct load_control *control = timer->data;
    uint64_t shortest_ns = control->options->out.interval_ns / SHORT_SHARE;
    uint64_t end_ns = control->boundary_ns;

    /* Just before the end of a stage the point is left to that end. */
    if (end_ns == 0 || clock_now_ns() + shortest_ns < end_ns)
        load_control_cut(control, false);
    load_control_set_interval(control);
}
