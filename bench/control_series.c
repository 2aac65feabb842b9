/* What happened in each interval: a point of the series, and a line for who watches. */

#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/control_parts.h"

static struct series_point *next_point(struct result *result)
{
    if (result->series_count == result->series_cap) {
        size_t cap = result->series_cap == 0 ? 64 : result->series_cap * 2;
        struct series_point *larger = realloc(result->series, cap * sizeof(*larger));
        if (larger == NULL)
            return NULL;
        result->series = larger;
        result->series_cap = cap;
    }
    struct series_point *point = &result->series[result->series_count++];
    memset(point, 0, sizeof(*point));
    return point;
}

/* Latencies and counters since the last interval, of all threads. */
static struct tally read_interval(struct control *control, struct histogram *recent,
                                  struct series_point *point)
{
    struct tally sum = {0};
    for (uint32_t i = 0; i < control->load->thread_count; i++) {
        struct load_thread *thread = &control->load->threads[i];
        load_lock(thread);
        tally_add(&sum, &thread->tally);
        histogram_merge(recent, thread->recent);
        histogram_reset(thread->recent);
        point->active += thread->active;
        if (thread->recent_slip_ns > point->slip_ns)
            point->slip_ns = thread->recent_slip_ns;
        thread->recent_slip_ns = 0;
        load_unlock(thread);
    }
    return sum;
}

static void fill_router(struct control *control, struct series_point *point)
{
    struct sample sample;
    if (!control->result->sampled)
        return;
    control_take_sample(control, false, &sample);
    double wall_ns = (double)(sample.at_ns - control->last_sample.at_ns);
    point->router_cpu = (double)sample_cpu_ns(&control->last_sample, &sample) / wall_ns;
    point->rss_bytes = sample.rss_bytes;
    point->descriptors = sample.descriptors;
    control->last_sample = sample;
}

static const char *stage_word(enum stage stage)
{
    static const char *const words[] = {"opening", "warm-up", "measuring", "ending", "done"};
    return words[stage];
}

void control_on_interval(uv_timer_t *timer)
{
    struct control *control = timer->data;
    struct result *result = control->result;
    struct series_point *point = next_point(result);
    struct histogram *recent = malloc(sizeof(*recent));
    if (point == NULL || recent == NULL) {
        free(recent);
        return;
    }
    histogram_init(recent);
    struct tally now = read_interval(control, recent, point);
    uint64_t now_ns = clock_now_ns();
    struct tally delta = tally_subtract(&now, &control->last);
    double seconds = (double)(now_ns - control->last_ns) / 1e9;
    uint64_t zero_ns = control->begin_ns == 0 ? now_ns : control->begin_ns;
    double warmup_s = (double)control->options->load.warmup_ns / 1e9;
    point->at_s = ((double)now_ns - (double)zero_ns) / 1e9 - warmup_s;
    point->seconds = seconds;
    bool counts_ready = control->load->traffic->opens_first;
    point->conns_per_s = (double)(counts_ready ? delta.ready : delta.completed) / seconds;
    point->requests_per_s = (double)delta.requests / seconds;
    point->in_bytes_per_s = (double)delta.bytes_in / seconds;
    point->out_bytes_per_s = (double)delta.bytes_out / seconds;
    point->errors = result_errors(&delta);
    point->p50_ns = histogram_percentile(recent, 50.0);
    point->p99_ns = histogram_percentile(recent, 99.0);
    point->max_ns = recent->max_ns;
    free(recent);
    fill_router(control, point);
    control->last = now;
    control->last_ns = now_ns;
    progress_line(&control->progress, point, stage_word(control->stage));
}
