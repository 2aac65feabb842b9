#include "config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* --- ports --- */

/* 0 to 65535 without leading zeros; -1 = not a port. */
static long port_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] || (text[0] == '0' && digits > 1))
        return -1;
    long port = 0;
    for (; *text; text++)
        port = port * 10 + (*text - '0');
    return port <= 65535 ? port : -1;
}

static bool port_parse(const char *text, bool listen, uint16_t *port, struct problem *problem)
{
    long number = port_number(text);

    if (number < 0) {
        problem_set(problem, "\"%.20s\" is not a port (1 to 65535)", text);
        return false;
    }
    if (number == 0 && !listen) {
        problem_set(problem, "port 0 is for listeners only: a server has a port of its own");
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

/* --- the kinds of address --- */

static bool unix_parse(const char *path, struct address_draft *draft, struct problem *problem)
{
    size_t len = strlen(path);

    if (path[0] != '/' && path[0] != '@') {
        problem_set(problem, "\"unix:\" is followed by an absolute path or by @name");
        return false;
    }
    if (len < 2 || len > ADDRESS_UNIX_MAX) {
        problem_set(problem, "a unix socket's path or @name has 2 to %d bytes, this one has %zu",
                    ADDRESS_UNIX_MAX, len);
        return false;
    }
    if (!path_check(path, problem))
        return false;
    draft->address.kind = ADDRESS_UNIX;
    snprintf(draft->path, sizeof draft->path, "%s", path);
    snprintf(draft->text, sizeof draft->text, "unix:%s", path);
    return true;
}

static bool ipv6_parse(const char *text, bool listen, struct address_draft *draft,
                       struct problem *problem)
{
    const char *end = strchr(text, ']');
    char host[INET6_ADDRSTRLEN];

    if (end == NULL || end[1] != ':') {
        problem_set(problem, "\"%.80s\" is not an address: IPv6 is written [address]:port", text);
        return false;
    }
    if (memchr(text, '%', (size_t)(end - text)) != NULL) {
        problem_set(problem, "zone ids (%%eth0) cannot be given here: use an address that is "
                             "valid on every interface");
        return false;
    }
    int len = snprintf(host, sizeof host, "%.*s", (int)(end - text - 1), text + 1);
    if (len >= (int)sizeof host || inet_pton(AF_INET6, host, draft->address.ip) != 1) {
        problem_set(problem, "\"%.*s\" is not an IPv6 address",
                    (int)(end - text - 1 > 80 ? 80 : end - text - 1), text + 1);
        return false;
    }
    if (!port_parse(end + 2, listen, &draft->address.port, problem))
        return false;
    draft->address.kind = ADDRESS_IPV6;
    inet_ntop(AF_INET6, draft->address.ip, host, sizeof host);
    snprintf(draft->text, sizeof draft->text, "[%s]:%u", host, draft->address.port);
    return true;
}

/* Whether the last label is all digits: resolvers take such a thing for an IPv4 address. */
static bool looks_numeric(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot != NULL ? dot + 1 : name;

    return last[strspn(last, "0123456789")] == '\0';
}

static bool name_parse(const char *host, bool listen, struct address_draft *draft,
                       struct problem *problem)
{
    bool dot;
    char name[HOSTNAME_MAX + 1];
    size_t len = hostname_normalise((const uint8_t *)host, strlen(host), name, &dot);

    if (len > 0 && looks_numeric(name)) {
        problem_set(problem, "\"%.80s\" is not an IPv4 address", host);
        return false;
    }
    if (len == 0) {
        problem_set(problem, "\"%.80s\" is neither an IP address nor a host name", host);
        return false;
    }
    if (listen) {
        problem_set(problem, "a listener takes an IP address or unix:/path, not a name "
                             "(\"*:443\" listens on all addresses)");
        return false;
    }
    draft->address.kind = ADDRESS_NAME;
    snprintf(draft->path, sizeof draft->path, "%s%s", name, dot ? "." : "");
    snprintf(draft->text, sizeof draft->text, "%s:%u", draft->path, draft->address.port);
    return true;
}

static bool any_parse(bool listen, struct address_draft *draft, struct problem *problem)
{
    if (!listen) {
        problem_set(problem, "a server's address needs a host, such as \"10.0.0.5:443\"");
        return false;
    }
    draft->address.kind = ADDRESS_IPV6;
    snprintf(draft->text, sizeof draft->text, "[::]:%u", draft->address.port);
    return true;
}

/* "host:port", split at its only colon. */
static bool host_port_parse(const char *text, const char *colon, bool listen,
                            struct address_draft *draft, struct problem *problem)
{
    char host[HOSTNAME_MAX + 2];
    int len = snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);

    if (len >= (int)sizeof host) {
        problem_set(problem, "a host name has at most %d characters", HOSTNAME_MAX);
        return false;
    }
    if (!port_parse(colon + 1, listen, &draft->address.port, problem))
        return false;
    if (len == 0 || strcmp(host, "*") == 0)
        return any_parse(listen, draft, problem);
    if (inet_pton(AF_INET, host, draft->address.ip) != 1)
        return name_parse(host, listen, draft, problem);
    draft->address.kind = ADDRESS_IPV4;
    snprintf(draft->text, sizeof draft->text, "%s:%u", host, draft->address.port);
    return true;
}

bool address_parse(const char *text, bool listen, struct address_draft *draft,
                   struct problem *problem)
{
    *draft = (struct address_draft){0};
    const char *colon = strchr(text, ':');
    if (strncmp(text, "unix:", 5) == 0)
        return unix_parse(text + 5, draft, problem);
    if (text[0] == '[')
        return ipv6_parse(text, listen, draft, problem);
    if (strstr(text, "://") != NULL)
        problem_set(problem, "\"%.80s\" is a URL: write host:port or unix:/path", text);
    else if (text[0] == '/' || text[0] == '@')
        problem_set(problem, "a unix socket is written \"unix:%.80s\"", text);
    else if (colon == NULL && *text && text[strspn(text, "0123456789")] == '\0')
        problem_set(problem,
                    listen ? "a port alone: write \":%.20s\" to listen on all addresses"
                           : "\"%.20s\" is a port alone: write host:port",
                    text);
    else if (colon == NULL)
        problem_set(problem,
                    *text ? "\"%.80s\" has no port (such as \"%.80s:443\")"
                          : "an address may not be empty%s%s",
                    text, text);
    else if (strchr(colon + 1, ':') != NULL)
        problem_set(problem, "\"%.80s\" is not an address: IPv6 is written [address]:port", text);
    else
        return host_port_parse(text, colon, listen, draft, problem);
    return false;
}

bool address_store(const struct address_draft *draft, struct arena *arena, struct address *address)
{
    *address = draft->address;
    address->text = arena_text(arena, draft->text, strlen(draft->text));
    if (draft->path[0])
        address->path = arena_text(arena, draft->path, strlen(draft->path));
    return address->text != NULL && (address->path != NULL || !draft->path[0]);
}

/* --- networks --- */

/* Clears what is behind the prefix; whether there was anything. */
static bool network_clear(struct network *network)
{
    bool cleared = false;

    for (unsigned bit = network->bits; bit < (network->v6 ? 128u : 32u); bit++) {
        uint8_t mask = (uint8_t)(0x80u >> (bit % 8));
        cleared |= (network->ip[bit / 8] & mask) != 0;
        network->ip[bit / 8] = (uint8_t)(network->ip[bit / 8] & ~mask);
    }
    return cleared;
}

/* ::ffff:a.b.c.d: clients are compared as IPv4. */
static void network_unmap(struct network *network)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    if (!network->v6 || network->bits < 96 || memcmp(network->ip, prefix, sizeof prefix) != 0)
        return;
    memmove(network->ip, network->ip + 12, 4);
    memset(network->ip + 4, 0, 12);
    network->v6 = false;
    network->bits = (uint8_t)(network->bits - 96);
}

bool network_parse(const char *text, struct network *network, bool *cleared,
                   struct problem *problem)
{
    char host[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    int len = snprintf(host, sizeof host, "%.*s",
                       (int)(slash != NULL ? slash - text : INET6_ADDRSTRLEN), text);

    *network = (struct network){.v6 = strchr(host, ':') != NULL};
    if (len >= (int)sizeof host ||
        inet_pton(network->v6 ? AF_INET6 : AF_INET, host, network->ip) != 1) {
        problem_set(problem,
                    "\"%.80s\" is not an address or network (such as \"10.0.0.0/8\", "
                    "\"2001:db8::/32\")",
                    text);
        return false;
    }
    long most = network->v6 ? 128 : 32;
    long bits = slash != NULL ? port_number(slash + 1) : most;
    if (bits < 0 || bits > most) {
        problem_set(problem, "\"%.20s\" is not a prefix length (0 to %ld)", slash + 1, most);
        return false;
    }
    network->bits = (uint8_t)bits;
    *cleared = network_clear(network);
    network_unmap(network);
    return true;
}
