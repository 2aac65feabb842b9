#include "config/text/units_explain.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SMALLEST "us|usec|microseconds|ns|nsec|nanoseconds"

/* Units as people spell them, in any case, and as they are spelt here. From large to small. */
struct spelling {
    const char *words; /* separated by "|" */
    const char *ours;  /* "-": there is none */
    double factor;
};

static const struct spelling times[] = {
    {"w|wk|week|weeks", "-", 604800000},
    {"d|day|days", "d", 86400000},
    {"h|hr|hrs|hour|hours", "h", 3600000},
    {"m|min|mins|minute|minutes", "m", 60000},
    {"s|sec|secs|second|seconds", "s", 1000},
    {"ms|msec|msecs|milli|millis|millisecond|milliseconds", "ms", 1},
    {NULL, NULL, 0},
};
static const struct spelling sizes[] = {
    {"t|tb|tib", "-", 1099511627776},
    {"g|gb|gib|gigabytes", "-", 1073741824},
    {"m|mb|mib|megabytes", "m", 1048576},
    {"k|kb|kib|kilobytes", "k", 1024},
    {"b|byte|bytes", "", 1},
    {NULL, NULL, 0},
};

/* What one or more numbers with units come to, and how they were written. */
struct spelt {
    double sum;     /* ms or bytes */
    char plain[64]; /* the same numbers with our units and nothing between */
    const struct spelling *last;
    bool space, fraction, spelling, order;
};

static bool word_in(const char *words, const char *word, size_t len)
{
    for (const char *at = words; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == len && strncasecmp(at, word, len) == 0)
            return true;
    }
    return false;
}

static size_t letters_at(const char *text)
{
    size_t len = 0;

    while (isalpha((unsigned char)text[len]))
        len++;
    return len;
}

/* Digits, also with a decimal point or comma; false: no number, or one that is too long. */
static bool read_number(const char **at, double *number, bool *fraction)
{
    double scale = 1;
    const char *start = *at;

    *number = 0;
    for (; isdigit((unsigned char)**at); (*at)++)
        *number = *number * 10 + (**at - '0');
    if (*at == start || *at - start > 12)
        return false;
    if ((**at != '.' && **at != ',') || !isdigit((unsigned char)(*at)[1]))
        return true;
    *fraction = true;
    for ((*at)++; isdigit((unsigned char)**at); (*at)++)
        *number += (**at - '0') * (scale /= 10);
    return true;
}

static const char *skip_spaces(const char *at, bool *space)
{
    size_t len = strspn(at, " \t\r\n");

    *space |= len > 0;
    return at + len;
}

/* A number and its unit at *at. False: they are none. */
static bool read_step(struct spelt *reading, const struct spelling *units, const char **at)
{
    double number;

    if (!read_number(at, &number, &reading->fraction))
        return false;
    *at = skip_spaces(*at, &reading->space);
    size_t len = letters_at(*at);
    const struct spelling *unit = units;
    while (unit->words != NULL && !word_in(unit->words, *at, len))
        unit++;
    if (unit->words == NULL)
        return false;
    reading->spelling |= strlen(unit->ours) != len || strncmp(unit->ours, *at, len) != 0;
    reading->order |= reading->last != NULL && unit <= reading->last;
    reading->last = unit;
    reading->sum += number * unit->factor;
    size_t used = strlen(reading->plain);
    snprintf(reading->plain + used, sizeof reading->plain - used, "%.0f%s", number, unit->ours);
    *at = skip_spaces(*at + len, &reading->space);
    return true;
}

static bool read_all(struct spelt *reading, const struct spelling *units, const char *text)
{
    const char *at = text;

    *reading = (struct spelt){0};
    at = skip_spaces(at, &reading->space);
    do {
        if (!read_step(reading, units, &at))
            return false;
    } while (*at != '\0');
    return reading->sum < 1e14 && strlen(reading->plain) + 1 < sizeof reading->plain;
}

