/* "Did you mean": the word nearest to a misspelt one. */

#include "router/command.h"

#include <string.h>

#define WORD_MAX     63 /* longer words get no hint */
#define DISTANCE_MAX 2

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * Optimal string alignment distance: the fewest insertions, deletions, substitutions and swaps of
 * neighbours that turn `a` into `b`. Three rows of the table are enough.
 */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *spare = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned change = a[i - 1] == b[j - 1] ? 0 : 1;

            row[j] = smaller(above[j - 1] + change, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b_length];
}

const char *command_hint(char hint[COMMAND_HINT_MAX], const char *prefix, const char *wrong,
                         const char *const *words, size_t count)
{
    size_t length = strlen(wrong);
    unsigned best = DISTANCE_MAX + 1;

    hint[0] = '\0';
    if (length > WORD_MAX)
        return hint;
    for (size_t i = 0; i < count; i++) {
        size_t word_length = strlen(words[i]);
        unsigned far;

        if (word_length > WORD_MAX)
            continue;
        far = distance(wrong, length, words[i], word_length);
        /* As many changes as letters would make any short word near. */
        if (far < best && far < word_length && far < length) {
            best = far;
            snprintf(hint, COMMAND_HINT_MAX, " (did you mean %s%s?)", prefix, words[i]);
        }
    }
    return hint;
}
