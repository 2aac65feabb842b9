/* The conclusions: what the router spent, whether the tool was the limit, whether it failed. */

#include "bench/result.h"

#include <stdarg.h>
#include <string.h>

#include "bench/clock.h"
#include "config/text/units.h"

#define GIB 1073741824.0
#define KIB 1024.0
/* How far the length of the measured window may differ from the length asked for. */
#define WINDOW_SHARE   0.1
#define WINDOW_GRAIN_S 0.005

uint64_t result_errors(const struct load_counts *counts)
{
    uint64_t sum = 0;

    for (int i = 0; i < LOAD_ERROR_COUNT; i++)
        sum += counts->errors[i];
    return sum;
}

const char *result_stage_word(enum stage stage)
{
    static const char *const words[] = {"opening", "warm-up", "measuring", "ending", "done"};

    return words[stage];
}

uint64_t result_point_connections(const struct series_point *point)
{
    return point->holds_open ? point->counted.ready : point->counted.completed;
}

double result_rate(const struct series_point *point, uint64_t count)
{
    return point->seconds > 0 ? (double)count / point->seconds : 0.0;
}

__attribute__((format(printf, 2, 3))) static void add_reason(struct result *result,
                                                             const char *format, ...)
{
    va_list args;

    result->valid = false;
    if (result->reason_count == RESULT_REASONS_MAX)
        return;
    va_start(args, format);
    vsnprintf(result->reasons[result->reason_count++], RESULT_REASON_TEXT, format, args);
    va_end(args);
}

static double per(double amount, double count)
{
    return count > 0 ? amount / count : -1.0;
}

static void conclude_costs(struct result *result)
{
    struct result_costs *costs = &result->costs;
    const struct sample *start = &result->start;
    const struct sample *end = &result->end;

    *costs = (struct result_costs){-1, -1, -1, -1, -1, -1, -1, -1};
    bool idle = result->options->mode->bit == MODE_IDLE;
    if (result->seconds <= 0)
        return;
    if (idle && result->held > 0) {
        double held = result->held;
        double slab = (double)end->slab_bytes - (double)result->before.slab_bytes;
        double sockets = (double)end->tcp_bytes - (double)result->before.tcp_bytes;
        costs->kernel_kib_per_conn = (slab + sockets) / KIB / held;
        costs->socket_kib_per_conn = sockets / KIB / held;
        if (result->sampled && end->pss_known && result->before.pss_known) {
            double pss = (double)end->pss_bytes - (double)result->before.pss_bytes;
            /*
             * Less memory than before means that the cost of the connections was hidden by memory
             * given back.
             */
            costs->user_kib_per_conn = pss > 0 ? pss / KIB / held : 0;
        }
    }
    if (!result->sampled)
        return;
    double cpu_ns = (double)sample_cpu_ns(start, end);
    double bytes = (double)result->window.bytes_in + (double)result->window.bytes_out;
    uint64_t operations = result->window.completed + result->window.requests;
    uint64_t switches = end->switches_voluntary + end->switches_forced - start->switches_voluntary -
                        start->switches_forced;
    costs->cpu_share = per(cpu_ns, (double)(end->at_ns - start->at_ns));
    if (idle)
        return;
    costs->cpu_us_per_conn = per(cpu_ns / 1e3, (double)result->window.completed);
    costs->cpu_us_per_request = per(cpu_ns / 1e3, (double)result->window.requests);
    costs->switches_per_op = per((double)switches, (double)operations);
    if (result->options->mode->bit == MODE_BULK)
        costs->cpu_ms_per_gib = per(cpu_ns / 1e6, bytes / GIB);
}

