/* The result as text: costs first, then totals, phases, errors, histogram, validity. */

#include <math.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/environment.h"
#include "bench/result.h"
#include "config/text/units.h"

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

/* Says which figures may not be read because the process is another user's. */
static void print_memory(const struct sample *sample, FILE *out)
{
    char text[UNITS_TEXT];
    uint64_t bytes = sample->pss_known ? sample->pss_bytes : sample->rss_bytes;

    fprintf(out, "  %-30s %10s %s", "memory at the end", units_format_bytes((double)bytes, text),
            sample->pss_known ? "(PSS)" : "(RSS; to read PSS be its user, or root)");
    if (sample->files_known)
        fprintf(out, ", %llu descriptors", (unsigned long long)sample->descriptors);
    fprintf(out, ", %llu threads\n", (unsigned long long)sample->threads);
}

static bool knows_costs(const struct result *result)
{
    return result->sampled && result->seconds > 0;
}

static void print_costs(const struct result *result, FILE *out)
{
    const struct result_costs *costs = &result->costs;

    if (!knows_costs(result) && costs->kernel_kib_per_conn < 0)
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
    if (result->sampled)
        print_memory(&result->end, out);
    fputc('\n', out);
}

static void print_totals(const struct result *result, FILE *out)
{
    const struct load_counts *window = &result->window;
    double seconds = result->seconds;
    char a[UNITS_TEXT];
    char b[UNITS_TEXT];

    if (seconds <= 0) {
        fprintf(out, "nothing was measured\n\n");
        return;
    }
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
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        char text[UNITS_TEXT];
        uint64_t value =
            i == 0 ? histogram->min_ns : histogram_percentile(histogram, percentiles[i]);
        fprintf(out, " %10s", units_format_time((double)value, text));
    }
    char mean[UNITS_TEXT];
    fprintf(out, " %10s\n", units_format_time(histogram_mean(histogram), mean));
}

/* Operations without an answer: how the percentiles treat them. */
static void print_lost(const struct result *result, FILE *out)
{
    const struct load_counts *total = &result->total;

    if (total->unended > 0)
        fprintf(out,
                "  %llu operations never ended: counted with the time until they were given up, "
                "a lower bound\n",
                (unsigned long long)total->unended);
    if (total->unbegun > 0)
        fprintf(out, "  %llu of these found no free connection: no service time\n",
                (unsigned long long)total->unbegun);
    if (total->left_out > 0)
        fprintf(out, "  %llu operations ended with an error: not in the percentiles\n",
                (unsigned long long)total->left_out);
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
        /* A closed loop has no schedule: service time is shown, latency is not. */
        bool told = result->latency_counts || phase != LOAD_PHASE_LATENCY;
        if (told)
            print_phase(out, load_phase_word((enum load_phase)phase), result->phases[phase]);
    }
    if (!result->latency_counts && result->phases[LOAD_PHASE_SERVICE]->count > 0)
        fprintf(out, "  closed loop: not a latency measurement (use --rate)\n");
    print_lost(result, out);
    fputc('\n', out);
}

/*
 * Hints: without --sni the default name is asked for, which the backends may not have; --tls needs
 * backends with --tls.
 */
static void print_hint(const struct result *result, FILE *out)
{
    const struct options *options = result->options;
    const uint64_t *errors = result->total.errors;
    bool named =
        options->ask.sni != NULL || options->ask.names != NULL || options->ask.sni_file != NULL;
    uint64_t turned_away = errors[LOAD_ERROR_MISROUTED] + errors[LOAD_ERROR_ALERT];

    if (result->total.ready == 0)
        turned_away += errors[LOAD_ERROR_CLOSED] + errors[LOAD_ERROR_RESET];
    if (!named && turned_away > 0)
        fprintf(out,
                "  every hello asked for %s, the default: say which names the backends have,\n"
                "  with --names N as serve --names N has them, --sni NAME or --sni-file FILE\n",
                LOAD_DEFAULT_NAME);
    if (options->ask.tls && result->total.ready == 0 && errors[LOAD_ERROR_TIMEOUT] > 0)
        fprintf(out, "  with --tls here the backends are sni-bench serve --tls\n");
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
    print_hint(result, out);
    fputc('\n', out);
}

