#include "config/text/units.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/text/units_explain.h"

struct unit {
    const char *suffix;
    double factor;
};

long units_whole(const char *text, long largest)
{
    size_t digits = strspn(text, "0123456789"), most = 1;
    long value = 0;

    assert(largest > 0 && largest < 1000000000);
    for (long rest = largest; rest >= 10; rest /= 10)
        most++;
    if (digits == 0 || digits > most || text[digits] != '\0')
        return -1;
    for (; *text != '\0'; text++)
        value = value * 10 + (*text - '0');
    return value <= largest ? value : -1;
}

/* strncmp() or strncasecmp(). */
typedef int compare_texts(const char *a, const char *b, size_t len);

/* The unit of that spelling in a table that ends with a NULL suffix; NULL: none. */
static const struct unit *unit_find(const struct unit *units, const char *text, size_t len,
                                    compare_texts *compare)
{
    for (; units->suffix != NULL; units++) {
        if (strlen(units->suffix) == len && compare(units->suffix, text, len) == 0)
            return units;
    }
    return NULL;
}

/* --- exact --- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Reads up to nine digits, so that nothing can overflow; *at moves behind them. */
static bool digits_parse(const char **at, uint64_t *number)
{
    const char *start = *at;

    *number = 0;
    while (is_digit(**at) && *at - start < 9)
        *number = *number * 10 + (uint64_t)(*(*at)++ - '0');
    return *at > start && !is_digit(**at);
}

static const struct unit exact_times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                          {"s", 1000},     {"ms", 1},      {NULL, 0}};

/*
 * One number and its unit at *at, which moves behind them; *last: the unit before, NULL = none. The
 * units go from the largest to the smallest, as the table does.
 */
static bool duration_step(const char **at, const struct unit **last, uint64_t *ms)
{
    uint64_t number;

    if (!digits_parse(at, &number))
        return false;
    size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyz");
    const struct unit *unit = unit_find(exact_times, *at, len, strncmp);

    if (unit == NULL || (*last != NULL && unit <= *last))
        return false;
    *ms += number * (uint64_t)unit->factor;
    *last = unit;
    *at += len;
    return true;
}

bool units_exact_duration(const char *text, uint64_t *ms, struct problem *problem)
{
    const char *at = text;
    const struct unit *last = NULL;
    bool ok;

    *ms = 0;
    do {
        ok = duration_step(&at, &last, ms);
    } while (ok && *at != '\0');
    if (!ok && is_digit(*at))
        problem_set(problem, "\"%.40s\" has a number of more than nine digits", text);
    else if (!ok || *ms == 0)
        units_explain_duration(text, problem);
    return ok && *ms != 0;
}

bool units_exact_size(const char *text, uint32_t *bytes, struct problem *problem)
{
    const char *at = text;
    uint64_t number, factor = 1;
    bool ok = digits_parse(&at, &number) && (text[0] != '0' || at == text + 1);

    if (*at == 'k' || *at == 'K')
        factor = 1024;
    else if (*at == 'm' || *at == 'M')
        factor = 1024 * 1024;
    if (factor != 1)
        at++;
    if (!ok || *at != '\0') {
        units_explain_size(text, problem);
        return false;
    }
    if (number * factor > UINT32_MAX) {
        problem_set(problem, "\"%.40s\" is too large", text);
        return false;
    }
    *bytes = (uint32_t)(number * factor);
    return true;
}

/* --- scaled --- */

/* Counts above this are not exact in a double. */
#define LARGEST_EXACT 9007199254740992.0

