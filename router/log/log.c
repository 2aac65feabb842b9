#include "router/log/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "config/text/terminal.h"

/* How long a reader of stderr that takes nothing is waited for. */
#define PATIENCE_MS 200

static bool log_journal; /* written before there are threads */
static atomic_int log_level = LOG_LEVEL_INFO;
static atomic_bool log_stuck; /* the last line was not taken */
static atomic_uint_fast64_t lines_lost;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* $JOURNAL_STREAM is inherited by processes whose stderr is another one: systemd.exec(5). */
void log_start(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat file;

    log_journal = false;
    if (stream == NULL || fstat(STDERR_FILENO, &file) != 0)
        return;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    log_journal = strcmp(stream, own) == 0;
}

bool log_is_journal(void)
{
    return log_journal;
}

static size_t print_head(char line[LOG_LINE_MAX], enum log_level level)
{
    static const char words[][8] = {"error", "warning", "info", "debug"};
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    struct timespec now;
    struct tm utc;

    if (log_journal)
        return (size_t)snprintf(line, LOG_LINE_MAX, "<%d>%s ", priorities[level], words[level]);

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, LOG_LINE_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    int tail = snprintf(line + len, LOG_LINE_MAX - len, ".%03dZ %s ", (int)(now.tv_nsec / 1000000),
                        words[level]);
    return len + (size_t)tail;
}

size_t log_print(char line[LOG_LINE_MAX], enum log_level level, const char *format, va_list args)
{
    size_t len = print_head(line, level);
    size_t room = LOG_LINE_MAX - 1 - len; /* one byte for the newline */
    int text = vsnprintf(line + len, room, format, args);

    if (text > 0) {
        terminal_disarm(line + len, TERMINAL_UTF8);
        len += (size_t)text < room ? (size_t)text : room - 1;
    }
    line[len++] = '\n';
    return len;
}

/* In one call: a signal interrupts it before anything was written, or not at all. */
static bool write_whole(const char *line, size_t len)
{
    ssize_t n;

    do {
        n = write(STDERR_FILENO, line, len);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/*
 * A pipe that polls as writable takes a line of PIPE_BUF or less whole. One that nobody reads gets
 * a moment once, and none after that until it takes a line again.
 */
bool log_write(const char *line, size_t len)
{
    struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};
    int patience_ms = atomic_load_explicit(&log_stuck, memory_order_relaxed) ? 0 : PATIENCE_MS;

    _Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line must be written whole or not at all");
    bool takes = poll(&pollfd, 1, patience_ms) == 1;
    atomic_store_explicit(&log_stuck, !takes, memory_order_relaxed);
    return takes && write_whole(line, len);
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    size_t len = log_print(line, level, format, args);
    va_end(args);
    if (!log_write(line, len))
        atomic_fetch_add_explicit(&lines_lost, 1, memory_order_relaxed);
}

uint64_t log_lines_lost(void)
{
    return atomic_load_explicit(&lines_lost, memory_order_relaxed);
}

const char *log_duration(uint64_t ms, char out[LOG_DURATION_MAX])
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = {{3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    /* hours and minutes only when they are whole; seconds may have tenths */
    while (i < 3 && (ms < units[i].ms || (units[i].ms > 1000 && ms % units[i].ms != 0)))
        i++;
    uint64_t whole = ms / units[i].ms, tenths = ms % units[i].ms * 10 / units[i].ms;
    if (tenths != 0)
        snprintf(out, LOG_DURATION_MAX, "%ju.%ju %s", (uintmax_t)whole, (uintmax_t)tenths,
                 units[i].unit);
    else
        snprintf(out, LOG_DURATION_MAX, "%ju %s", (uintmax_t)whole, units[i].unit);
    return out;
}

const char *log_lasted(uint64_t ms, char out[LOG_DURATION_MAX])
{
    /* the first unit of which there are two, but for seconds */
    static const struct {
        uint64_t from_ms, ms;
        const char *unit;
    } units[] = {{172800000, 86400000, "days"},
                 {7200000, 3600000, "h"},
                 {120000, 60000, "min"},
                 {1000, 1000, "s"},
                 {0, 1, "ms"}};
    size_t i = 0;

    while (ms < units[i].from_ms)
        i++;
    snprintf(out, LOG_DURATION_MAX, "%ju %s", (uintmax_t)(ms / units[i].ms), units[i].unit);
    return out;
}
