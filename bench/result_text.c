/* The result as text: costs first, then totals, phases, errors, histogram, validity. */

#include <math.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/environment.h"
#include "bench/result.h"
#include "bench/units.h"

#define BAR_WIDTH 44
#define BAR_ROWS  12

static const char *red(bool color)
{
    return color ? "\033[31m" : "";
}

static const char *plain(bool color)
{
    return color ? "\033[0m" : "";
}

static void print_cost(FILE *out, const char *label, double value, const char *unit)
{
    if (value >= 0)
        fprintf(out, "  %-30s %10.2f %s\n", label, value, unit);
}

static void print_costs(const struct result *result, FILE *out)
{
    const struct result_costs *costs = &result->costs;
    bool known = result->sampled || costs->kernel_kib_per_conn >= 0;
    if (!known)
        return;
    fprintf(out, "cost%s\n", result->sampled ? " of the router (--pid)" : "");
    print_cost(out, "CPU per connection", costs->cpu_us_per_conn, "us");
    print_cost(out, "CPU per request", costs->cpu_us_per_request, "us");
    print_cost(out, "CPU per GiB relayed", costs->cpu_ms_per_gib, "ms");
    print_cost(out, "memory per idle connection", costs->user_kib_per_conn, "KiB (PSS)");
    print_cost(out, "kernel memory per connection", costs->kernel_kib_per_conn,
               "KiB (whole machine: router, generator, backends)");
    print_cost(out, "CPU", costs->cpu_share < 0 ? -1 : costs->cpu_share * 100.0, "% of one CPU");
    print_cost(out, "context switches per operation", costs->switches_per_op, "");
    if (result->sampled) {
        char pss[UNITS_TEXT];
        fprintf(out, "  %-30s %10s, %llu descriptors, %llu threads\n", "memory at the end",
                units_format_bytes((double)result->end.pss_bytes, pss),
                (unsigned long long)result->end.descriptors,
                (unsigned long long)result->end.threads);
    }
    fputc('\n', out);
}

static void print_totals(const struct result *result, FILE *out)
{
    const struct tally *window = &result->window;
    double seconds = result->seconds > 0 ? result->seconds : 1.0;
    char a[UNITS_TEXT];
    char b[UNITS_TEXT];
    fprintf(out, "measured %.2f s\n", result->seconds);
    if (result->options->mode->bit == MODE_IDLE)
        fprintf(out, "  %-14s %12u at the end\n", "held", result->held);
    if (window->completed > 0)
        fprintf(out, "  %-14s %12llu  %s/s\n", "connections", (unsigned long long)window->completed,
                units_format_count((double)window->completed / seconds, a));
    if (window->requests > 0)
        fprintf(out, "  %-14s %12llu  %s/s\n", "requests", (unsigned long long)window->requests,
                units_format_count((double)window->requests / seconds, a));
    if (result->options->ask.resume)
        fprintf(out, "  %-14s %12llu\n", "resumed", (unsigned long long)window->resumed);
    fprintf(out, "  %-14s %12s  %s\n", "received", units_format_bytes((double)window->bytes_in, a),
            units_format_bits((double)window->bytes_in / seconds, b));
    fprintf(out, "  %-14s %12s  %s\n\n", "sent", units_format_bytes((double)window->bytes_out, a),
            units_format_bits((double)window->bytes_out / seconds, b));
}

static void print_phase(FILE *out, const char *word, const struct histogram *histogram)
{
    static const double percentiles[] = {0, 50, 90, 99, 99.9, 100};
    if (histogram->count == 0)
        return;
    fprintf(out, "  %-12s", word);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        char text[UNITS_TEXT];
        uint64_t value =
            i == 0 ? histogram->min_ns : histogram_percentile(histogram, percentiles[i]);
        fprintf(out, " %10s", units_format_time((double)value, text));
    }
    char mean[UNITS_TEXT];
    fprintf(out, " %10s\n", units_format_time(histogram_mean(histogram), mean));
}

static void print_phases(const struct result *result, FILE *out)
{
    bool any = false;
    for (int phase = 0; phase < LOAD_PHASE_COUNT; phase++)
        any = any || result->phases[phase]->count > 0;
    if (!any)
        return;
    fprintf(out, "  %-12s %10s %10s %10s %10s %10s %10s %10s\n", "phase", "min", "p50", "p90",
            "p99", "p99.9", "max", "mean");
    for (int phase = 0; phase < LOAD_PHASE_COUNT; phase++) {
        /* In a closed loop nothing was scheduled: what remains is the service time. */
        bool told = result->latency_counts || phase != LOAD_PHASE_LATENCY;
        if (told)
            print_phase(out, load_phase_word((enum load_phase)phase), result->phases[phase]);
    }
    if (!result->latency_counts && result->phases[LOAD_PHASE_SERVICE]->count > 0)
        fprintf(out, "  closed loop: not a latency measurement (use --rate)\n");
    fputc('\n', out);
}

