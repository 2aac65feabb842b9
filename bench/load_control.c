/*
 * The control thread of a run: a libuv loop with signals, an interval timer and stages.
 *
 *   OPENING --all threads have their connections--> WARMUP --measure_ns--> MEASURING --end_ns-->
 *   DRAINING (what is under way may end) --all threads finished--> DONE
 *
 * The mode conn opens nothing beforehand and starts in WARMUP. SIGINT ends the measurement early, a
 * second SIGINT ends the process. The load threads know the boundaries as time stamps; the control
 * thread reads the counters within a millisecond of them, and rates use the time between two
 * readings.
 */

#include "bench/load_control_parts.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/clock.h"

/* Time from telling the threads to begin until the first operation. */
#define BEGIN_DELAY_NS (5 * NS_PER_MS)
/* For --count without --duration. */
#define UNLIMITED_NS (24 * 3600 * NS_PER_S)

void load_control_take_sample(struct load_control *control, bool with_memory, struct sample *sample)
{
    struct result *result = control->result;

    sample_take(&control->pids, with_memory, sample, &result->lost_pid);
    if (sample->good || !result->sampled)
        return;
    result->sampled = false;
    progress_break(&control->progress);
    fprintf(stderr, "sni-bench: --pid %d: there is no such process%s\n", (int)result->lost_pid,
            control->stage_ns == 0 ? "; write the router's number, as pidof prints it"
                                   : " any more");
}

void load_control_set_timer(uv_timer_t *timer, uv_timer_cb callback, uint64_t at_ns)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t left_ns = at_ns > now_ns ? at_ns - now_ns : 0;

    uv_update_time(timer->loop);
    uv_timer_start(timer, callback, left_ns / NS_PER_MS, 0);
}

/* Enters a stage. `boundary_ns` = when it ends; 0 = an event ends it. */
static void enter(struct load_control *control, enum stage stage, uint64_t at_ns,
                  uint64_t boundary_ns)
{
    control->stage = stage;
    control->boundary_ns = boundary_ns;
    uv_timer_stop(&control->boundary);
    load_control_begin_intervals(control, at_ns);
}

static void close_handles(struct load_control *control)
{
    uv_close((uv_handle_t *)&control->signals, NULL);
    pthread_sigmask(SIG_SETMASK, &control->mask_before, NULL); /* now they end the process */
    uv_close((uv_handle_t *)&control->boundary, NULL);
    uv_close((uv_handle_t *)&control->interval, NULL);
    uv_close((uv_handle_t *)&control->wake, NULL);
}

static void finish(struct load_control *control)
{
    if (control->stage == STAGE_DONE)
        return;
    load_control_cut(control, false);
    control->stage = STAGE_DONE;
    close_handles(control);
}

/* Ends the measured window: reads its counters and the router's costs. */
static void end_window(struct load_control *control)
{
    struct result *result = control->result;

    load_control_cut(control, true);
    uint64_t now_ns = control->last_ns;
    result->window = load_counts_subtract(&control->last, &control->opening);
    result->held = control->ready;
    result->seconds = (double)(now_ns - control->read_ns) / 1e9;
    result->end_ns = now_ns;
    result->end = control->last_sample;
    for (uint32_t i = 0; now_ns > control->read_ns && i < control->load->thread_count; i++) {
        uint64_t used_ns = control->last_cpu_ns[i] - control->cpu_ns[i];
        double share = (double)used_ns / (double)(now_ns - control->read_ns);
        if (share > result->tool_cpu)
            result->tool_cpu = share;
    }
}

/* No operation begins any more; those under way may end. */
static void enter_draining(struct load_control *control)
{
    if (control->stage == STAGE_MEASURING)
        end_window(control);
    else
        load_control_cut(control, true);
    enter(control, STAGE_DRAINING, control->last_ns, 0);
    uint64_t now_ns = clock_now_ns();
    for (uint32_t i = 0; i < control->load->thread_count; i++) {
        struct load_thread *thread = &control->load->threads[i];
        load_visit(thread);
        if (thread->end_ns > now_ns)
            thread->end_ns = now_ns;
        load_unlock(thread);
        poller_wake(&thread->poller);
    }
}

