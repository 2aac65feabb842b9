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
    if (!ok)
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

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
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
    char name[HOSTNAME_MAX + 1];
    bool dot;
    const char *scheme = strstr(text, "://");
    const char *base = text + (strncmp(text, "**.", 3) == 0  ? 3
                               : strncmp(text, "*.", 2) == 0 ? 2
                                                             : 0);
    size_t undotted = strlen(text) - (*text && text[strlen(text) - 1] == '.');

    if (*text == '\0')
        problem_set(problem, "a host may not be empty (policies.no_sni says what to do with "
                             "clients that name none)");
    else if (strcmp(text, "*") == 0 || strcmp(text, "**") == 0)
        problem_set(
            problem,
            "\"%s\" alone is not a host: for all other names write \"default\": \"BACKEND\" next "
            "to \"routes\"",
            text);
    else if (text[0] == '.' &&
             hostname_normalise((const uint8_t *)text + 1, strlen(text) - 1, name, &dot) > 0)
        problem_set(problem,
                    "\"%.50s\" is not a host: write \"**%.50s\" for all names below it, and "
                    "\"%.50s\" for the name itself",
                    text, text, text + 1);
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

    /* A name that a wildcard matches is longer by a label and a dot, and has to be legal, too. */
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
