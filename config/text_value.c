#include "config/text_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void problem_set(struct problem *problem, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
}

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

/* --- durations --- */

struct unit {
    const char *word;
    uint64_t ms;
};

static const struct unit units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
#define UNITS (sizeof units / sizeof *units)

/* The unit that the letters at `at` spell; UNITS = none. */
static size_t unit_find(const char *at, size_t *len)
{
    *len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (size_t i = 0; i < UNITS; i++) {
        if (strlen(units[i].word) == *len && memcmp(at, units[i].word, *len) == 0)
            return i;
    }
    return UNITS;
}

bool duration_parse(const char *text, uint64_t *ms, struct problem *problem)
{
    const char *at = text;
    size_t last = UNITS;

    *ms = 0;
    do {
        uint64_t number;
        size_t len;
        if (!digits_parse(&at, &number)) {
            problem_set(problem,
                        is_digit(*at) ? "\"%.40s\" has a number of more than nine digits"
                                      : "\"%.40s\" is not a duration (such as \"250ms\", "
                                        "\"5s\", \"10m\", \"1h30m\", \"1d\")",
                        text);
            return false;
        }
        size_t unit = unit_find(at, &len);
        if (len == 0 && *at == '\0') {
            problem_set(problem, "\"%.40s\" has no unit: \"%.30ss\" or \"%.30sms\"?", text, text,
                        text);
            return false;
        }
        if (unit == UNITS) {
            problem_set(problem, "\"%.40s\" has an unknown unit (there are ms, s, m, h, d)", text);
            return false;
        }
        if (last != UNITS && unit <= last) {
            problem_set(problem, "\"%.40s\": units go from the largest to the smallest", text);
            return false;
        }
        *ms += number * units[unit].ms;
        last = unit;
        at += len;
    } while (*at);
    if (*ms == 0)
        problem_set(problem, "must be more than nothing");
    return *ms != 0;
}

/* --- sizes and permissions --- */

bool size_parse(const char *text, uint32_t *bytes, struct problem *problem)
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
    if (!ok || *at) {
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

bool mode_parse(const char *text, uint32_t *mode, struct problem *problem)
{
    size_t digits = strspn(text, "01234567");
    bool ok = text[digits] == '\0' && (digits == 3 || (digits == 4 && text[0] == '0'));

    *mode = 0;
    for (const char *at = text; ok && *at; at++)
        *mode = *mode * 8 + (uint32_t)(*at - '0');
    if (!ok)
        problem_set(problem, "\"%.40s\" is not a set of permissions (such as \"0660\")", text);
    return ok;
}

/* --- names --- */

static bool has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f)
            return true;
    }
    return false;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool name_check(const char *text, struct problem *problem)
{
    if (*text == '\0')
        problem_set(problem, "a name may not be empty");
    else if (has_control(text))
        problem_set(problem, "a name may hold no control characters");
    else if (count_characters(text) > 255)
        problem_set(problem, "a name has at most 255 characters");
    else
        return true;
    return false;
}

bool alpn_check(const char *text, struct problem *problem)
{
    size_t len = strlen(text);
    bool ok = len >= 1 && len <= 255;

    for (size_t i = 0; i < len && ok; i++)
        ok = text[i] > ' ' && text[i] < 0x7f;
    if (!ok)
        problem_set(problem, "an ALPN protocol has 1 to 255 visible ASCII characters "
                             "(such as \"h2\", \"http/1.1\", \"acme-tls/1\")");
    return ok;
}

bool path_check(const char *text, struct problem *problem)
{
    if (*text == '\0')
        problem_set(problem, "a path may not be empty");
    else if (has_control(text))
        problem_set(problem, "a path may hold no control characters");
    else if (strlen(text) > 4095)
        problem_set(problem, "a path has at most 4095 bytes");
    else
        return true;
    return false;
}

/* --- host patterns --- */

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* Whether `text` ends in ":" and digits, as in "shop.example.com:443". */
static bool has_port(const char *text)
{
    const char *colon = strrchr(text, ':');

    return colon != NULL && colon > text && colon[1] &&
           colon[1 + strspn(colon + 1, "0123456789")] == '\0';
}

/* What the operator may have meant; called for texts that are not a legal pattern. */
static void host_explain(const char *text, struct problem *problem)
{
    const char *scheme = strstr(text, "://");
    const char *base = text + (strncmp(text, "**.", 3) == 0  ? 3
                               : strncmp(text, "*.", 2) == 0 ? 2
                                                             : 0);
    size_t undotted = strlen(text) - (*text && text[strlen(text) - 1] == '.');

    if (*text == '\0')
        problem_set(problem, "a host may not be empty (policies.no_sni says what to do with "
                             "clients that name none)");
    else if (strcmp(text, "*") == 0 || strcmp(text, "**") == 0)
        problem_set(problem,
                    "\"%s\" alone is not a host: policies.unknown_sni says what to do "
                    "with all other names",
                    text);
    else if (scheme != NULL)
        problem_set(problem, "\"%.80s\" is a URL: write only the host (\"%.*s\")", text,
                    (int)(strcspn(scheme + 3, "/:") > 80 ? 80 : strcspn(scheme + 3, "/:")),
                    scheme + 3);
    else if (hostname_is_ip(text, undotted))
        problem_set(problem,
                    "\"%.80s\" is an IP address: TLS clients name hosts only "
                    "(RFC 6066 section 3)",
                    text);
    else if (has_port(text))
        problem_set(problem,
                    "\"%.80s\" has a port: write only the host (\"%.*s\"); ports belong "
                    "to listeners and servers",
                    text, (int)(strrchr(text, ':') - text > 80 ? 80 : strrchr(text, ':') - text),
                    text);
    else if (!is_ascii(text))
        problem_set(problem,
                    "\"%.80s\" is not ASCII: write the form that clients send (xn--...), "
                    "as \"idn2\" prints it",
                    text);
    else if (strchr(base, '*') != NULL || *base == '\0')
        problem_set(problem,
                    "\"%.80s\": a wildcard is a whole label at the start: \"*.\" (one "
                    "label) or \"**.\" (one or more)",
                    text);
    else
        problem_set(problem,
                    "\"%.80s\" is not a host name (letters, digits, \"-\", \"_\"; labels "
                    "of 1 to 63, at most %d in all)",
                    text, HOSTNAME_MAX);
}

bool host_parse(const char *text, struct host_pattern *host, struct problem *problem)
{
    size_t stars = strncmp(text, "*.", 2) == 0 ? 2 : strncmp(text, "**.", 3) == 0 ? 3 : 0;
    const char *base = text + stars;
    char name[HOSTNAME_MAX + 1];
    size_t len = hostname_normalise((const uint8_t *)base, strlen(base), name, &host->trailing_dot);

    /* What a wildcard covers has a label and a dot more. */
    bool ok = len > 0 && len <= (stars ? HOSTNAME_MAX - 2 : HOSTNAME_MAX) &&
              (stars || !hostname_is_ip(name, len));
    if (!ok) {
        host_explain(text, problem);
        return false;
    }
    memcpy(host->text, text, stars);
    memcpy(host->text + stars, name, len + 1);
    host->len = stars + len;
    return true;
}