static void on_measured(uv_timer_t *timer)
{
    enter_draining(timer->data);
}

static uint64_t run_ns(const struct options *options)
{
    return options->load.duration_ns == 0 ? UNLIMITED_NS : options->load.duration_ns;
}

static void enter_measuring(struct load_control *control)
{
    struct result *result = control->result;

    load_control_cut(control, true);
    memcpy(control->cpu_ns, control->last_cpu_ns, sizeof control->cpu_ns);
    /*
     * Without a warm-up this is before the first operation, so the window begins with the
     * operation.
     */
    control->read_ns = control->last_ns > control->begin_ns ? control->last_ns : control->begin_ns;
    control->opening = control->last;
    result->start = control->last_sample;
    result->window_ns = control->read_ns;
    result->measure_ns = control->begin_ns + control->options->load.warmup_ns;
    enter(control, STAGE_MEASURING, control->read_ns,
          result->measure_ns + run_ns(control->options));
    load_control_set_timer(&control->boundary, on_measured, control->boundary_ns);
}

static void on_warmed_up(uv_timer_t *timer)
{
    enter_measuring(timer->data);
}

/* How many connections have their banner. */
static uint32_t count_ready(struct load_control *control)
{
    uint32_t ready = 0;

    for (uint32_t i = 0; i < control->load->thread_count; i++) {
        struct load_thread *thread = &control->load->threads[i];
        load_visit(thread);
        ready += thread->ready;
        load_unlock(thread);
    }
    return ready;
}

/* All connections are there: the schedule begins. */
static void enter_warmup(struct load_control *control)
{
    control->begin_ns = clock_now_ns() + BEGIN_DELAY_NS;
    control->result->begin_ns = control->begin_ns;
    uint64_t measure_ns = control->begin_ns + control->options->load.warmup_ns;
    uint64_t end_ns = measure_ns + run_ns(control->options);
    if (control->options->load.warmup_ns == 0) {
        enter_measuring(control);
    } else {
        load_control_cut(control, true);
        enter(control, STAGE_WARMUP, control->last_ns, measure_ns);
        load_control_set_timer(&control->boundary, on_warmed_up, measure_ns);
    }
    for (uint32_t i = 0; i < control->load->thread_count; i++) {
        struct load_thread *thread = &control->load->threads[i];
        load_visit(thread);
        thread->begin_ns = control->begin_ns;
        thread->measure_ns = measure_ns;
        thread->end_ns = end_ns;
        load_unlock(thread);
        poller_wake(&thread->poller);
    }
}

/* The load threads have opened their connections, or are done. */
static void on_news(uv_async_t *wake)
{
    struct load_control *control = wake->data;
    bool opened = true;
    bool finished = true;

    for (uint32_t i = 0; i < control->load->thread_count; i++) {
        struct load_thread *thread = &control->load->threads[i];
        load_visit(thread);
        opened = opened && thread->opened;
        finished = finished && thread->finished;
        load_unlock(thread);
    }
    if (control->stage == STAGE_OPENING && opened) {
        if (count_ready(control) == 0 && control->load->traffic->opens_first)
            finish(control);
        else
            enter_warmup(control);
    }
    if (!finished || control->stage == STAGE_DONE)
        return;
    /* --count was reached, or every connection was lost. */
    if (control->stage == STAGE_MEASURING) {
        end_window(control);
        enter(control, STAGE_DRAINING, control->last_ns, 0);
    }
    finish(control);
}

static void interrupt(struct load_control *control)
{
    control->result->interrupted = true;
    if (control->stage == STAGE_OPENING || control->stage == STAGE_DRAINING)
        finish(control);
    else
        enter_draining(control);
}

static void on_signals(uv_poll_t *poll, int status, int events)
{
    struct load_control *control = poll->data;
    struct signalfd_siginfo info;

    (void)status;
    (void)events;
    while (control->stage != STAGE_DONE && read(control->signal_fd, &info, sizeof info) > 0)
        interrupt(control);
}

