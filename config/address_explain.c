/*
 * Each kind of mistake has a function that makes the text as it was probably meant. Only what
 * really is an address is proposed.
 */
#include "config/address_explain.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/address.h"
#include "config/text/host_port.h"
#include "config/text_value.h"

#define ROOM  200
#define BLANK " \t,;"

static bool is_good(const char *text, bool listen)
{
    struct address_draft draft;
    struct problem problem;

    return address_parse(text, listen, &draft, &problem);
}

static bool is_digits(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The port that programs take when a URL or a service names none. */
static const char *port_of_service(const char *name, size_t len)
{
    static const char *const services[][2] = {
        {"https", "443"}, {"http", "80"},   {"tls", "443"},   {"ssl", "443"},     {"wss", "443"},
        {"imaps", "993"}, {"smtps", "465"}, {"ldaps", "636"}, {"domain-s", "853"}};

    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (strlen(services[i][0]) == len && strncasecmp(services[i][0], name, len) == 0)
            return services[i][1];
    }
    return NULL;
}

/* The host, or host and port, as an address; false: it is none. */
static bool with_port(const char *host, size_t len, const char *port, bool listen, char out[ROOM])
{
    char plain[ROOM], lone[INET6_ADDRSTRLEN];
    struct in6_addr ip;

    snprintf(plain, sizeof plain, "%.*s", len > ROOM / 2 ? ROOM / 2 : (int)len, host);
    snprintf(lone, sizeof lone, "%.45s", plain);
    if (is_good(plain, listen))
        snprintf(out, ROOM, "%s", plain);
    else if (is_digits(plain))
        snprintf(out, ROOM, "%s:%.20s", listen ? "" : "10.0.0.5", plain);
    else if (inet_pton(AF_INET6, lone, &ip) == 1)
        snprintf(out, ROOM, "[%s]:%s", lone, port);
    else
        snprintf(out, ROOM, "%.120s:%s", plain, port);
    return is_good(out, listen);
}

/* --- several words --- */

struct words {
    size_t count, good; /* how many there are, and how many of them are addresses */
    char first[ROOM / 2], second[ROOM / 2];
    char address[ROOM / 2]; /* the first one that is an address, or else the first one */
};

static void read_words(const char *text, bool listen, struct words *words)
{
    *words = (struct words){0};
    for (text += strspn(text, BLANK); *text != '\0'; text += strspn(text, BLANK)) {
        char word[ROOM / 2];
        size_t len = strcspn(text, BLANK);
        snprintf(word, sizeof word, "%.*s", len > 99 ? 99 : (int)len, text);
        bool good = is_good(word, listen);
        if (words->count == 0 || (good && words->good == 0))
            snprintf(words->address, sizeof words->address, "%s", word);
        words->good += good;
        if (words->count++ == 0)
            snprintf(words->first, sizeof words->first, "%s", word);
        else if (words->count == 2)
            snprintf(words->second, sizeof words->second, "%s", word);
        text += len;
    }
}

/* "10.0.0.5:443 weight=2", "s1 10.0.0.5:443 check": options that are keys here, or none. */
static void say_further_words(const char *text, const struct words *words, bool listen,
                              const char *address, struct problem *problem)
{
    const char *weight = listen ? NULL : strstr(text, "weight");
    const char *number = weight != NULL ? weight + strcspn(weight, "0123456789") : "";
    int digits = (int)strspn(number, "0123456789");

    if (digits > 0 && digits < 5)
        problem_set(problem,
                    "\"%.60s\" has more than an address: write { \"address\": \"%.60s\", "
                    "\"weight\": %.*s }",
                    text, address, digits, number);
    else
        problem_set(problem, "\"%.80s\" has %s: write \"%.100s\"", text,
                    words->count > 1 ? "more than an address" : "a space", address);
}

