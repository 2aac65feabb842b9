#include "config/host_explain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/text_value.h"

#define ROOM  260
#define BLANK " \t,;|"

#define ALL_OTHERS                                                                                 \
    "for all other names write \"default\": \"BACKEND\" next to \"routes\" in the file"

static bool is_good(const char *text)
{
    struct host_pattern host;
    struct problem problem;

    return host_parse(text, &host, &problem);
}

/* --- several names --- */

/* " a", "a b", "a,b": blanks, and several names in one text. */
static bool explain_words(const char *text, struct problem *problem)
{
    char first[ROOM] = "", second[ROOM] = "";
    size_t count = 0;

    if (strpbrk(text, BLANK) == NULL)
        return false;
    for (const char *at = text + strspn(text, BLANK); *at != '\0'; at += strspn(at, BLANK)) {
        size_t len = strcspn(at, BLANK);
        char *word = count == 0 ? first : second;
        if (len >= ROOM)
            return false;
        if (count < 2)
            snprintf(word, ROOM, "%.*s", (int)len, at);
        if (count < 2 && !is_good(word))
            return false;
        count++;
        at += len;
    }
    if (count == 1)
        problem_set(problem, "\"%.80s\" has a %s: write \"%.80s\"", text,
                    strpbrk(text, ",;|") != NULL ? "separator" : "space", first);
    else if (count > 1 && strpbrk(text, ",;|") == NULL)
        problem_set(problem,
                    "\"%.80s\" has a space (several names are an array: [\"%.60s\", \"%.60s\"%s])",
                    text, first, second, count > 2 ? ", ..." : "");
    else if (count > 1)
        problem_set(problem, "several names are an array: write [\"%.80s\", \"%.80s\"%s]", first,
                    second, count > 2 ? ", ..." : "");
    return count > 0;
}

/* --- expressions --- */

/* The text between the quotes of "HostSNI(`a.test`)"; false: it is no such thing. */
static bool quoted_in_rule(const char *text, char out[ROOM])
{
    const char *open = strchr(text, '(');
    size_t start = open != NULL ? strspn(open + 1, "`'\" ") : 0;
    size_t len = open != NULL ? strcspn(open + 1 + start, "`'\" )") : 0;

    if (open == NULL || strncasecmp(text, "host", 4) != 0 || strchr(text, ')') == NULL ||
        len >= ROOM)
        return false;
    snprintf(out, ROOM, "%.*s", (int)len, open + 1 + start);
    return true;
}

static bool explain_rule(const char *text, struct problem *problem)
{
    char host[ROOM];

    if (quoted_in_rule(text, host)) {
        if (is_good(host) && strchr(text, '&') == NULL && strstr(text, "||") == NULL)
            problem_set(problem, "\"%.80s\" is a rule of Traefik: write \"%.80s\"", text, host);
        else if (strcmp(host, "*") == 0)
            problem_set(problem, "\"%.80s\" is a rule of Traefik: " ALL_OTHERS, text);
        else
            problem_set(problem,
                        "\"%.80s\" is a rule of Traefik: write the name (\"*.example.com\" for one "
                        "more label)",
                        text);
        return true;
    }
    if (text[0] != '~' && strpbrk(text, "^$()[]{}\\+?") == NULL)
        return false;
    if (!variable_explain(text, problem))
        problem_set(
            problem,
            "\"%.80s\" is a regular expression: write names, or \"*.example.com\" (one more "
            "label), \"**.example.com\" (one or more)",
            text);
    return true;
}

/* --- parts that are no host --- */

/* Whether `text` ends in ":" and digits, as in "shop.example.com:443". */
static bool has_port(const char *text)
{
    const char *colon = strrchr(text, ':');

    return colon != NULL && colon > text && colon[1] != '\0' &&
           colon[1 + strspn(colon + 1, "0123456789")] == '\0';
}

/* A URL, a path or a port: the message names the host alone. */
static bool explain_parts(const char *text, struct problem *problem)
{
    const char *scheme = strstr(text, "://");
    const char *start = scheme != NULL ? scheme + 3 : text;
    const char *what = scheme != NULL              ? "is a URL"
                       : strchr(text, '/') != NULL ? "has a path, which TLS hides"
                       : has_port(text) ? "has a port, which belongs to listeners and servers"
                                        : NULL;
    char host[ROOM];

    if (what == NULL || strcspn(start, "/?#:") >= ROOM)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)strcspn(start, "/?#:"), start);
    if (is_good(host))
        problem_set(problem, "\"%.80s\" %s: write only the host (\"%.80s\")", text, what, host);
    else
        problem_set(problem, "\"%.80s\" %s: write only the host", text, what);
    return true;
}

/* --- wildcards --- */

static void explain_wildcard(const char *text, struct problem *problem)
{
    size_t stars = strspn(text, "*");
    char whole[ROOM] = "";

    if (stars > 0 && text[stars] != '\0' && strchr(text + stars, '*') == NULL && strlen(text) < 250)
        snprintf(whole, sizeof whole, "%s.%s", stars > 1 ? "**" : "*",
                 text + stars + (text[stars] == '.'));
    if (is_good(whole))
        problem_set(problem, "\"%.80s\": a wildcard is a whole label at the start: write \"%.80s\"",
                    text, whole);
    else
        problem_set(problem,
                    "\"%.80s\": a wildcard is a whole label at the start: \"*.\" (one label) or "
                    "\"**.\" (one or more)",
                    text);
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* What no other kind of mistake explains. */
static void explain_name(const char *text, struct problem *problem)
{
    if (!is_ascii(text))
        problem_set(problem,
                    "\"%.80s\" is not ASCII: write the form that clients send (xn--...), as "
                    "\"idn2\" prints it",
                    text);
    else if (strstr(text, "..") != NULL)
        problem_set(problem, "\"%.80s\" has two dots in a row", text);
}

void host_explain(const char *text, struct problem *problem)
{
    const char *base = text + (strncmp(text, "**.", 3) == 0  ? 3
                               : strncmp(text, "*.", 2) == 0 ? 2
                                                             : 0);
    size_t undotted = strlen(text) - (*text != '\0' && text[strlen(text) - 1] == '.');

    if (*text == '\0')
        problem_set(problem, "a host may not be empty (policies.no_sni says what to do with "
                             "clients that name none)");
    else if (strcmp(text, "*") == 0 || strcmp(text, "**") == 0)
        problem_set(problem, "\"%s\" alone is not a host: " ALL_OTHERS, text);
    else if (text[0] == '.' && is_good(text + 1))
        problem_set(
            problem,
            "\"%.50s\" is not a host: write \"**%.50s\" for all names below it, and \"%.50s\" "
            "for the name itself",
            text, text, text + 1);
    else if (hostname_is_ip(text, undotted))
        problem_set(problem,
                    "\"%.80s\" is an IP address: TLS clients name hosts only (RFC 6066 section 3); "
                    "policies.no_sni says what to do with clients that name none",
                    text);
    else if (explain_rule(text, problem) || explain_words(text, problem) ||
             explain_parts(text, problem))
        return;
    else if (strchr(base, '*') != NULL || *base == '\0')
        explain_wildcard(text, problem);
    else
        explain_name(text, problem);
}