/* Before there are load threads, which inherit that these signals are held back. */
static int watch_signals(struct load_control *control)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, &control->mask_before);
    control->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    assert(control->signal_fd >= 0);
    control->signals.data = control;
    return uv_poll_init(&control->loop, &control->signals, control->signal_fd) |
           uv_poll_start(&control->signals, UV_READABLE, on_signals);
}

static void start_handles(struct load_control *control)
{
    int failed = uv_loop_init(&control->loop);

    failed |= uv_timer_init(&control->loop, &control->boundary);
    failed |= uv_timer_init(&control->loop, &control->interval);
    failed |= uv_async_init(&control->loop, &control->wake, on_news);
    control->boundary.data = control;
    control->interval.data = control;
    control->wake.data = control;
    failed |= watch_signals(control);
    assert(failed == 0);
    load_control_begin_intervals(control, clock_now_ns());
    control->load->progress = &control->wake;
}

/* Merges the threads' histograms once they have ended. */
static bool collect(struct load_control *control)
{
    struct result *result = control->result;

    for (int phase = 0; phase < LOAD_PHASE_COUNT; phase++) {
        result->phases[phase] = malloc(sizeof(struct histogram));
        if (result->phases[phase] == NULL)
            return false;
        histogram_init(result->phases[phase]);
        for (uint32_t i = 0; i < control->load->thread_count; i++)
            histogram_merge(result->phases[phase], control->load->threads[i].phases[phase]);
    }
    for (uint32_t i = 0; i < control->load->thread_count; i++)
        load_counts_add(&result->total, &control->load->threads[i].counts);
    return true;
}

/* What the tool itself holds in memory. */
static uint64_t own_pss(void)
{
    struct sample_pids self = {.count = 1, .pids = {getpid()}};
    struct sample sample;

    sample_take(&self, true, &sample, NULL);
    return sample.pss_bytes;
}

static enum bench_exit say_cannot_start(void)
{
    fprintf(stderr, "sni-bench: cannot start threads, or out of memory; lower -t or -c\n");
    return BENCH_FAILED;
}

static double wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

enum bench_exit load_control_run(const struct options *options, struct load *load,
                                 struct result *result)
{
    struct load_control control = {.load = load, .result = result, .options = options};

    memset(result, 0, sizeof *result);
    result->options = options;
    result->load = load;
    result->sampled = options->out.pids != NULL;
    if (options->out.pids != NULL && !sample_parse_pids(options->out.pids, &control.pids)) {
        fprintf(stderr, "sni-bench: --pid '%s': write process numbers as 123 or 123,456\n",
                options->out.pids);
        return BENCH_USAGE;
    }
    load_control_take_sample(&control, true, &result->before);
    uint64_t pss_before = own_pss();
    if (!result->before.good)
        return BENCH_FAILED;
    enum bench_exit code = load_init(load, options);
    if (code != BENCH_OK)
        return code;
    control.recent = calloc(1, sizeof *control.recent);
    if (control.recent == NULL)
        return say_cannot_start();
    histogram_init(control.recent);
    progress_init(&control.progress, options);
    result->wall_start = wall_clock();
    result->start_ns = clock_now_ns();
    control.last_sample = result->before;
    start_handles(&control);
    bool started = load_start(load);
    if (started)
        uv_run(&control.loop, UV_RUN_DEFAULT);
    result->tool_pss_bytes = own_pss();
    if (load->connections > 0 && result->tool_pss_bytes > pss_before)
        result->tool_kib_per_conn =
            (double)(result->tool_pss_bytes - pss_before) / 1024.0 / load->connections;
    load_stop(load);
    if (!started) {
        finish(&control);
        uv_run(&control.loop, UV_RUN_DEFAULT);
    }
    int closed = uv_loop_close(&control.loop);
    assert(closed == 0);
    close(control.signal_fd);
    progress_end(&control.progress);
    free(control.recent);
    if (!started || !collect(&control))
        return say_cannot_start();
    result_conclude(result);
    return BENCH_OK;
}

void load_control_free_result(struct load *load, struct result *result)
{
    for (int phase = 0; phase < LOAD_PHASE_COUNT; phase++)
        free(result->phases[phase]);
    free(result->series);
    load_free(load);
}
