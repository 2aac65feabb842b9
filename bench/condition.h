#ifndef BENCH_CONDITION_H
#define BENCH_CONDITION_H

/*
 * Conditions of --fail-if: a word, a comparison (< <= > >=) and a value with the unit of that word.
 * Each mode has a table of the words it knows, and measures them itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How a value is written, and what it is counted in. */
enum condition_unit {
    CONDITION_TIME,   /* "5ms": nanoseconds */
    CONDITION_COUNT,  /* "10", "2k" */
    CONDITION_RATE,   /* "4k", "4k/s": per second */
    CONDITION_SPEED,  /* "100m", "2gbit/s": bytes per second */
    CONDITION_SIZE,   /* "64k": bytes */
    CONDITION_KIB,    /* "0.5", "0.5KiB": KiB */
    CONDITION_NUMBER, /* "1.5" */
};

/* One word of a table; the last row has a NULL word. */
struct condition_word {
    const char *word;
    enum condition_unit unit;
};

/* A condition taken apart. */
struct condition {
    const struct condition_word *word; /* in the mode's table */
    bool greater;                      /* false: less */
    bool equal;                        /* also when equal */
    double bound;
};

/* Room for a word and for a formatted value. */
#define CONDITION_TEXT 128

/* Reads "p99 > 5ms". On failure one line on `err` says what is wrong and how to write it. */
bool condition_parse(const char *text, const struct condition_word *words,
                     struct condition *condition, FILE *err);

/* Whether the condition holds. NAN (not measured) cannot be shown to be within bounds: true. */
bool condition_holds(const struct condition *condition, double seen);

/* Writes one line to `err`: the condition holds, with the value seen, or nothing was measured. */
void condition_say(const char *text, enum condition_unit unit, double seen, FILE *err);

/* --- its parts, for those with more before the comparison than one word --- */

/*
 * Copies the text before the comparison to `subject`, without blanks around it, and sets the
 * comparison; returns where the value begins. NULL = no comparison, no subject, or a subject that
 * is too long.
 */
const char *condition_split(const char *text, char subject[CONDITION_TEXT],
                            struct condition *condition);
const struct condition_word *condition_find(const struct condition_word *words, const char *word);
bool condition_read_bound(enum condition_unit unit, const char *text, double *bound);
/* "a time such as 5ms". */
const char *condition_describe(enum condition_unit unit);
/* "5.00 ms", "3999.5/s"; returns `out`. */
const char *condition_format(enum condition_unit unit, double value, char out[CONDITION_TEXT]);
/* Every word of the table, a blank before each. */
void condition_print_words(const struct condition_word *words, FILE *out);

#endif
