#include "config/text/units.h"

#include <assert.h>
#include <string.h>

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

static const struct {
    const char *word;
    uint64_t ms;
} exact_times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
#define EXACT_TIMES (sizeof exact_times / sizeof *exact_times)

/* The unit that the letters at `at` spell; EXACT_TIMES = none. */
static size_t exact_time_find(const char *at, size_t *len)
{
    *len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (size_t i = 0; i < EXACT_TIMES; i++) {
        if (strlen(exact_times[i].word) == *len && memcmp(at, exact_times[i].word, *len) == 0)
            return i;
    }
    return EXACT_TIMES;
}

/* One number and its unit at *at, which moves behind them; `last`: the unit before, and after. */
static bool duration_step(const char *text, const char **at, size_t *last, uint64_t *ms,
                          struct problem *problem)
{
    uint64_t number;
    size_t len;

    if (!digits_parse(at, &number)) {
        problem_set(problem,
                    is_digit(**at) ? "\"%.40s\" has a number of more than nine digits"
                                   : "\"%.40s\" is not a duration (such as \"250ms\", "
                                     "\"5s\", \"10m\", \"1h30m\", \"1d\")",
                    text);
        return false;
    }
    size_t unit = exact_time_find(*at, &len);

    if (len == 0 && **at == '\0')
        problem_set(problem, "\"%.40s\" has no unit: \"%.30ss\" or \"%.30sms\"?", text, text, text);
    else if (unit == EXACT_TIMES)
        problem_set(problem, "\"%.40s\" has an unknown unit (there are ms, s, m, h, d)", text);
    else if (*last != EXACT_TIMES && unit <= *last)
        problem_set(problem, "\"%.40s\": units go from the largest to the smallest", text);
    else {
        *ms += number * exact_times[unit].ms;
        *last = unit;
        *at += len;
        return true;
    }
    return false;
}

bool units_exact_duration(const char *text, uint64_t *ms, struct problem *problem)
{
    const char *at = text;
    size_t last = EXACT_TIMES;

    *ms = 0;
    do {
        if (!duration_step(text, &at, &last, ms, problem))
            return false;
    } while (*at != '\0');
    if (*ms == 0)
        problem_set(problem, "must be greater than zero");
    return *ms != 0;
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
        problem_set(problem, "\"%.40s\" is not a size (such as \"512\", \"64k\", \"1m\")", text);
        return false;
    }
    if (number * factor > UINT32_MAX) {
        problem_set(problem, "\"%.40s\" is too large", text);
        return false;
    }
    *bytes = (uint32_t)(number * factor);
    return true;
}
