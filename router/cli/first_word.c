#include "router/cli/first_word.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "router/cli/command_info.h"
#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/habits.h"

/* A longer line is no help to anybody. */
#define LINE_BYTES 240

/* Longer than every name of an option or a command. */
#define NAME_MAX_BYTES 32

/* --- a line that can be pasted --- */

struct meant_line {
    char text[LINE_BYTES];
    size_t len;
    bool full; /* it did not fit: the text is of no use */
};

static void line_put(struct meant_line *line, const char *text)
{
    size_t len = strlen(text);

    if (len >= sizeof line->text - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, text, len + 1);
    line->len += len;
}

static bool needs_quotes(const char *word)
{
    if (word[0] == '\0')
        return true;
    for (; *word != '\0'; word++) {
        if (!isalnum((unsigned char)*word) && strchr("_./:=,@%+-", *word) == NULL)
            return true;
    }
    return false;
}

/* A blank and the word, as a shell takes it. */
static void line_add(struct meant_line *line, const char *word)
{
    bool quotes = needs_quotes(word);

    line_put(line, quotes ? " '" : " ");
    line_put(line, word);
    line_put(line, quotes ? "'" : "");
    line->full |= strchr(word, '\'') != NULL;
}

/* --- what is in the rest of the line --- */

/* What an option is called: without dashes, to the "=" of a value. */
static const char *name_of(const char *option, char name[NAME_MAX_BYTES])
{
    option += strspn(option, "-");
    snprintf(name, NAME_MAX_BYTES, "%.*s", (int)strcspn(option, "="), option);
    return name;
}

static bool names_file(const char *word)
{
    char name[NAME_MAX_BYTES];

    return word[0] == '-' && habit_names_file(name_of(word, name));
}

/*
 * The value of an option for a file, else the first word that is no option, and not the value of
 * one unless there is such a file; NULL: there is none.
 */
static const char *find_file(char **words)
{
    const char *plain = NULL;

    for (bool behind_option = false; *words != NULL; words++) {
        const char *equal = strchr(*words, '=');

        if (names_file(*words) && equal != NULL)
            return equal + 1;
        if (names_file(*words) && words[1] != NULL && words[1][0] != '-')
            return words[1];
        if ((*words)[0] != '-' && plain == NULL && (!behind_option || access(*words, F_OK) == 0))
            plain = *words;
        behind_option = (*words)[0] == '-' && equal == NULL;
    }
    return plain;
}