static bool explain_words(const char *text, bool listen, struct problem *problem)
{
    struct words words;
    char out[ROOM];

    if (strpbrk(text, BLANK) == NULL)
        return false;
    read_words(text, listen, &words);
    if (words.count < 1)
        return false;
    if (words.count > 1 && words.good == words.count && !listen)
        problem_set(problem, "several servers are an array: write [\"%.80s\", \"%.80s\"%s]",
                    words.first, words.second, words.count > 2 ? ", ..." : "");
    else if (words.count > 1 && words.good == words.count)
        problem_set(problem,
                    "\"%.80s\": each address takes a listener of its own: write \"listeners\": "
                    "[\"%.40s\", \"%.40s\"%s]",
                    text, words.first, words.second, words.count > 2 ? ", ..." : "");
    else if (words.count == 2 && is_digits(words.second) && strchr(words.first, ':') == NULL &&
             with_port(words.first, strlen(words.first), words.second, listen, out))
        problem_set(problem, "\"%.80s\" has a space: write \"%.100s\"", text, out);
    else if ((words.count == 1 || words.good > 0 || is_digits(words.first)) &&
             with_port(words.address, strlen(words.address), "443", listen, out))
        say_further_words(text, &words, listen, out, problem);
    else
        problem_set(problem, "\"%.80s\" has a space, which no address has", text);
    return true;
}

/* --- URLs, networks --- */

static bool explain_url(const char *text, bool listen, struct problem *problem)
{
    const char *scheme = strstr(text, "://");
    char out[ROOM];

    if (scheme == NULL)
        return false;
    const char *host = scheme + 3;
    const char *port = port_of_service(text, (size_t)(scheme - text));
    if (with_port(host, strcspn(host, "/?#"), port != NULL ? port : "443", listen, out))
        problem_set(problem, "\"%.80s\" is a URL: write \"%.100s\"", text, out);
    else
        problem_set(problem, "\"%.80s\" is a URL: write host:port or unix:/path", text);
    return true;
}

static bool explain_slash(const char *text, bool listen, struct problem *problem)
{
    const char *slash = strchr(text, '/');
    char out[ROOM];

    if (slash == NULL || slash == text || text[0] == '@')
        return false;
    bool udp = strncasecmp(text, "udp/", 4) == 0 || strcasecmp(slash, "/udp") == 0;
    bool behind = strcasecmp(slash, "/tcp") == 0 || strcasecmp(slash, "/tls") == 0;
    bool tcp = strncasecmp(text, "tcp/", 4) == 0 || strncasecmp(text, "tcp4/", 5) == 0 ||
               strncasecmp(text, "tcp6/", 5) == 0;
    bool network = !tcp && isdigit((unsigned char)slash[1]) && strchr(text, '.') != NULL;
    size_t before = tcp ? strlen(slash + 1) : (size_t)(slash - text);
    bool known = with_port(tcp ? slash + 1 : text, before, "443", listen, out);
    if (udp)
        problem_set(problem, "\"%.80s\": this version carries TCP only", text);
    else if (network)
        problem_set(problem, "\"%.80s\" is a network: write one address and a port", text);
    else if (known)
        problem_set(problem, "\"%.80s\" has a %s: write \"%.100s\"", text,
                    tcp || behind ? "protocol" : "path", out);
    return udp || network || known;
}

/* --- ports --- */

static bool explain_port(const char *text, bool listen, struct problem *problem)
{
    struct host_port parts;
    char out[ROOM];
    enum host_port_form form = host_port_split(text, &parts);

    if (form != HOST_PORT_PLAIN && form != HOST_PORT_BRACKETS)
        return false;
    const char *number = port_of_service(parts.port, strlen(parts.port));
    size_t before = (size_t)(parts.port - text);
    size_t digits = strspn(parts.port, "0123456789");
    bool range = digits > 0 && parts.port[digits] == '-';
    if (number != NULL && before < ROOM / 2) {
        snprintf(out, sizeof out, "%.*s%s", (int)before, text, number);
        if (is_good(out, listen))
            problem_set(problem, "\"%.80s\" names a service: write the port, \"%.100s\"", text,
                        out);
        return is_good(out, listen);
    }
    if (range)
        problem_set(problem, "\"%.80s\" has a range of ports: each port takes %s of its own", text,
                    listen ? "a listener" : "a server");
    else if (*parts.port == '\0' && before > 1)
        problem_set(problem, "\"%.80s\" has no port (such as \"%.80s443\")", text, text);
    else
        return false;
    return true;
}