/* "1m30s" of 90000 */
static void write_duration(double sum, char *out, size_t size)
{
    uint64_t left = (uint64_t)(sum + 0.5);
    size_t used = 0;

    out[0] = '\0';
    for (const struct spelling *unit = times + 1; unit->words != NULL; unit++) {
        uint64_t factor = (uint64_t)unit->factor, number = left / factor;
        if (number > 0 && used < size)
            used += (size_t)snprintf(out + used, size - used, "%llu%s", (unsigned long long)number,
                                     unit->ours);
        left %= factor;
    }
}

/* What is wrong with a text that could be read all the same. */
static const char *reason(const struct spelt *reading)
{
    return reading->fraction   ? "has a fraction"
           : reading->space    ? "has a space"
           : reading->order    ? "has units that do not go from the largest to the smallest"
           : reading->spelling ? "has an unknown unit"
                               : "begins with 0";
}

/* A text of a number alone, or one with a unit that is none. */
static void explain_unit(const char *text, struct problem *problem)
{
    const char *unit = text + strspn(text, "0123456789");

    if (unit > text && *unit == '\0')
        problem_set(problem, "\"%.40s\" has no unit: write \"%.30ss\" or \"%.30sms\"", text, text,
                    text);
    else if (unit > text && letters_at(unit) > 0 && word_in(SMALLEST, unit, strlen(unit)))
        problem_set(problem, "\"%.40s\" has a unit below the smallest, which is \"1ms\"", text);
    else if (unit > text && letters_at(unit) > 0)
        problem_set(problem, "\"%.40s\" has an unknown unit (there are ms, s, m, h, d)", text);
    else
        problem_set(problem,
                    "\"%.40s\" is not a duration (such as \"250ms\", \"5s\", \"10m\", \"1h30m\", "
                    "\"1d\")",
                    text);
}

void units_explain_duration(const char *text, struct problem *problem)
{
    struct spelt reading;
    char whole[64];
    size_t sign = text[0] == '-' || text[0] == '+';

    if (strcmp(text, "0") == 0 || strcmp(text, "-0") == 0) {
        problem_set(problem, "\"%s\" is too short: " UNITS_WANTED_DURATION, text);
        return;
    }
    if (!read_all(&reading, times, text + sign)) {
        explain_unit(text, problem);
        return;
    }
    if (text[0] == '-' || reading.sum == 0) {
        problem_set(problem, "\"%.40s\" is too short: " UNITS_WANTED_DURATION, text);
        return;
    }
    bool weeks = strchr(reading.plain, '-') != NULL;
    if (!reading.fraction && !reading.order && !weeks)
        snprintf(whole, sizeof whole, "%s", reading.plain);
    else
        write_duration(reading.sum, whole, sizeof whole);
    if (whole[0] == '\0')
        problem_set(problem, "\"%.40s\" is too short: the smallest is \"1ms\"", text);
    else
        problem_set(problem, "\"%.40s\" %s: write \"%s\"", text,
                    sign ? "has a sign" : reason(&reading), whole);
}

void units_explain_size(const char *text, struct problem *problem)
{
    struct spelt reading;
    bool read = read_all(&reading, sizes, text);
    double sum = floor(reading.sum + 0.5);

    if (!read || sum != reading.sum || sum > UINT32_MAX || sum == 0) {
        problem_set(problem, "\"%.40s\" is not a size (such as \"512\", \"64k\", \"1m\")", text);
        return;
    }
    char whole[32];
    bool mega = fmod(sum, 1048576) == 0, kilo = fmod(sum, 1024) == 0;
    snprintf(whole, sizeof whole, "%.0f%s",
             mega   ? sum / 1048576
             : kilo ? sum / 1024
                    : sum,
             mega   ? "m"
             : kilo ? "k"
                    : "");
    problem_set(problem, "\"%.40s\" %s: write \"%s\"", text, reason(&reading), whole);
}
