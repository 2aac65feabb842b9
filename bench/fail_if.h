#ifndef BENCH_FAIL_IF_H
#define BENCH_FAIL_IF_H

/*
 * --fail-if of the load modes ("p99>5ms", "errors>0", "rate<4k"); bench/compare_fail_if.c knows the
 * same words.
 */

#include <stdbool.h>
#include <stdio.h>

#include "bench/condition.h"
#include "bench/options.h"
#include "bench/result.h"

/* Times are in nanoseconds. */
extern const struct condition_word fail_if_words[];

/* Percentiles, max and mean; what --pid measures. */
bool fail_if_is_latency(const char *word);
bool fail_if_is_cost(const char *word);
/* Why a run with these options cannot know the word; NULL = it can, with --pid if it is a cost. */
const char *fail_if_unsuitable(const char *word, const struct options *options);
/* One line: what is judged is a closed loop's service time. */
void fail_if_warn(const char *text, FILE *err);

/* Before the run; says on `err` what is wrong. */
bool fail_if_check(const struct options *options, FILE *err);
/* What the word measured; NAN = this run has none. */
double fail_if_measure(const struct result *result, const char *word);
/* After the run: whether any holds; says each that does. */
bool fail_if_holds(const struct result *result, FILE *err);

#endif
