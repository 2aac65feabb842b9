/*
 * The table of options, and what is said about a wrong command line. A row says which commands take
 * the option; the help, the reader's options and "did you mean" are all made from these rows.
 */

#include "router/cli/command_line.h"

#include <ctype.h>
#include <string.h>

#include "router/cli/command_output.h"
#include "router/cli/habits.h"

/* Room for an option's name, as far as it is shown. */
#define OPTION_NAME_BYTES 64

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

/* Whether the word is an option of the command, written out or as a letter. */
static bool is_option(enum command_id command, const char *word)
{
    return word[0] == '-' && command_has_option(command, word + (word[1] == '-' ? 2 : 1));
}

bool command_has_option(enum command_id command, const char *name)
{
    size_t len = strcspn(name, "=");

    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct command_option *row = &rows[i];

        if (takes(command, row) && ((strncmp(row->name, name, len) == 0 && row->name[len] == 0) ||
                                    (len == 1 && row->letter == name[0])))
            return true;
    }
    return false;
}

/* --- options that are none --- */

/* The hyphens, dashes and the minus of Unicode, U+2010 to U+2015 and U+2212. */
static bool begins_with_dash(const char *word)
{
    return (strncmp(word, "\xe2\x80", 2) == 0 && word[2] >= '\x90' && word[2] <= '\x95') ||
           strncmp(word, "\xe2\x88\x92", 3) == 0;
}

bool command_plain_dash(const char *word, char remedy[COMMAND_HINT_MAX])
{
    const char *name = word;

    if (!begins_with_dash(word + strspn(word, "-")))
        return false;
    while (*name == '-' || begins_with_dash(name))
        name += *name == '-' ? 1 : 3;
    int len = (int)strcspn(name, "=");
    snprintf(remedy, COMMAND_HINT_MAX, " (write %s%.*s)", len == 1 ? "-" : "--", len, name);
    return true;
}

/* "-config": getopt would take the file "onfig". `-help` does what it says. */
static bool is_long_with_one_dash(enum command_id command, const char *word)
{
    return word[0] == '-' && word[1] != '-' && word[1] != '\0' && word[2] != '\0' &&
           strcspn(word + 1, "=") > 1 && strcmp(word, "-help") != 0 &&
           command_has_option(command, word + 1);
}

/* What getopt would misunderstand. False: such a word was found, and said. */
static bool look_at_words(const struct command_reader *reader)
{
    char *const *words = reader->options.argv;
    char remedy[COMMAND_HINT_MAX];

    for (int i = 1; i < reader->options.argc && strcmp(words[i], "--") != 0; i++) {
        if (command_plain_dash(words[i], remedy)) {
            command_refuse(reader->command, "a typographic dash begins the option%s", remedy);
            return false;
        }
        if (is_long_with_one_dash(reader->command, words[i])) {
            int len = (int)strcspn(words[i], "=");
            command_refuse(reader->command, "unknown option %.*s (did you mean \"-%.*s\"?)", len,
                           words[i], len, words[i]);
            return false;
        }
    }
    return true;
}

