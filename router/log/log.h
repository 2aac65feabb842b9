#ifndef ROUTER_LOG_H
#define ROUTER_LOG_H

/*
 * The error log: one line per event on stderr, `TIME LEVEL TEXT`, or `<PRIORITY>LEVEL TEXT` when
 * stderr is the journal's, which notes the time itself (sd-daemon(3)). Writing may block, so
 * workers do not call log_line(); they format with log_print() into their ring (log_ring.h).
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* Longest line; longer ones are cut. */
#define LOG_LINE_MAX 1024

/* Notes whether stderr is the journal's. Before the first line and the first thread. */
void log_start(void);
bool log_is_journal(void);

/* Lines above this level are left out. Any thread. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/*
 * Formats a whole line with its newline; returns its length. Control characters, of file names and
 * such, become question marks, so that a line is one line. Any thread.
 */
size_t log_print(char line[LOG_LINE_MAX], enum log_level level, const char *format, va_list args);

/*
 * Writes a whole line to stderr with one write(2). Waits a moment at most for a reader; false: the
 * line is lost. Control thread and the log writer.
 */
bool log_write(const char *line, size_t len);

/* Lines that log_line() could not write. */
uint64_t log_lines_lost(void);

/* Formats and writes a line, if its level is enabled. Control thread and the log writer. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "250 ms", "1.5 s", "30 s", "2 min", "1 h": a time for people; the text is in `out`. */
#define LOG_DURATION_MAX 32
const char *log_duration(uint64_t ms, char out[LOG_DURATION_MAX]);

/* "250 ms", "95 s", "17 min", "5 h", "3 days": how long something has lasted, about. */
const char *log_lasted(uint64_t ms, char out[LOG_DURATION_MAX]);

#endif
