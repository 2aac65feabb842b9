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

/*
 * Whether the word is a latency (percentiles, max, mean); whether it is a cost measured with --pid.
 */
bool fail_if_is_latency(const char *word);
bool fail_if_is_cost(const char *word);
/* Why a run with these options cannot measure the word; NULL = it can (a cost: with --pid). */
const char *fail_if_unsuitable(const char *word, const struct options *options);
/* Writes one line to `err`: the value that is judged is a closed loop's service time. */
void fail_if_warn(const char *text, FILE *err);

/* Before the run: whether the conditions make sense; says on `err` what is wrong. */
bool fail_if_check(const struct options *options, FILE *err);
/* The value of the word; NAN = not measured in this run. */
double fail_if_measure(const struct result *result, const char *word);
/* After the run: whether any condition holds; says on `err` which ones. */
bool fail_if_holds(const struct result *result, FILE *err);

#endif
