#include "config/text/suggest.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX     ((size_t)64) /* longer words are not compared */
#define DISTANCE_MAX ((size_t)2)

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The usual table, row by row; the row before last is kept for swapped neighbours. */
size_t suggest_distance(const char *a, const char *b, size_t limit)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    size_t apart = a_len > b_len ? a_len - b_len : b_len - a_len;

    assert(limit < SIZE_MAX);
    if (apart > limit || a_len > WORD_MAX || b_len > WORD_MAX)
        return limit + 1;
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3], *higher = rows[(i + 1) % 3];
        size_t least = row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = smaller(change, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], higher[j - 2] + 1);
            least = smaller(least, row[j]);
        }
        if (least > limit + 1)
            return limit + 1;
    }
    return smaller(rows[a_len % 3][b_len], limit + 1);
}

void suggest_start(struct suggestion *suggestion, const char *word)
{
    *suggestion = (struct suggestion){.word = word, .distance = DISTANCE_MAX + 1};
}

void suggest_consider(struct suggestion *suggestion, const char *candidate)
{
    size_t longer = strlen(suggestion->word), other = strlen(candidate);

    if (other > longer)
        longer = other;
    /* A word of up to four letters with two of them changed is another word. */
    size_t limit = smaller(DISTANCE_MAX, longer > 0 ? (longer - 1) / 2 : 0);
    if (suggestion->distance == 0)
        return;
    if (suggestion->distance <= limit)
        limit = suggestion->distance - 1;
    size_t distance = suggest_distance(suggestion->word, candidate, limit);
    if (distance <= limit) {
        suggestion->nearest = candidate;
        suggestion->distance = distance;
    }
}

const char *suggest_text(const struct suggestion *suggestion, char *out, size_t size)
{
    out[0] = '\0';
    if (suggestion->nearest != NULL)
        snprintf(out, size, " (did you mean \"%s\"?)", suggestion->nearest);
    return out;
}