static const struct unit decimal_units[] = {{"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {NULL, 0}};
static const struct unit binary_units[] = {
    {"", 1},           {"b", 1},           {"k", 1024},         {"kb", 1024},
    {"kib", 1024},     {"m", 1048576},     {"mb", 1048576},     {"mib", 1048576},
    {"g", 1073741824}, {"gb", 1073741824}, {"gib", 1073741824}, {NULL, 0}};
static const struct unit bit_units[] = {
    {"bit", 1.0 / 8}, {"kbit", 1e3 / 8}, {"mbit", 1e6 / 8}, {"gbit", 1e9 / 8}, {NULL, 0}};
static const struct unit time_units[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
                                         {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {NULL, 0}};

/* A plain decimal number (no sign, no exponent, no hex, no infinity) followed by a known suffix. */
static bool parse_scaled(const char *text, const struct unit *units, double *value)
{
    size_t digits = strspn(text, "0123456789.");
    char number[UNITS_TEXT];

    if (digits == 0 || digits >= sizeof number || !isdigit((unsigned char)text[0]))
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    char *end;
    double parsed = strtod(number, &end);
    const struct unit *unit = unit_find(units, text + digits, strlen(text + digits), strncasecmp);
    if (*end != '\0')
        return false;
    if (unit == NULL) {
        /* Zero needs no unit. */
        if (parsed != 0.0 || text[digits] != '\0')
            return false;
        *value = 0.0;
        return true;
    }
    *value = parsed * unit->factor;
    return isfinite(*value);
}

static bool parse_whole(const char *text, const struct unit *units, uint64_t *value)
{
    double scaled;

    if (!parse_scaled(text, units, &scaled) || scaled > LARGEST_EXACT)
        return false;
    uint64_t whole = (uint64_t)(scaled + 0.5);
    if (fabs(scaled - (double)whole) > 1e-6)
        return false;
    *value = whole;
    return true;
}

bool units_parse_count(const char *text, uint64_t *count)
{
    return parse_whole(text, decimal_units, count);
}

/* Copies the text without a "/s" at its end; false = too long. */
static bool cut_per_second(const char *text, char copy[UNITS_TEXT])
{
    size_t len = strlen(text);

    if (len > 2 && strcmp(text + len - 2, "/s") == 0)
        len -= 2;
    if (len >= UNITS_TEXT)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return true;
}

bool units_parse_rate(const char *text, double *rate)
{
    char copy[UNITS_TEXT];

    return cut_per_second(text, copy) && parse_scaled(copy, decimal_units, rate);
}

bool units_parse_speed(const char *text, double *bytes_per_s)
{
    char copy[UNITS_TEXT];

    return cut_per_second(text, copy) && (parse_scaled(copy, binary_units, bytes_per_s) ||
                                          parse_scaled(copy, bit_units, bytes_per_s));
}

bool units_parse_size(const char *text, uint64_t *bytes)
{
    return parse_whole(text, binary_units, bytes);
}

bool units_parse_time(const char *text, uint64_t *ns)
{
    return parse_whole(text, time_units, ns);
}

/* --- for people --- */

/* Three significant digits and the unit that keeps the number below `base`. */
static const char *format_scaled(double value, double base, const char *const *suffixes,
                                 char out[UNITS_TEXT])
{
    while (value >= base * 0.9995 && suffixes[1] != NULL) {
        value /= base;
        suffixes++;
    }
    int decimals = value >= 99.95 || value == 0.0 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, UNITS_TEXT, "%.*f%s", decimals, value, suffixes[0]);
    return out;
}

const char *units_format_time(double ns, char out[UNITS_TEXT])
{
    static const char *const below_minute[] = {" ns", " us", " ms", " s", NULL};

    if (ns >= 120e9) {
        snprintf(out, UNITS_TEXT, "%.1f min", ns / 60e9);
        return out;
    }
    return format_scaled(ns, 1000.0, below_minute, out);
}

const char *units_format_bytes(double bytes, char out[UNITS_TEXT])
{
    static const char *const suffixes[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};

    return format_scaled(bytes, 1024.0, suffixes, out);
}

const char *units_format_bits(double bytes_per_s, char out[UNITS_TEXT])
{
    static const char *const suffixes[] = {" bit/s", " kbit/s", " Mbit/s", " Gbit/s", NULL};

    return format_scaled(bytes_per_s * 8.0, 1000.0, suffixes, out);
}

const char *units_format_count(double count, char out[UNITS_TEXT])
{
    static const char *const suffixes[] = {"", "k", "M", "G", NULL};

    if (count < 1000.0 && count == (double)(int64_t)count) {
        snprintf(out, UNITS_TEXT, "%.0f", count);
        return out;
    }
    return format_scaled(count, 1000.0, suffixes, out);
}
