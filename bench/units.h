#ifndef BENCH_UNITS_H
#define BENCH_UNITS_H

/*
 * Numbers as people write and read them.
 * Counts and rates: k m g are 1000-fold. Sizes: k m g are 1024-fold. Times need a unit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
