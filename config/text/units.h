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

/*
 * --- scaled: for command lines ---
 *
 * One decimal number and a unit, in upper or lower case. Counts and rates: k m g are 1000-fold.
 * Sizes: k m g are 1024-fold. Times need a unit. False: something else.
 */

/* "64", "2k", "1.5m": whole after scaling. */
bool units_parse_count(const char *text, uint64_t *count);
/* "0.5", "5k", also with "/s" behind it: per second, at least 0. */
bool units_parse_rate(const char *text, double *rate);
/* "100m", "1.3g/s", "2gbit/s": bytes per second; k m g are 1024-fold, kbit mbit gbit 1000-fold. */
bool units_parse_speed(const char *text, double *bytes_per_s);
/* "100", "64k", "1g": bytes. */
bool units_parse_size(const char *text, uint64_t *bytes);
/* "250us", "1.5s", "2m", "1h": nanoseconds; a bare number is refused (0 is not). */
bool units_parse_time(const char *text, uint64_t *ns);

/* --- for people --- */

/* Room for every text below. */
#define UNITS_TEXT 32

/* "12.3 us", "1.25 s": 3 significant digits. All return `out`. */
const char *units_format_time(double ns, char out[UNITS_TEXT]);
/* "1.50 KiB". */
const char *units_format_bytes(double bytes, char out[UNITS_TEXT]);
/* "9.42 Gbit/s" from bytes per second. */
const char *units_format_bits(double bytes_per_s, char out[UNITS_TEXT]);
/* "12.3k": counts and rates. */
const char *units_format_count(double count, char out[UNITS_TEXT]);

#endif