static void print_errors(const struct result *result, FILE *out, bool color)
{
    if (result_errors(&result->total) == 0)
        return;
    fprintf(out, "%serrors%s (whole run)\n", red(color), plain(color));
    for (int i = 0; i < LOAD_ERROR_COUNT; i++) {
        if (result->total.errors[i] > 0)
            fprintf(out, "  %-14s %12llu  %s\n", load_error_word((enum load_error)i),
                    (unsigned long long)result->total.errors[i],
                    load_error_sentence((enum load_error)i));
    }
    fputc('\n', out);
}

static uint64_t count_between(const struct histogram *histogram, double from_ns, double to_ns)
{
    uint64_t count = 0;
    for (uint32_t slot = histogram->low_slot; slot <= histogram->high_slot; slot++) {
        double middle = (double)histogram_slot_lowest(slot);
        if (middle >= from_ns && middle < to_ns)
            count += histogram->counts[slot];
    }
    return count;
}

/* Rows of equal ratio from the smallest to the largest value. */
static void print_bars(const struct result *result, FILE *out)
{
    const struct histogram *histogram = result->phases[LOAD_PHASE_LATENCY];
    uint64_t counts[BAR_ROWS];
    uint64_t most = 0;
    if (!result->latency_counts || histogram->count < 2)
        return;
    double low = (double)histogram_slot_lowest(histogram->low_slot);
    double high = (double)histogram_slot_highest(histogram->high_slot) + 1;
    if (low < 512)
        low = 512;
    double step = pow(high / low, 1.0 / BAR_ROWS);
    for (int row = 0; row < BAR_ROWS; row++) {
        double from = row == 0 ? 0 : low * pow(step, row);
        counts[row] = count_between(histogram, from, low * pow(step, row + 1) * 1.0000001);
        if (counts[row] > most)
            most = counts[row];
    }
    for (int row = 0; row < BAR_ROWS; row++) {
        char text[UNITS_TEXT];
        int width = (int)ceil((double)counts[row] * BAR_WIDTH / (double)most);
        fprintf(out, "  < %9s %10llu ", units_format_time(low * pow(step, row + 1), text),
                (unsigned long long)counts[row]);
        for (int i = 0; i < width; i++)
            fputc('#', out);
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void print_validity(const struct result *result, FILE *out, bool color)
{
    char text[UNITS_TEXT];
    fprintf(out, "tool      busiest thread %.0f %%, memory %s", result->tool_cpu * 100.0,
            units_format_bytes((double)result->tool_pss_bytes, text));
    if (result->options->mode->bit == MODE_IDLE)
        fprintf(out, " (%.2f KiB per connection)", result->tool_kib_per_conn);
    if (result->phases[LOAD_PHASE_SLIP]->count > 0)
        fprintf(out, ", largest slip %s",
                units_format_time((double)result->phases[LOAD_PHASE_SLIP]->max_ns, text));
    fputc('\n', out);
    if (result->valid) {
        fprintf(out, "valid     yes\n");
        return;
    }
    fprintf(out, "%svalid     NO: limited by the load tool%s\n", red(color), plain(color));
    for (size_t i = 0; i < result->reason_count; i++)
        fprintf(out, "          %s\n", result->reasons[i]);
    fprintf(out, "          rates and latencies are not the target's; its costs above hold\n");
}

static void print_head(const struct result *result, FILE *out)
{
    struct environment environment;
    const struct options *options = result->options;
    const struct load *load = result->load;
    environment_read(&environment);
    fprintf(out, "\nsni-bench %s %s: %u connections, %u threads, %s, ", options->mode->name,
            options->ask.target, load->connections, load->thread_count,
            options->ask.tls ? "TLS" : "hello-only");
    if (options->load.rate > 0)
        fprintf(out, "open loop %g/s\n", options->load.rate);
    else
        fprintf(out, "closed loop\n");
    fprintf(out,
            "%ld CPUs shared by generator, router and backends: compare ratios, not absolutes\n\n",
            environment.cpus);
}

void result_print(const struct result *result, FILE *out, bool color)
{
    print_head(result, out);
    print_costs(result, out);
    print_totals(result, out);
    print_phases(result, out);
    print_bars(result, out);
    print_errors(result, out, color);
    if (result->total.ready == 0)
        fprintf(out, "%snot one connection reached a backend of sni-bench serve%s\n", red(color),
                plain(color));
    print_validity(result, out, color);
    if (result->interrupted)
        fprintf(out, "interrupted\n");
    fflush(out);
}