/* Says how far connections got when none could be used. */
static void print_unusable(const struct result *result, FILE *out, bool color)
{
    uint64_t misrouted = result->total.errors[LOAD_ERROR_MISROUTED];

    if (result->total.ready > 0)
        return;
    if (misrouted > 0)
        fprintf(out, "%severy connection that was answered (%llu) reached a wrong backend%s\n",
                red(color), (unsigned long long)misrouted, plain(color));
    else if (result->total.started > 0)
        fprintf(out, "%snot one connection was answered by a backend of sni-bench serve%s\n",
                red(color), plain(color));
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

struct bar {
    char label[UNITS_TEXT];
    uint64_t count;
};

/*
 * Rows of equal ratio from the smallest to the largest value; rows that would have the same label
 * are joined. Returns how many there are.
 */
static size_t make_bars(const struct histogram *histogram, struct bar bars[BAR_ROWS])
{
    size_t rows = 0;
    double low = (double)histogram_slot_lowest(histogram->low_slot);
    double high = (double)histogram_slot_highest(histogram->high_slot) + 1;

    if (low < 512)
        low = 512;
    double step = pow(high / low, 1.0 / BAR_ROWS);
    double from = 0;
    for (int row = 0; row < BAR_ROWS; row++) {
        struct bar bar;
        double to = low * pow(step, row + 1) * 1.0000001;
        units_format_time(to, bar.label);
        bar.count = count_between(histogram, from, to);
        from = to;
        if (rows > 0 && strcmp(bars[rows - 1].label, bar.label) == 0)
            bars[rows - 1].count += bar.count;
        else
            bars[rows++] = bar;
    }
    return rows;
}

static void print_bars(const struct result *result, FILE *out)
{
    const struct histogram *histogram = result->phases[LOAD_PHASE_LATENCY];
    struct bar bars[BAR_ROWS];
    uint64_t most = 1;

    if (!result->latency_counts || histogram->count < 2)
        return;
    size_t rows = make_bars(histogram, bars);
    for (size_t row = 0; row < rows; row++)
        most = bars[row].count > most ? bars[row].count : most;
    for (size_t row = 0; row < rows; row++) {
        int width = (int)ceil((double)bars[row].count * BAR_WIDTH / (double)most);
        fprintf(out, "  < %9s %10llu ", bars[row].label, (unsigned long long)bars[row].count);
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
    fprintf(out, "%svalid     NO%s%s\n", red(color),
            result->tool_limited ? ": limited by the load tool" : "", plain(color));
    for (size_t i = 0; i < result->reason_count; i++)
        fprintf(out, "          %s\n", result->reasons[i]);
    if (result->tool_limited)
        fprintf(out, "          rates and latencies are not the target's%s\n",
                knows_costs(result) ? "; its costs above hold" : "");
}

static void print_head(const struct result *result, FILE *out)
{
    struct environment environment;
    const struct options *options = result->options;
    const struct load *load = result->load;

    environment_read(&environment);
    bool limit = !load->traffic->opens_first;
    fprintf(out, "\nsni-bench %s %s: %s%u connection%s%s, %u thread%s, %s, ", options->mode->name,
            options->ask.target, limit ? "at most " : "", load->connections,
            load->connections == 1 ? "" : "s", limit ? " at once" : "", load->thread_count,
            load->thread_count == 1 ? "" : "s", options->ask.tls ? "TLS" : "hello-only");
    if (options->load.rate > 0)
        fprintf(out, "open loop %g/s\n", options->load.rate);
    else
        fprintf(out, "%s\n", options->mode->bit == MODE_IDLE ? "held" : "closed loop");
    fprintf(out,
            "%ld CPUs shared by generator, router and backends: compare ratios, not absolutes\n\n",
            environment.cpus);
}

static const char *why_failed(const struct result *result)
{
    if (result_errors(&result->total) > 0)
        return "there were errors";
    return result->lost_pid != 0 ? "--pid ended" : "nothing was completed";
}

void result_print(const struct result *result, FILE *out, bool color)
{
    print_head(result, out);
    print_costs(result, out);
    print_totals(result, out);
    print_phases(result, out);
    print_bars(result, out);
    print_errors(result, out, color);
    print_unusable(result, out, color);
    print_validity(result, out, color);
    if (result->failed)
        fprintf(out, "%sfailed    YES%s: %s\n", red(color), plain(color), why_failed(result));
    if (result->interrupted)
        fprintf(out, "interrupted\n");
    fflush(out);
}
