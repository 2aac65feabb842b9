#ifndef CONFIG_TEXT_UNITS_H
#define CONFIG_TEXT_UNITS_H

/* Numbers as people write them, with and without units. Pure: text in, value or problem out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/text/problem.h"

/*
 * Decimal digits and nothing else, at most as many as `largest` has: 0 to `largest`; -1: something
 * else. Leading zeros are taken.
 */
long units_whole(const char *text, long largest);

/*
 * --- exact: for configuration files ---
 *
 * Whole numbers in one spelling, and a sentence about whatever is wrong. config/fields_regex.h has
 * expressions that accept the same texts.
 */

/* "250ms", "5s", "1h30m": units d, h, m, s, ms, falling, each at most once; greater than zero. */
bool units_exact_duration(const char *text, uint64_t *ms, struct problem *problem);

/* "512", "64k", "1m": factors of 1024, below 4 GiB. */
bool units_exact_size(const char *text, uint32_t *bytes, struct problem *problem);

#endif
