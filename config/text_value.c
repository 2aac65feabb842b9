#include "config/text_value.h"

#include <string.h>

#include "config/text/utf8.h"

/* --- permissions --- */

bool mode_parse(const char *text, uint32_t *mode, struct problem *problem)
{
    size_t digits = strspn(text, "01234567");
    bool ok = text[digits] == '\0' && (digits == 3 || (digits == 4 && text[0] == '0'));

    *mode = 0;
    for (const char *at = text; ok && *at; at++)
        *mode = *mode * 8 + (uint32_t)(*at - '0');
    if (!ok && (strcmp(text, "tcp") == 0 || strcmp(text, "http") == 0))
        problem_set(problem, "\"mode\" is the permissions of a unix socket: leave it out (TLS is "
                             "always passed on as it is)");
    else if (!ok)
        problem_set(problem, "\"%.40s\" is not a set of permissions (such as \"0660\")", text);
    return ok;
}

/* --- names --- */

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if (utf8_is_control(text, 1))
            return true;
    }
    return false;
}

bool name_check(const char *text, struct problem *problem)
{
    if (*text == '\0')
        problem_set(problem, "a name may not be empty");
    else if (has_control(text))
        problem_set(problem, "a name may hold no control characters");
    else if (utf8_count(text, strlen(text)) > 255)
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

bool clear_path_check(const char *text, struct problem *problem)
{
    bool clear = strcmp(text, "-") == 0 || strcmp(text, "off") == 0 || strchr(text, '/') != NULL;

    if (!path_check(text, problem))
        return false;
    if (!clear)
        problem_set(problem,
                    "expected a path with a \"/\", or \"-\" for standard output, or \"off\", not "
                    "\"%.40s\" (a file in the working directory: \"./%.40s\")",
                    text, text);
    return clear;
}

/* --- host patterns --- */

bool host_parse(const char *text, struct host_pattern *host, struct problem *problem)
{
    size_t stars = strncmp(text, "*.", 2) == 0 ? 2 : strncmp(text, "**.", 3) == 0 ? 3 : 0;
    const char *base = text + stars;
    char name[HOSTNAME_MAX + 1];
    size_t len = hostname_normalise((const uint8_t *)base, strlen(base), name, &host->trailing_dot);

    /* A name that a wildcard matches is longer by a label and a dot, and has to be legal, too. */
    bool ok = len > 0 && len <= (stars ? HOSTNAME_MAX - 2 : HOSTNAME_MAX) &&
              (stars || !hostname_is_ip(name, len));

    if (!ok) {
        problem_set(problem,
                    "\"%.80s\" is not a host name (letters, digits, \"-\", \"_\"; labels of 1 to "
                    "63, at most %d in all)",
                    text, HOSTNAME_MAX);
        return false;
    }
    memcpy(host->text, text, stars);
    memcpy(host->text + stars, name, len + 1);
    host->len = stars + len;
    return true;
}

/* --- variables --- */

bool variable_explain(const char *text, struct problem *problem)
{
    static const char *const marks[] = {"${", "$(", "{{", "{%", "{$", "{env.", "<%", "%("};
    bool found = text[0] == '$' && text[1] != '\0';

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        found |= strstr(text, marks[i]) != NULL;
    if (found)
        problem_set(problem, "\"%.80s\" has a variable, which is not filled in: write its value",
                    text);
    return found;
}
