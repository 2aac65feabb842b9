#ifndef ROUTER_COMMAND_OUTPUT_H
#define ROUTER_COMMAND_OUTPUT_H

/*
 * What the commands print in common, and the exit codes.
 *
 * Data goes to stdout, messages go to stderr as `sni-router COMMAND: what is wrong (the remedy)`.
 * Where stderr is the journal's they are lines of the error log (router/log/log.h), each with its
 * priority, and findings go without the source: a check before the start is read there as well.
 * All of this runs on the main thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

#include "config/load.h"
#include "router/cli/command_info.h"
#include "router/log/json_writer.h"

/*
 * Exit codes: 0, this one, and from <sysexits.h> EX_USAGE 64, EX_NOINPUT 66 (no such file),
 * EX_OSERR 71, EX_NOPERM 77, EX_CONFIG 78. Of several files the highest code counts.
 */
#define COMMAND_EXIT_NO 1 /* a negative answer: no route, not a whole ClientHello */

/*
 * One line on stderr: `sni-router COMMAND: ` (COMMAND_COUNT: `sni-router: `) and the text, in which
 * control characters, of arguments and files, have become question marks.
 */
void command_complain(enum command_id id, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what is no error: `sni-router COMMAND: warning: `. */
void command_warn(enum command_id id, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As command_complain(), with a pointer to `--help`. Returns EX_USAGE. */
int command_refuse(enum command_id id, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* That pointer alone. Returns EX_USAGE. */
int command_try_help(enum command_id id);

/* The findings in a configuration, each with its place. */
void command_tell(const struct diagnostics *found, const char *file);

/* ` (did you mean "PREFIXword"?)` for the nearest word, or "" when none is near; `hint` holds it.
 */
#define COMMAND_HINT_MAX 320
const char *command_hint(char hint[COMMAND_HINT_MAX], const char *prefix, const char *wrong,
                         const char *const *words, size_t count);

/* What a configuration file is called in messages: as given, or "(stdin)" for "-". */
const char *command_file_name(const char *file);

/*
 * Reads a configuration. Returns 0 and sets *out, or the exit code: EX_NOINPUT when there is no
 * such file, EX_NOPERM when it may not be read, EX_OSERR for want of memory, else EX_CONFIG.
 * `found` has the findings; `trouble` says why the file could not be read at all, else it is "".
 * `files` as config_load_file() takes it.
 */
#define COMMAND_TROUBLE_MAX 160
int command_load(const char *file, struct config_files *files, struct config **out,
                 struct diagnostics *found, char trouble[COMMAND_TROUBLE_MAX]);

/* The same, and prints to stderr whatever kept it from succeeding (and nothing if it did). */
int command_load_or_complain(enum command_id id, const char *file, struct config **out);

/* Whether messages to this stream may be coloured: a terminal, and NO_COLOR unset or empty. */
bool command_colors(FILE *to);

/* Starts a JSON text that drains into stdout, and ends it with what is left and a newline. */
void command_json_start(struct json_writer *text, char *buffer, size_t capacity);
void command_json_end(struct json_writer *text);

/* Flushes stdout. Returns `exit_code`, or EX_OSERR after a message when the output was lost. */
int command_finish(enum command_id id, int exit_code);

#endif
