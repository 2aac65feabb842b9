#ifndef CONFIG_TEXT_TERMINAL_H
#define CONFIG_TEXT_TERMINAL_H

/*
 * Text from outside on its way to a terminal: what the terminal would obey instead of show becomes
 * a question mark. Pure but for terminal_put_column().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What terminal_disarm() leaves as it is, besides visible ASCII. */
enum terminal_keep {
    TERMINAL_ASCII = 0, /* nothing: one byte is one column */
    TERMINAL_UTF8 = 1,  /* well-formed UTF-8 */
    TERMINAL_TABS = 2   /* tabs, and well-formed UTF-8 */
};

/*
 * Replaces in place, byte by byte: control characters (with TERMINAL_UTF8 also the two bytes of
 * U+0080 to U+009F), what is not UTF-8, and with TERMINAL_ASCII every byte from 0x80 on.
 */
void terminal_disarm(char *text, enum terminal_keep keep);

/* Longest name of a file, or host, that is shown. */
#define TERMINAL_SHOWN_MAX 4096

/* A disarmed copy (TERMINAL_UTF8), cut to `size`. Returns `out`. */
const char *terminal_copy(const char *text, char *out, size_t size);

/*
 * Writes a cell of a table: at most `most` bytes, disarmed (TERMINAL_ASCII), and blanks up to
 * `width` columns.
 */
void terminal_put_column(FILE *to, const char *text, size_t most, size_t width);

#endif