/* ":::443" is how netstat writes "[::]:443". */
static bool explain_triple(const char *text, bool listen, struct problem *problem)
{
    if (!listen || strncmp(text, ":::", 3) != 0 || !is_digits(text + 3))
        return false;
    problem_set(problem, "\"%.80s\": IPv6 is written [address]:port: write \"[::]:%.20s\"", text,
                text + 3);
    return true;
}

/* "8443:443", ":443:443", "0.0.0.0:8443:443": as Docker publishes ports. */
static bool explain_two_ports(const char *text, bool listen, struct problem *problem)
{
    const char *last = strrchr(text, ':');
    size_t before = last != NULL ? (size_t)(last - text) : 0, start = before;
    char out[ROOM];

    while (start > 0 && isdigit((unsigned char)text[start - 1]))
        start--;
    bool host = start > 1;
    if (!listen || start == before || !is_digits(last + 1) || before >= ROOM / 2 ||
        (start > 0 && text[start - 1] != ':') || memchr(text, ':', host ? start - 1 : 0) != NULL)
        return false;
    snprintf(out, sizeof out, "%.*s:%.*s", host ? (int)start - 1 : 0, text, (int)(before - start),
             text + start);
    if (is_good(out, listen))
        problem_set(problem, "\"%.80s\" has two ports: write one (such as \"%.100s\")", text, out);
    return is_good(out, listen);
}

/* The last group of "::1:443" is a port, or else there is none. */
static bool explain_ipv6(const char *text, bool listen, struct problem *problem)
{
    static const char *const ports[] = {"443", "8443", "80", "8080", "9443"};
    const char *colon = strrchr(text, ':');
    size_t host_len = strlen(text);
    const char *port = "443";
    char out[ROOM], host[ROOM];
    struct in6_addr ip;

    if (text[0] == '[' || strlen(text) >= INET6_ADDRSTRLEN || inet_pton(AF_INET6, text, &ip) != 1)
        return false;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
        if (strcmp(colon + 1, ports[i]) != 0 || inet_pton(AF_INET6, host, &ip) != 1)
            continue;
        host_len = (size_t)(colon - text);
        port = ports[i];
    }
    snprintf(out, sizeof out, "[%.*s]:%s", (int)host_len, text, port);
    if (!is_good(out, listen))
        return false;
    problem_set(problem, "\"%.80s\": IPv6 is written [address]:port: write \"%.100s\"", text, out);
    return true;
}

static bool explain_lacking(const char *text, bool listen, struct problem *problem)
{
    size_t len = strlen(text);
    char out[ROOM];

    if (strcasecmp(text, "localhost") == 0 || strncasecmp(text, "localhost:", 10) == 0) {
        if (!listen)
            return false;
        snprintf(out, sizeof out, "%.20s", text[9] == ':' && text[10] != '\0' ? text + 9 : ":443");
        problem_set(problem, "\"%.80s\" is a name: write \"127.0.0.1%s\" or \"[::1]%s\"", text, out,
                    out);
        return true;
    }
    if (listen && strcmp(text, "*") == 0) {
        problem_set(problem, "\"*\" has no port (such as \"*:443\")");
        return true;
    }
    if (text[0] != '[' || text[len - 1] != ']')
        return false;
    snprintf(out, sizeof out, "%.100s:443", text);
    if (!is_good(out, listen))
        return false;
    problem_set(problem, "\"%.80s\" has no port (such as \"%.100s\")", text, out);
    return true;
}

bool address_explain(const char *text, bool listen, struct problem *problem)
{
    if (strncmp(text, "unix:", 5) == 0 || *text == '\0')
        return false;
    return variable_explain(text, problem) || explain_words(text, listen, problem) ||
           explain_url(text, listen, problem) || explain_slash(text, listen, problem) ||
           explain_port(text, listen, problem) || explain_triple(text, listen, problem) ||
           explain_two_ports(text, listen, problem) || explain_ipv6(text, listen, problem) ||
           explain_lacking(text, listen, problem);
}
