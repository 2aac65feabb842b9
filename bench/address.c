#include "bench/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool parse_unix(const char *path, struct address *address, const char **why)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof un->sun_path) {
        *why = "a unix socket path has 1 to 107 characters";
        return false;
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len);
    if (path[0] == '@')
        un->sun_path[0] = '\0';
    else
        len++;
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) || strlen(text) > 5)
        return false;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool fill_ip(const char *host, uint16_t port, struct address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;

    if (host[0] == '\0' || strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        address->len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        address->len = sizeof *in6;
        return true;
    }
    return false;
}

/* Splits "[host]:port" or "host:port"; both parts are copied. */
static bool split_host(const char *text, char *host, size_t cap, const char **port)
{
    const char *colon = strrchr(text, ':');
    const char *start = text;

    if (colon == NULL)
        return false;
    const char *end = colon;
    if (text[0] == '[') {
        if (colon == text || colon[-1] != ']')
            return false;
        start++;
        end--;
    } else if (strchr(text, ':') != colon) {
        return false;
    }
    size_t len = (size_t)(end - start);
    if (len >= cap)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

bool address_parse(const char *text, struct address *address, const char **why)
{
    char host[INET6_ADDRSTRLEN + 1];
    const char *port_text;
    uint16_t port;

    memset(address, 0, sizeof *address);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, address, why);
    if (!split_host(text, host, sizeof host, &port_text)) {
        *why = "write it as 127.0.0.1:8443, [::1]:8443 or unix:/path";
        return false;
    }
    if (!parse_port(port_text, &port)) {
        *why = "the port must be a number from 0 to 65535";
        return false;
    }
    if (!fill_ip(host, port, address)) {
        *why = "give an IP address; the name to ask for goes into --sni";
        return false;
    }
    return true;
}

static const char *format_unix(const struct address *address, char out[ADDRESS_TEXT])
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    size_t len = address->len - offsetof(struct sockaddr_un, sun_path);

    if (len > 0 && un->sun_path[0] == '\0')
        snprintf(out, ADDRESS_TEXT, "unix:@%.*s", (int)len - 1, un->sun_path + 1);
    else
        snprintf(out, ADDRESS_TEXT, "unix:%.*s", (int)len, un->sun_path);
    return out;
}

const char *address_format(const struct address *address, char out[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_UNIX:
        return format_unix(address, out);
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT, "%s:%u", host, ntohs(in->sin_port));
        return out;
    default:
        assert(address->storage.ss_family == AF_INET6);
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
        return out;
    }
}

uint16_t address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return 0;
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->storage.ss_family == AF_INET)
        ((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
    if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
}

bool address_is_loopback4(const struct address *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;

    return address->storage.ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}