static bool has_word(char **words, const char *word)
{
    while (*words != NULL && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

/* Whether the line starts a router without a file. */
static bool is_without_file(char **words)
{
    char name[NAME_MAX_BYTES];

    for (; *words != NULL; words++) {
        name_of(*words, name);
        if ((*words)[0] == '-' && (strcmp(name, "listen") == 0 || strcmp(name, "route") == 0 ||
                                   strcmp(name, "l") == 0 || strcmp(name, "r") == 0))
            return true;
    }
    return false;
}

/* `nginx -t -c FILE`, `haproxy -c -f FILE`: the file is to be checked. */
static bool asks_for_check(char **words)
{
    return has_word(words, "-t") || has_word(words, "--test") || has_word(words, "--check") ||
           has_word(words, "--validate") || (has_word(words, "-c") && has_word(words, "-f"));
}

static bool looks_like_file(const char *word)
{
    return strchr(word, '/') != NULL || strchr(word, '.') != NULL || access(word, F_OK) == 0;
}

/* The command behind some options; NULL: none. */
static char **find_command(char **words)
{
    while (*words != NULL && command_find(*words) == COMMAND_COUNT)
        words++;
    return *words != NULL ? words : NULL;
}

/* --- what was probably meant --- */

/* The command with what `words` say of its operands. */
static void write_command(struct meant_line *line, enum command_id command, char **words)
{
    const char *file = find_file(words);

    line_add(line, command_info(command)->name);
    if (command == COMMAND_RUN && is_without_file(words)) {
        while (*words != NULL)
            line_add(line, *words++);
        return;
    }
    if (command == COMMAND_RUN)
        line_add(line, "-c");
    if (command != COMMAND_SCHEMA)
        line_add(line, file != NULL ? file : "FILE");
    if (command == COMMAND_EXPLAIN)
        line_add(line, "HOST");
}

/* The options that stand before the command go behind it. */
static void write_reordered(struct meant_line *line, char **words, char **command)
{
    line_add(line, *command);
    for (; *words != NULL; words++) {
        if (words != command)
            line_add(line, *words);
    }
}

/* Our word for what is nearly one, or one in capitals, or the beginning of one; "": none. */
static const char *hint_of(const char *word, char hint[COMMAND_HINT_MAX])
{
    const char *names[COMMAND_COUNT + 1], *begins = NULL;
    char lower[NAME_MAX_BYTES];
    size_t len = 0;

    for (; word[len] != '\0' && len < sizeof lower - 1; len++)
        lower[len] = (char)tolower((unsigned char)word[len]);
    lower[len] = '\0';
    for (unsigned id = 0; id < COMMAND_COUNT; id++) {
        names[id] = command_info(id)->name;
        if (len > 1 && strncmp(names[id], lower, len) == 0)
            begins = names[id];
    }
    names[COMMAND_COUNT] = "help";
    command_hint(hint, "", lower, names, COMMAND_COUNT + 1);
    if (hint[0] == '\0' && begins != NULL)
        snprintf(hint, COMMAND_HINT_MAX, " (did you mean \"%s\"?)", begins);
    return hint;
}

/* --- the messages --- */

static int refuse(const char *what, const char *remedy)
{
    return command_refuse(COMMAND_COUNT, "%s%s", what, remedy);
}

static int refuse_with_line(const char *what, const struct meant_line *line)
{
    char remedy[LINE_BYTES + 40];

    snprintf(remedy, sizeof remedy, " (did you mean \"sni-router%s\"?)", line->text);
    return refuse(what, line->full ? "" : remedy);
}

static int refuse_with_advice(const char *what, const char *advice)
{
    char remedy[LINE_BYTES];

    snprintf(remedy, sizeof remedy, " (%s)",
             advice != NULL ? advice : "a command comes first: run, check, explain, schema, hello");
    return refuse(what, remedy);
}

static int refuse_option(char **words)
{
    static const char *const alone[] = {"help", "version"};
    char name[NAME_MAX_BYTES], hint[COMMAND_HINT_MAX], what[LINE_BYTES];
    char **command = find_command(words + 1);
    struct meant_line line = {.len = 0};

    name_of(words[0], name);
    snprintf(what, sizeof what, "unknown option %s before the command", words[0]);
    command_hint(hint, "--", name, alone, 2);
    if (hint[0] != '\0')
        return refuse(what, hint);
    if (command != NULL && command_has_option(command_find(*command), name))
        write_reordered(&line, words, command);
    else if (asks_for_check(words))
        write_command(&line, COMMAND_CHECK, words);
    else if (names_file(words[0]) || command_has_option(COMMAND_RUN, name))
        write_command(&line, COMMAND_RUN, words);
    if (line.len > 0)
        return refuse_with_line(what, &line);
    return refuse_with_advice(what, habit_of_option(COMMAND_COUNT, name));
}

/* Not an option. */
static int refuse_word(const char *word, char **rest)
{
    char hint[COMMAND_HINT_MAX], what[LINE_BYTES];
    struct meant_line line = {.len = 0};
    const char *advice;
    enum command_id command = habit_of_command(word, &advice);

    snprintf(what, sizeof what, "unknown command '%s'", word);
    if (command != COMMAND_COUNT)
        write_command(&line, command, rest);
    else if (advice == NULL && hint_of(word, hint)[0] != '\0')
        return refuse(what, hint);
    else if (advice == NULL && looks_like_file(word))
        write_command(&line, COMMAND_RUN, (char *[]){(char *)word, NULL});
    return line.len > 0 ? refuse_with_line(what, &line) : refuse_with_advice(what, advice);
}

int first_word_refuse(char **words)
{
    char plain[COMMAND_HINT_MAX];

    if (words[0][0] == '\0')
        return refuse_with_advice("the command is empty", NULL);
    if (command_plain_dash(words[0], plain))
        return refuse("a typographic dash begins the option", plain);
    return words[0][0] == '-' ? refuse_option(words) : refuse_word(words[0], words + 1);
}
