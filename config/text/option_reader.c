#include "config/text/option_reader.h"

#include <assert.h>
#include <string.h>

/* getopt's values for long forms: the row's number, behind every character. */
#define LONG_BASE 256

void option_reader_start(struct option_reader *reader, int argc, char **argv)
{
    *reader = (struct option_reader){.argc = argc, .argv = argv};
    reader->letters[reader->letter_count++] = ':'; /* tells a missing value from no such option */
    optind = 0;                                    /* glibc: start afresh */
    opterr = 0;
}

void option_reader_add(struct option_reader *reader, const char *name, char letter,
                       bool takes_value, const void *row)
{
    assert(reader->count < OPTION_READER_MAX && row != NULL);
    reader->longs[reader->count] =
        (struct option){.name = name,
                        .has_arg = takes_value ? required_argument : no_argument,
                        .val = LONG_BASE + (int)reader->count};
    reader->short_forms[reader->count] = letter;
    reader->rows[reader->count++] = row;
    if (letter != '\0')
        reader->letters[reader->letter_count++] = letter;
    if (letter != '\0' && takes_value)
        reader->letters[reader->letter_count++] = ':';
    assert(reader->letter_count < sizeof reader->letters);
}

/* The row that getopt means by a letter or by the value of a long form; NULL: none. */
static const void *row_of(const struct option_reader *reader, int value)
{
    if (value >= LONG_BASE)
        return reader->rows[value - LONG_BASE];
    for (size_t i = 0; i < reader->count; i++) {
        if (value != 0 && reader->short_forms[i] == value)
            return reader->rows[i];
    }
    return NULL;
}

/* Whether several long forms begin like the word, which getopt takes as little as an unknown one.
 */
static bool is_ambiguous(const struct option_reader *reader, const char *given)
{
    const char *name = given + strspn(given, "-");
    size_t len = strcspn(name, "="), alike = 0;

    for (size_t i = 0; i < reader->count; i++)
        alike += strncmp(reader->longs[i].name, name, len) == 0;
    return len > 0 && alike > 1;
}

static enum option_read judge_mistake(struct option_reader *reader, int found)
{
    reader->row = row_of(reader, optopt);
    if (reader->row != NULL)
        return found == ':' ? OPTION_READ_NO_VALUE : OPTION_READ_HAS_VALUE;
    reader->letter = (char)optopt;
    if (optopt == 0 && is_ambiguous(reader, reader->given))
        return OPTION_READ_AMBIGUOUS;
    return OPTION_READ_UNKNOWN;
}

enum option_read option_reader_next(struct option_reader *reader)
{
    int found = getopt_long(reader->argc, reader->argv, reader->letters, reader->longs, NULL);

    reader->row = NULL;
    reader->value = NULL;
    reader->letter = '\0';
    reader->given = reader->argv[optind > 0 ? optind - 1 : 0];
    if (found == -1) {
        reader->operands = reader->argv + optind;
        reader->operand_count = reader->argc - optind;
        return OPTION_READ_END;
    }
    if (found == '?' || found == ':')
        return judge_mistake(reader, found);
    reader->row = row_of(reader, found);
    reader->value = optarg;
    assert(reader->row != NULL);
    return OPTION_READ_FOUND;
}

void option_reader_suggest(const struct option_reader *reader, struct suggestion *suggestion)
{
    for (size_t i = 0; i < reader->count; i++)
        suggest_consider(suggestion, reader->longs[i].name);
}
