#ifndef CONFIG_TEXT_SUGGEST_H
#define CONFIG_TEXT_SUGGEST_H

/* "did you mean": the nearest of some words, when it is near enough to be a typing error. */

#include <stddef.h>

/* Start with suggest_start(); `word` is borrowed. */
struct suggestion {
    const char *word;
    const char *nearest; /* NULL: none near enough */
    size_t distance;     /* of `nearest` */
};

void suggest_start(struct suggestion *suggestion, const char *word);

/* `candidate` is borrowed. */
void suggest_consider(struct suggestion *suggestion, const char *candidate);

/*
 * Writes ` (did you mean "x"?)`, or nothing when nothing is near. Returns `out`.
 */
const char *suggest_text(const struct suggestion *suggestion, char *out, size_t size);

/* Damerau-Levenshtein (with neighbours swapped at most once), or `limit` + 1 when it is more. */
size_t suggest_distance(const char *a, const char *b, size_t limit);

#endif
