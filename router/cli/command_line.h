#ifndef ROUTER_COMMAND_LINE_H
#define ROUTER_COMMAND_LINE_H

/*
 * One table of options, and the reader that walks over a command line with it. All of this runs on
 * the main thread.
 */

#include <stdio.h>

#include "config/text/option_reader.h"
#include "router/cli/command_info.h"
#include "router/cli/command_output.h"

/* What `COMMAND --help` prints. */
void command_print_help(enum command_id id, FILE *to);

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
    bool looked;     /* at words that getopt would misunderstand */
    char *value;     /* of the option just found, in argv; NULL when it takes none */
    int exit_code;   /* after OPTION_STOP */
    char **operands; /* after OPTION_END */
    int operand_count;
};

/*
 * Walks over a command line: options anywhere, `--` ends them, long ones may be shortened while
 * unambiguous. At the end it checks that operands are not empty and not fewer than the command
 * needs; what they are, and whether there are too many, is the command's to say. One reader at a
 * time (getopt_long).
 */
void command_reader_start(struct command_reader *reader, enum command_id command, int argc,
                          char **argv);
enum option_id command_next(struct command_reader *reader);

/* Whether the command has an option of that long form or letter (without dashes). */
bool command_has_option(enum command_id command, const char *name);

/*
 * Whether a word begins with a dash as word processors make it of "--", which is none for a
 * program: then `remedy` is " (write --NAME)".
 */
bool command_plain_dash(const char *word, char remedy[COMMAND_HINT_MAX]);

#endif
