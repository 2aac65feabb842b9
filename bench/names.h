#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

/* The names that hellos ask for, and how one of them is picked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name kept; one more than a legal one, so that illegal ones can be sent too. */
#define NAMES_MAX_LENGTH 255

struct names {
    uint32_t count;
    char **list;   /* NULL = generated: names_generate() */
    char *text;    /* what `list` points into; owned */
    double *steps; /* cumulative weights of the Zipf distribution, last one 1; NULL = uniform */
};

/* The n-th of the names that `--names N` stands for, on both sides. */
void names_generate(uint32_t index, char out[NAMES_MAX_LENGTH + 1]);

/*
 * All return false with a message in `error` (of `cap` bytes). The set is released with
 * names_free(), also after a failure.
 */
bool names_from_count(struct names *names, uint64_t count, char *error, size_t cap);
/* A comma-separated list. */
bool names_from_list(struct names *names, const char *list, char *error, size_t cap);
/* One name per line; empty lines and lines that start with # are skipped. */
bool names_from_file(struct names *names, const char *path, char *error, size_t cap);
/* A number is a count, anything else a list. */
bool names_from_spec(struct names *names, const char *spec, char *error, size_t cap);
void names_free(struct names *names);

/* Makes the n-th name (from 1) be picked with weight n^-exponent. */
bool names_set_zipf(struct names *names, double exponent);

/* Index of a name; advances `state` (see bench/random.h). Any thread. */
uint32_t names_pick(const struct names *names, uint64_t *state);
/* The text of a name: in the set, or written to `buffer`. */
const char *names_text(const struct names *names, uint32_t index,
                       char buffer[NAMES_MAX_LENGTH + 1]);

/* Whether `name` falls under `pattern`: the same, "*.x" = one more label, "**.x" = one or more. */
bool names_match(const char *pattern, const char *name);

#endif