static void conclude_machine(struct result *result)
{
    struct result_machine *machine = &result->machine;
    double bytes = (double)result->window.bytes_in + (double)result->window.bytes_out;
    unsigned mode = result->options->mode->bit;

    *machine = (struct result_machine){
        .cpu_us_per_conn = -1, .cpu_us_per_request = -1, .cpu_ms_per_gib = -1};
    if (result->seconds <= 0)
        return;
    machine->window = sample_machine_between(&result->start.machine, &result->end.machine);
    machine->run = sample_machine_between(&result->before.machine, &result->end.machine);
    double cpu_ns = (double)machine->window.cpu_ns;
    if (mode != MODE_IDLE) {
        machine->cpu_us_per_conn = per(cpu_ns / 1e3, (double)result->window.completed);
        machine->cpu_us_per_request = per(cpu_ns / 1e3, (double)result->window.requests);
    }
    if (mode == MODE_BULK)
        machine->cpu_ms_per_gib = per(cpu_ns / 1e6, bytes / GIB);
}

/* A tool that is late opens or closes the window late. */
static void judge_window(struct result *result)
{
    const struct options *options = result->options;
    double asked_s = (double)options->load.duration_ns / 1e9;
    double off_s =
        result->seconds > asked_s ? result->seconds - asked_s : asked_s - result->seconds;
    char measured[UNITS_TEXT], asked[UNITS_TEXT];
    bool whole = result->window_ns != 0 && !result->interrupted && options->load.count == 0 &&
                 result_errors(&result->total) == 0;

    if (whole && off_s > WINDOW_SHARE * asked_s + WINDOW_GRAIN_S)
        add_reason(result, "measured %s of the %s asked for: the tool came too late",
                   units_format_time(result->seconds * 1e9, measured),
                   units_format_time(asked_s * 1e9, asked));
}

static void judge_tool(struct result *result)
{
    if (result->tool_cpu > RESULT_CPU_LIMIT)
        add_reason(result, "a thread of the tool was busy %.0f %% of the time (limit %.0f %%)",
                   result->tool_cpu * 100.0, RESULT_CPU_LIMIT * 100.0);
    const struct histogram *slip = result->phases[LOAD_PHASE_SLIP];
    uint64_t slip_ns = histogram_percentile(slip, 99.0);
    char text[UNITS_TEXT];
    if (slip->count > 0 && slip_ns > RESULT_SLIP_LIMIT_NS)
        add_reason(result,
                   "operations were begun late by the tool: p99 of the slip is %s "
                   "(limit 1 ms)",
                   units_format_time((double)slip_ns, text));
    judge_window(result);
    result->tool_limited = result->reason_count > 0;
}

/* Adds the reason why there is no measured window. */
static void say_not_begun(struct result *result)
{
    const struct options *options = result->options;

    if (result->interrupted)
        add_reason(result, "interrupted before the measurement began");
    else if (options->load.count > 0 && options->load.warmup_ns > 0 && result->total.ready > 0)
        add_reason(result,
                   "-n %llu was reached before the warm-up was over: raise -n or shorten --warmup",
                   (unsigned long long)options->load.count);
    else if (result->total.ready == 0)
        add_reason(result, "not one connection could be used, so the measurement never began");
    else
        add_reason(result, "the run ended before the measurement began");
}

void result_conclude(struct result *result)
{
    uint64_t done = result->total.completed + result->total.requests;
    bool counts_operations =
        result->options->mode->bit != MODE_BULK && result->options->mode->bit != MODE_IDLE;

    result->valid = true;
    result->latency_counts = result->load->open_loop;
    conclude_costs(result);
    conclude_machine(result);
    judge_tool(result);
    if (result->window_ns == 0)
        say_not_begun(result);
    if (result->lost_pid != 0)
        add_reason(result, "--pid %d ended during the run: its costs are not known",
                   (int)result->lost_pid);
    /* A run that is interrupted before the measurement begins has not failed. */
    bool unwanted = result->interrupted && result->seconds <= 0;
    bool nothing = result->total.ready == 0 || (counts_operations && done == 0);
    result->failed =
        result_errors(&result->total) > 0 || result->lost_pid != 0 || (nothing && !unwanted);
}