/* " (an option of check, explain and hello)"; "": of no command. */
static const char *others_hint(const char *name, char hint[COMMAND_HINT_MAX])
{
    const char *takers[COMMAND_COUNT];
    size_t count = 0, len = 0;

    for (unsigned id = 0; id < COMMAND_COUNT; id++) {
        if (command_has_option((enum command_id)id, name))
            takers[count++] = command_info((enum command_id)id)->name;
    }
    hint[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(hint + len, COMMAND_HINT_MAX - len, "%s%s",
                                i == 0           ? " (an option of "
                                : i + 1 == count ? " and "
                                                 : ", ",
                                takers[i]);
    if (count > 0)
        snprintf(hint + len, COMMAND_HINT_MAX - len, ")");
    return hint;
}

/* What to write instead of an option of that name; `hint` holds it. */
static const char *remedy_of(enum command_id command, const char *name, char hint[COMMAND_HINT_MAX])
{
    const char *advice = habit_of_option(command, name), *names[ROW_COUNT];
    char lower[OPTION_NAME_BYTES];
    size_t count = 0, i = 0;

    if (advice != NULL) {
        snprintf(hint, COMMAND_HINT_MAX, " (%s)", advice);
        return hint;
    }
    if (others_hint(name, hint)[0] != '\0' || name[1] == '\0')
        return hint;
    for (; name[i] != '\0' && i < sizeof lower - 1; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    for (i = 0; i < ROW_COUNT; i++) {
        if (takes(command, &rows[i]))
            names[count++] = rows[i].name;
    }
    return command_hint(hint, "--", lower, names, count);
}

/* A long option that is not in the table, or a beginning that several options share. */
static void complain_long(const struct command_reader *reader, bool ambiguous)
{
    const char *given = reader->options.given + 2;
    char hint[COMMAND_HINT_MAX], wrong[OPTION_NAME_BYTES];

    snprintf(wrong, sizeof wrong, "%.*s", (int)strcspn(given, "=:"), given);
    if (ambiguous)
        command_refuse(reader->command, "option --%s is ambiguous: write it out", wrong);
    else
        command_refuse(reader->command, "unknown option --%s%s", wrong,
                       remedy_of(reader->command, wrong, hint));
}

static void complain_option(const struct command_reader *reader, enum option_read read)
{
    const struct command_option *row = reader->options.row;
    const char letter[2] = {reader->options.letter};
    char hint[COMMAND_HINT_MAX];

    if (read == OPTION_READ_NO_VALUE)
        command_refuse(reader->command, "option --%s needs a value: --%s %s", row->name, row->name,
                       row->value);
    else if (read == OPTION_READ_HAS_VALUE)
        command_refuse(reader->command, "option --%s takes no value", row->name);
    else if (letter[0] != '\0')
        command_refuse(reader->command, "unknown option -%s%s", letter,
                       remedy_of(reader->command, letter, hint));
    else
        complain_long(reader, read == OPTION_READ_AMBIGUOUS);
}

/* A value that is none: empty, "=FILE" of "-c=FILE", or the option that follows. False: said. */
static bool look_at_value(const struct command_reader *reader)
{
    const struct command_option *row = reader->options.row;
    const char *value = reader->options.value, *given = reader->options.given;

    if (value == NULL)
        return true;
    if (value[0] == '\0')
        command_refuse(reader->command, "the value of --%s is empty: --%s %s", row->name, row->name,
                       row->value);
    else if (value[0] == '=' && value == given + 2)
        command_refuse(reader->command, "-%c takes its value without \"=\": -%c %s", row->letter,
                       row->letter, value + 1);
    else if (value == given && is_option(reader->command, value))
        command_refuse(reader->command, "option --%s needs a value, %s is an option: --%s %s",
                       row->name, value, row->name, row->value);
    else
        return true;
    return false;
}

/* The end of the options: what is left are operands, and there must be the right number. */
static enum option_id end(struct command_reader *reader)
{
    const struct command *command = command_info(reader->command);

    reader->operands = reader->options.operands;
    reader->operand_count = reader->options.operand_count;
    for (int i = 0; i < reader->operand_count; i++) {
        if (reader->operands[i][0] != '\0')
            continue;
        command_refuse(reader->command, "an argument is empty: sni-router %s %s", command->name,
                       command->operands);
        return stop(reader, EX_USAGE);
    }
    if (reader->operand_count >= command->operands_min)
        return OPTION_END;
    command_refuse(reader->command, "FILE is missing: sni-router %s %s", command->name,
                   command->operands);
    return stop(reader, EX_USAGE);
}

enum option_id command_next(struct command_reader *reader)
{
    if (!reader->looked && !look_at_words(reader))
        return stop(reader, EX_USAGE);
    reader->looked = true;
    enum option_read read = option_reader_next(&reader->options);
    const struct command_option *row = reader->options.row;

    if (read == OPTION_READ_END)
        return end(reader);
    if (read != OPTION_READ_FOUND) {
        complain_option(reader, read);
        return stop(reader, EX_USAGE);
    }
    if (!look_at_value(reader))
        return stop(reader, EX_USAGE);
    reader->value = reader->options.value;
    if (row->id != OPTION_HELP)
        return row->id;
    command_print_help(reader->command, stdout);
    return stop(reader, command_finish(reader->command, 0));
}
