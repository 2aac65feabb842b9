#ifndef ROUTER_COMMAND_H
#define ROUTER_COMMAND_H

/*
 * The commands of sni-router and what they share: one table of commands, one table of options, the
 * reader that walks over a command line, exit codes, messages.
 *
 * Data goes to stdout, messages go to stderr as `sni-router COMMAND: what is wrong (the remedy)`.
 * All of this runs on the main thread.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>

#include "config/load.h"
#include "config/text/option_reader.h"
#include "router/log/json_writer.h"

/*
 * Exit codes: 0, this one, and from <sysexits.h> EX_USAGE 64, EX_NOINPUT 66 (no such file),
 * EX_OSERR 71, EX_NOPERM 77, EX_CONFIG 78. Of several files the highest code counts.
 */
#define COMMAND_EXIT_NO 1 /* a negative answer: no route, not a whole ClientHello */

/* --- the commands: argv[0] is the command's name; the result is the exit code --- */

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_schema(int argc, char **argv);
int command_hello(int argc, char **argv);

enum command_id {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_EXPLAIN,
    COMMAND_SCHEMA,
    COMMAND_HELLO,
    COMMAND_COUNT
};

struct command {
    const char *name;
    const char *operands;    /* as in the usage line; "" = takes none */
    const char *summary;     /* one line for the list of commands */
    const char *description; /* what `COMMAND --help` says, with an example */
    int operands_min;
    int operands_max; /* -1 = any number */
    int (*run)(int argc, char **argv);
};

const struct command *command_info(enum command_id id);

/* The command of that name; COMMAND_COUNT when there is none. */
enum command_id command_find(const char *name);

/* The list of commands and what they have in common, as `--help` prints it. */
void command_print_overview(FILE *to);

/* What `COMMAND --help` prints. */
void command_print_help(enum command_id id, FILE *to);

/* --- reading a command line --- */

/* What command_next() found. */
enum option_id {
    OPTION_END,  /* no more options; operands and operand_count are set */
    OPTION_STOP, /* help was printed or the line is wrong (and said so): return `exit_code` */
    OPTION_CONFIG,
    OPTION_LISTEN,
    OPTION_ROUTE,
    OPTION_RELAY,
    OPTION_STRICT,
    OPTION_QUIET,
    OPTION_ALPN,
    OPTION_FROM,
    OPTION_LISTENER,
    OPTION_LIMIT,
    OPTION_JSON,
    OPTION_HELP /* answered by command_next() itself */
};

struct command_reader {
    enum command_id command;
    struct option_reader options;
    char *value;     /* of the option just found, in argv; NULL when it takes none */
    int exit_code;   /* after OPTION_STOP */
    char **operands; /* after OPTION_END */
    int operand_count;
};

/*
 * Walks over a command line: options anywhere, `--` ends them, long ones may be shortened while
 * unambiguous. It checks the number of operands at the end. One reader at a time (getopt_long).
 */
void command_reader_start(struct command_reader *reader, enum command_id command, int argc,
                          char **argv);
enum option_id command_next(struct command_reader *reader);

/* --- messages and output --- */

/*
 * One line on stderr: `sni-router COMMAND: ` (COMMAND_COUNT: `sni-router: `) and the text, in which
 * control characters, of arguments and files, have become question marks.
 */
void command_complain(enum command_id id, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, with a pointer to `--help`. Returns EX_USAGE. */
int command_refuse(enum command_id id, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ` (did you mean "PREFIXword"?)` for the nearest word, or "" when none is near; `hint` holds it.
 */
#define COMMAND_HINT_MAX 320
const char *command_hint(char hint[COMMAND_HINT_MAX], const char *prefix, const char *wrong,
                         const char *const *words, size_t count);

/* What a configuration file is called in messages: as given, or "(stdin)" for "-". */
const char *command_file_name(const char *file);

/*
 * Reads a configuration. Returns 0 and sets *out, or the exit code: EX_NOINPUT when there is no
 * such file, EX_OSERR for want of memory, else EX_CONFIG.
 * `found` has the findings; `trouble` says why the file could not be read at all, else it is "".
 */
#define COMMAND_TROUBLE_MAX 160
int command_load(const char *file, struct config **out, struct diagnostics *found,
                 char trouble[COMMAND_TROUBLE_MAX]);

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
