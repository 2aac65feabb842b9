/*
 * The table of options, and what is said about a wrong command line. A row says which commands take
 * the option; the help, the reader's options and "did you mean" are all made from these rows.
 */

#include "router/cli/command_line.h"

#include <string.h>

#include "router/cli/command_output.h"

#define TAKEN_BY(command) (1u << COMMAND_##command)
#define TAKEN_BY_ALL      ((1u << COMMAND_COUNT) - 1)

struct command_option {
    const char *name;  /* the long form */
    char letter;       /* the short form; 0 = none */
    const char *value; /* placeholder of its value; NULL = takes none */
    enum option_id id;
    unsigned commands;
    const char *help;
};

static const struct command_option rows[] = {
    {"config", 'c', "FILE", OPTION_CONFIG, TAKEN_BY(RUN),
     "the routes, as JSON; - is standard input"},
    {"listen", 'l', "ADDRESS", OPTION_LISTEN, TAKEN_BY(RUN),
     "accept here, without a file: host:port, [v6]:port, unix:/path"},
    {"route", 'r', "HOST=SERVER", OPTION_ROUTE, TAKEN_BY(RUN),
     "send HOST to SERVER, without a file; several: HOST=S1,S2"},
    {"relay", 0, "MODE", OPTION_RELAY, TAKEN_BY(RUN),
     "carry bytes by copy, splice, or auto: whichever suits (the default)"},
    {"strict", 0, NULL, OPTION_STRICT, TAKEN_BY(CHECK), "a warning fails like an error"},
    {"quiet", 'q', NULL, OPTION_QUIET, TAKEN_BY(CHECK), "say nothing about files that pass"},
    {"alpn", 'a', "NAME", OPTION_ALPN, TAKEN_BY(EXPLAIN),
     "the client offers this protocol; repeat it or separate by commas"},
    {"from", 'f', "IP", OPTION_FROM, TAKEN_BY(EXPLAIN), "the client's address"},
    {"listener", 'l', "NAME", OPTION_LISTENER, TAKEN_BY(EXPLAIN),
     "the listener it came to (not needed when there is one)"},
    {"limit", 0, "SIZE", OPTION_LIMIT, TAKEN_BY(HELLO),
     "largest hello to accept, as 65536 or 64k (the default)"},
    {"json", 0, NULL, OPTION_JSON, TAKEN_BY(CHECK) | TAKEN_BY(EXPLAIN) | TAKEN_BY(HELLO),
     "print JSON"},
    {"help", 'h', NULL, OPTION_HELP, TAKEN_BY_ALL, "print this"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static bool takes(enum command_id command, const struct command_option *row)
{
    return (row->commands & 1u << command) != 0;
}

/* Every line of `operands` is one way to use the command. */
static void print_usage(const struct command *command, FILE *to)
{
    const char *line = command->operands;
    const char *label = "Usage:";

    do {
        size_t length = strcspn(line, "\n");

        fprintf(to, "%-6s sni-router %s%s%.*s\n", label, command->name, length > 0 ? " " : "",
                (int)length, line);
        label = "";
        line += length;
    } while (*line++ == '\n');
}

void command_print_help(enum command_id id, FILE *to)
{
    const struct command *command = command_info(id);

    print_usage(command, to);
    fprintf(to, "\n%s\nOptions:\n", command->description);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct command_option *row = &rows[i];
        char left[48];

        if (!takes(id, row))
            continue;
        snprintf(left, sizeof left, "%c%c%c --%s%s%s", row->letter != 0 ? '-' : ' ',
                 row->letter != 0 ? row->letter : ' ', row->letter != 0 ? ',' : ' ', row->name,
                 row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
        fprintf(to, "  %-25s %s\n", left, row->help);
    }
}

void command_reader_start(struct command_reader *reader, enum command_id command, int argc,
                          char **argv)
{
    *reader = (struct command_reader){.command = command};
    option_reader_start(&reader->options, argc, argv);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct command_option *row = &rows[i];

        if (takes(command, row))
            option_reader_add(&reader->options, row->name, row->letter, row->value != NULL, row);
    }
}

static enum option_id stop(struct command_reader *reader, int exit_code)
{
    reader->exit_code = exit_code;
    return OPTION_STOP;
}

/* A long option that is not in the table, or a beginning that several options share. */
static void complain_long(const struct command_reader *reader, bool ambiguous)
{
    const char *given = reader->options.given + 2;
    const char *names[ROW_COUNT];
    char hint[COMMAND_HINT_MAX], wrong[64];
    size_t count = 0, length = strcspn(given, "=");

    snprintf(wrong, sizeof wrong, "%.*s", (int)(length < sizeof wrong ? length : sizeof wrong),
             given);
    if (ambiguous) {
        command_refuse(reader->command, "option --%s is ambiguous: write it out", wrong);
        return;
    }
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (takes(reader->command, &rows[i]))
            names[count++] = rows[i].name;
    }
    command_refuse(reader->command, "unknown option --%s%s", wrong,
                   command_hint(hint, "--", wrong, names, count));
}

static void complain_option(const struct command_reader *reader, enum option_read read)
{
    const struct command_option *row = reader->options.row;

    if (read == OPTION_READ_NO_VALUE)
        command_refuse(reader->command, "option --%s needs a value: --%s %s", row->name, row->name,
                       row->value);
    else if (read == OPTION_READ_HAS_VALUE)
        command_refuse(reader->command, "option --%s takes no value", row->name);
    else if (reader->options.letter != '\0')
        command_refuse(reader->command, "unknown option -%c", reader->options.letter);
    else
        complain_long(reader, read == OPTION_READ_AMBIGUOUS);
}

/* The end of the options: what is left are operands, and there must be the right number. */
static enum option_id end(struct command_reader *reader)
{
    const struct command *command = command_info(reader->command);

    reader->operands = reader->options.operands;
    reader->operand_count = reader->options.operand_count;
    if (reader->operand_count < command->operands_min) {
        command_refuse(reader->command, "an operand is missing: sni-router %s %s", command->name,
                       command->operands);
        return stop(reader, EX_USAGE);
    }
    if (command->operands_max < 0 || reader->operand_count <= command->operands_max)
        return OPTION_END;
    const char *extra = reader->operands[command->operands_max];

    if (reader->command == COMMAND_RUN)
        command_refuse(reader->command, "unexpected '%s' (did you mean \"--config %s\"?)", extra,
                       extra);
    else
        command_refuse(reader->command, "unexpected '%s'", extra);
    return stop(reader, EX_USAGE);
}

enum option_id command_next(struct command_reader *reader)
{
    enum option_read read = option_reader_next(&reader->options);
    const struct command_option *row = reader->options.row;

    if (read == OPTION_READ_END)
        return end(reader);
    if (read != OPTION_READ_FOUND) {
        complain_option(reader, read);
        return stop(reader, EX_USAGE);
    }
    reader->value = reader->options.value;
    if (row->id != OPTION_HELP)
        return row->id;
    command_print_help(reader->command, stdout);
    return stop(reader, command_finish(reader->command, 0));
}
