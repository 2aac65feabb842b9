#include "bench/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench/clock.h"
#include "config/text/units.h"

#define LINE_BYTES      256
#define DEFAULT_COLUMNS 80
#define TIMED           (MODE_CONN | MODE_LATENCY)

static const char *time_or_dash(uint64_t ns, char out[UNITS_TEXT])
{
    return ns == 0 ? "-" : units_format_time((double)ns, out);
}

static const char *show_open(const struct series_point *point, char out[UNITS_TEXT])
{
    snprintf(out, UNITS_TEXT, "%u", point->active);
    return out;
}

static const char *show_conns(const struct series_point *point, char out[UNITS_TEXT])
{
    return units_format_count(result_rate(point, result_point_connections(point)), out);
}

static const char *show_requests(const struct series_point *point, char out[UNITS_TEXT])
{
    return units_format_count(result_rate(point, point->counted.requests), out);
}

static const char *show_in(const struct series_point *point, char out[UNITS_TEXT])
{
    return units_format_bits(result_rate(point, point->counted.bytes_in), out);
}

static const char *show_out(const struct series_point *point, char out[UNITS_TEXT])
{
    return units_format_bits(result_rate(point, point->counted.bytes_out), out);
}

static const char *show_errors(const struct series_point *point, char out[UNITS_TEXT])
{
    return units_format_count((double)result_errors(&point->counted), out);
}

static const char *show_p50(const struct series_point *point, char out[UNITS_TEXT])
{
    return time_or_dash(point->p50_ns, out);
}

static const char *show_p99(const struct series_point *point, char out[UNITS_TEXT])
{
    return time_or_dash(point->p99_ns, out);
}

static const char *show_max(const struct series_point *point, char out[UNITS_TEXT])
{
    return time_or_dash(point->max_ns, out);
}

static const char *show_slip(const struct series_point *point, char out[UNITS_TEXT])
{
    return time_or_dash(point->slip_ns, out);
}

static const char *show_cpu(const struct series_point *point, char out[UNITS_TEXT])
{
    if (!point->router.good)
        return "-";
    snprintf(out, UNITS_TEXT, "%.0f %%", point->router_cpu * 100.0);
    return out;
}

/* PSS, or RSS where PSS may not be read; the result says which of them it is. */
static const char *show_memory(const struct series_point *point, char out[UNITS_TEXT])
{
    const struct sample *router = &point->router;

    if (!router->good)
        return "-";
    return units_format_bytes((double)(router->pss_known ? router->pss_bytes : router->rss_bytes),
                              out);
}

static const char *show_descriptors(const struct series_point *point, char out[UNITS_TEXT])
{
    if (!point->router.good || !point->router.files_known)
        return "-";
    snprintf(out, UNITS_TEXT, "%llu", (unsigned long long)point->router.descriptors);
    return out;
}

/* One column: its modes, whether it needs --pid, and how its value is printed. */
struct column {
    const char *heading;
    int width;
    unsigned modes;
    bool sampled;
    const char *(*show)(const struct series_point *point, char out[UNITS_TEXT]);
};

static const struct column columns[] = {
    {"open", 6, MODE_LOAD, false, show_open},
    {"conn/s", 7, MODE_CONN | MODE_IDLE | MODE_LATENCY, false, show_conns},
    {"req/s", 7, MODE_LATENCY, false, show_requests},
    {"in", 12, MODE_BULK, false, show_in},
    {"out", 12, MODE_BULK, false, show_out},
    {"errors", 6, MODE_LOAD, false, show_errors},
    {"p50", 8, TIMED, false, show_p50},
    {"p99", 8, TIMED, false, show_p99},
    {"max", 8, TIMED, false, show_max},
    {"slip", 8, TIMED, false, show_slip},
    {"cpu", 6, MODE_LOAD, true, show_cpu},
    {"memory", 9, MODE_LOAD, true, show_memory},
    {"fds", 6, MODE_LOAD, true, show_descriptors},
};

void progress_init(struct progress *progress, const struct options *options)
{
    progress->on = !options->out.quiet;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->headed = false;
    progress->mode = options->mode->bit;
    progress->sampled = options->out.pids != NULL;
}

/* Fills `line` with a heading (`point` is NULL) or with values. */
static void compose(const struct progress *progress, const struct series_point *point,
                    double since_s, char line[LINE_BYTES])
{
    int used = point == NULL ? snprintf(line, LINE_BYTES, "%-9s %8s", "stage", "time")
                             : snprintf(line, LINE_BYTES, "%-9s %7.1fs",
                                        result_stage_word(point->stage), since_s);

    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct column *column = &columns[i];
        char text[UNITS_TEXT];
        bool told =
            (column->modes & progress->mode) != 0 && (!column->sampled || progress->sampled);
        if (!told || used < 0 || used >= LINE_BYTES)
            continue;
        used += snprintf(line + used, (size_t)(LINE_BYTES - used), " %*s", column->width,
                         point == NULL ? column->heading : column->show(point, text));
    }
}

/* A line longer than the terminal is wide could not be redrawn. */
static void cut_to_terminal(char line[LINE_BYTES])
{
    struct winsize size;
    size_t width = DEFAULT_COLUMNS;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        width = size.ws_col;
    if (width - 1 < strlen(line))
        line[width - 1] = '\0';
}

void progress_line(struct progress *progress, const struct series_point *point, double since_s)
{
    char line[LINE_BYTES];

    if (!progress->on)
        return;
    if (!progress->headed) {
        compose(progress, NULL, 0, line);
        if (progress->terminal)
            cut_to_terminal(line);
        fprintf(stderr, "%s\n", line);
    }
    progress->headed = true;
    compose(progress, point, since_s, line);
    if (progress->terminal)
        cut_to_terminal(line);
    fprintf(stderr, progress->terminal ? "\r\033[K%s" : "%s\n", line);
    fflush(stderr);
}

void progress_break(const struct progress *progress)
{
    if (progress->on && progress->terminal && progress->headed)
        fputc('\n', stderr);
}

void progress_end(struct progress *progress)
{
    progress_break(progress);
    progress->headed = false;
}
