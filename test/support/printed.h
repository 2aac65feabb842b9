#ifndef SUPPORT_PRINTED_H
#define SUPPORT_PRINTED_H

/*
 * What a function prints to a stream, as text:
 *
 *     struct printed printed;
 *     thing_print(thing, printed_start(&printed));
 *     char *text = printed_end(&printed);
 */

#include <stddef.h>
#include <stdio.h>

struct printed {
    FILE *to;
    char *text;
    size_t len;
};

/* The stream to print to; printed_end() closes it. */
FILE *printed_start(struct printed *printed);

/* All that was printed, `printed->len` bytes and a NUL; the caller frees it. */
char *printed_end(struct printed *printed);

#endif
