#include "router/log.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int log_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static size_t print_head(char line[LOG_LINE_MAX], enum log_level level)
{
    static const char words[][8] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, LOG_LINE_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    int tail = snprintf(line + len, LOG_LINE_MAX - len, ".%03dZ %s ", (int)(now.tv_nsec / 1000000),
                        words[level]);
    return len + (size_t)tail;
}

size_t log_format(char line[LOG_LINE_MAX], enum log_level level, const char *format, va_list args)
{
    size_t len = print_head(line, level);
    size_t room = LOG_LINE_MAX - 1 - len; /* one byte for the newline */
    int text = vsnprintf(line + len, room, format, args);

    if (text > 0)
        len += (size_t)text < room ? (size_t)text : room - 1;
    line[len++] = '\n';
    return len;
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    size_t len = log_format(line, level, format, args);
    va_end(args);
    /* Nothing can be done about an error log that cannot be written. */
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
}
