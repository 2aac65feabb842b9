#include "config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "config/text/host_port.h"
#include "config/text/units.h"
#include "config/text_value.h"

/* --- ports --- */

/* 0 to 65535 without leading zeros; -1 = not a port. */
static long port_number(const char *text)
{
    bool padded = text[0] == '0' && text[1] != '\0';

    return padded ? -1 : units_whole(text, 65535);
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
        problem_set(problem, "\"unix:\" is followed by an absolute path or by @name (such as "
                             "\"unix:/run/app.sock\")");
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

static bool ipv6_parse(const struct host_port *parts, bool listen, struct address_draft *draft,
                       struct problem *problem)
{
    char host[INET6_ADDRSTRLEN];
    int shown = parts->host_len > 80 ? 80 : (int)parts->host_len;

    if (memchr(parts->host, '%', parts->host_len) != NULL) {
        problem_set(problem, "zone ids (%%eth0) cannot be given here: use an address that is "
                             "valid on every interface");
        return false;
    }
    int len = snprintf(host, sizeof host, "%.*s", (int)parts->host_len, parts->host);

    if (len >= (int)sizeof host || inet_pton(AF_INET6, host, draft->address.ip) != 1) {
        problem_set(problem, "\"%.*s\" is not an IPv6 address", shown, parts->host);
        return false;
    }
    if (!port_parse(parts->port, listen, &draft->address.port, problem))
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
        problem_set(problem, "\"%.80s\" is not an IPv4 address (four numbers from 0 to 255)", host);
        return false;
    }
    if (len == 0) {
        problem_set(problem, "\"%.80s\" is neither an IP address nor a host name", host);
        return false;
    }
    if (listen) {
        problem_set(problem,
                    "\"%.80s\" is a name: a listener takes an IP address or unix:/path "
                    "(\"*:%u\" listens on all addresses)",
                    host, draft->address.port);
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
    draft->address.any = true;
    snprintf(draft->text, sizeof draft->text, "[::]:%u", draft->address.port);
    return true;
}

static bool host_port_parse(const struct host_port *parts, bool listen, struct address_draft *draft,
                            struct problem *problem)
{
    char host[HOSTNAME_MAX + 2];
    int len = snprintf(host, sizeof host, "%.*s", (int)parts->host_len, parts->host);

    if (len >= (int)sizeof host) {
        problem_set(problem, "a host name has at most %d characters", HOSTNAME_MAX);
        return false;
    }
    if (!port_parse(parts->port, listen, &draft->address.port, problem))
        return false;
    if (len == 0 || strcmp(host, "*") == 0)
        return any_parse(listen, draft, problem);
    if (inet_pton(AF_INET, host, draft->address.ip) != 1)
        return name_parse(host, listen, draft, problem);
    draft->address.kind = ADDRESS_IPV4;
    snprintf(draft->text, sizeof draft->text, "%s:%u", host, draft->address.port);
    return true;
}

/* What the operator may have meant; called for texts that have no port, or no one port. */
static void say_no_address(const char *text, enum host_port_form form, bool listen,
                           struct problem *problem)
{
    bool digits = text[strspn(text, "0123456789")] == '\0';

    if (strstr(text, "://") != NULL)
        problem_set(problem, "\"%.80s\" is a URL: write host:port or unix:/path", text);
    else if (text[0] == '/' || text[0] == '@')
        problem_set(problem, "a unix socket is written \"unix:%.80s\"", text);
    else if (text[0] == '\0')
        problem_set(problem, "an address may not be empty");
    else if (form == HOST_PORT_NO_COLON && digits && listen)
        problem_set(problem,
                    "\"%.20s\" is a port alone: write \":%.20s\" to listen on all addresses", text,
                    text);
    else if (form == HOST_PORT_NO_COLON && digits)
        problem_set(
            problem,
            "\"%.20s\" is a port alone: a server has a host as well (such as \"10.0.0.5:%.20s\")",
            text, text);
    else if (form == HOST_PORT_NO_COLON)
        problem_set(problem, "\"%.80s\" has no port (such as \"%.80s:443\")", text, text);
    else
        problem_set(problem, "\"%.80s\" is not an address: IPv6 is written [address]:port", text);
}

bool address_parse(const char *text, bool listen, struct address_draft *draft,
                   struct problem *problem)
{
    struct host_port parts;
    enum host_port_form form = host_port_split(text, &parts);
    bool explain = strstr(text, "://") != NULL || text[0] == '/' || text[0] == '@';

    *draft = (struct address_draft){0};
    if (form == HOST_PORT_UNIX)
        return unix_parse(parts.host, draft, problem);
    if (form == HOST_PORT_BRACKETS)
        return ipv6_parse(&parts, listen, draft, problem);
    if (form == HOST_PORT_PLAIN && !explain)
        return host_port_parse(&parts, listen, draft, problem);
    say_no_address(text, form, listen, problem);
    return false;
}
