#ifndef CONFIG_TEXT_OPTION_READER_H
#define CONFIG_TEXT_OPTION_READER_H

/*
 * Walks over a command line by a table of options: long and short forms, options anywhere, `--`
 * ends them, long ones may be shortened while unambiguous. What the rows of the table are, and what
 * to say about a wrong line, is for the caller to know. One reader at a time (getopt_long).
 */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/text/suggest.h"

#define OPTION_READER_MAX 64

enum option_read {
    OPTION_READ_FOUND,     /* `row`, `value` */
    OPTION_READ_END,       /* no more options: `operands` */
    OPTION_READ_NO_VALUE,  /* `row` takes a value, but the line ends */
    OPTION_READ_HAS_VALUE, /* `row` takes none, but was given one */
    OPTION_READ_UNKNOWN,   /* no such option: `given`, and `letter` when it is a short one */
    OPTION_READ_AMBIGUOUS  /* several begin like `given` */
};

struct option_reader {
    int argc;
    char **argv;
    size_t count;
    const void *rows[OPTION_READER_MAX];
    char short_forms[OPTION_READER_MAX]; /* of each row; '\0' = none */
    struct option longs[OPTION_READER_MAX + 1];
    char letters[2 * OPTION_READER_MAX + 2]; /* as getopt takes them */
    size_t letter_count;

    /* --- what option_reader_next() has found --- */
    const void *row;
    char *value;       /* in argv; NULL: the option takes none */
    const char *given; /* the word that was read last, in argv */
    char letter;
    char **operands;
    int operand_count;
};

/* Borrows argv, in which the operands are moved behind the options. */
void option_reader_start(struct option_reader *reader, int argc, char **argv);

/* An option that the line may have. `letter`: its short form, 0 = none; `row` is handed back. */
void option_reader_add(struct option_reader *reader, const char *name, char letter,
                       bool takes_value, const void *row);

enum option_read option_reader_next(struct option_reader *reader);

/* Has the suggestion consider the long form of every option. */
void option_reader_suggest(const struct option_reader *reader, struct suggestion *suggestion);

#endif
