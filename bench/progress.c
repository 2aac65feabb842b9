#include "bench/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/units.h"

#define LINE_MAX_BYTES 256

void progress_init(struct progress *progress, const struct options *options)
{
    progress->on = !options->out.quiet;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->headed = false;
    progress->mode = options->mode->bit;
    progress->sampled = options->out.pids != NULL;
}

static void print_heading(const struct progress *progress)
{
    fprintf(stderr, "%8s %-9s %7s %9s %9s %13s %13s %6s %9s %9s %9s %9s%s\n", "time", "stage",
            "open", "conn/s", "req/s", "in", "out", "errors", "p50", "p99", "max", "slip",
            progress->sampled ? "  router cpu      rss   fds" : "");
}

static const char *time_or_dash(uint64_t ns, char out[UNITS_TEXT])
{
    return ns == 0 ? "-" : units_format_time((double)ns, out);
}

void progress_line(struct progress *progress, const struct series_point *point, const char *stage)
{
    char conns[UNITS_TEXT];
    char requests[UNITS_TEXT];
    char in[UNITS_TEXT];
    char out[UNITS_TEXT];
    char times[4][UNITS_TEXT];
    char line[LINE_MAX_BYTES];
    if (!progress->on)
        return;
    if (!progress->headed)
        print_heading(progress);
    progress->headed = true;
    int used =
        snprintf(line, sizeof(line), "%7.1fs %-9s %7u %9s %9s %13s %13s %6llu %9s %9s %9s %9s",
                 point->at_s, stage, point->active, units_format_count(point->conns_per_s, conns),
                 units_format_count(point->requests_per_s, requests),
                 units_format_bits(point->in_bytes_per_s, in),
                 units_format_bits(point->out_bytes_per_s, out), (unsigned long long)point->errors,
                 time_or_dash(point->p50_ns, times[0]), time_or_dash(point->p99_ns, times[1]),
                 time_or_dash(point->max_ns, times[2]), time_or_dash(point->slip_ns, times[3]));
    if (progress->sampled && used > 0 && (size_t)used < sizeof(line))
        snprintf(line + used, sizeof(line) - (size_t)used, "  %8.1f %% %10s %5llu",
                 point->router_cpu * 100.0, units_format_bytes((double)point->rss_bytes, conns),
                 (unsigned long long)point->descriptors);
    fprintf(stderr, progress->terminal ? "\r\033[K%s" : "%s\n", line);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->on && progress->terminal && progress->headed)
        fputc('\n', stderr);
}
