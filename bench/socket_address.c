#include "bench/socket_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "config/text/host_port.h"
#include "config/text/units.h"

static bool parse_unix(const char *path, struct socket_address *address, const char **why)
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

static bool fill_ip(const char *host, uint16_t port, struct socket_address *address)
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

bool socket_address_parse(const char *text, struct socket_address *address, const char **why)
{
    char host[INET6_ADDRSTRLEN + 1];
    struct host_port parts;
    enum host_port_form form = host_port_split(text, &parts);
    bool split = form == HOST_PORT_PLAIN || form == HOST_PORT_BRACKETS;

    memset(address, 0, sizeof *address);
    if (form == HOST_PORT_UNIX)
        return parse_unix(parts.host, address, why);
    if (!split || parts.host_len >= sizeof host) {
        *why = "write it as 127.0.0.1:8443, [::1]:8443 or unix:/path";
        return false;
    }
    memcpy(host, parts.host, parts.host_len);
    host[parts.host_len] = '\0';
    long port = units_whole(parts.port, UINT16_MAX);
    if (port < 0) {
        *why = "the port must be a number from 0 to 65535";
        return false;
    }
    if (!fill_ip(host, (uint16_t)port, address)) {
        *why = "give an IP address; the name to ask for goes into --sni";
        return false;
    }
    return true;
}

static const char *format_unix(const struct socket_address *address, char out[SOCKET_ADDRESS_TEXT])
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    size_t len = address->len - offsetof(struct sockaddr_un, sun_path);

    if (len > 0 && un->sun_path[0] == '\0')
        snprintf(out, SOCKET_ADDRESS_TEXT, "unix:@%.*s", (int)len - 1, un->sun_path + 1);
    else
        snprintf(out, SOCKET_ADDRESS_TEXT, "unix:%.*s", (int)len, un->sun_path);
    return out;
}

const char *socket_address_format(const struct socket_address *address,
                                  char out[SOCKET_ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_UNIX:
        return format_unix(address, out);
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, SOCKET_ADDRESS_TEXT, "%s:%u", host, ntohs(in->sin_port));
        return out;
    default:
        assert(address->storage.ss_family == AF_INET6);
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(out, SOCKET_ADDRESS_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
        return out;
    }
}

uint16_t socket_address_port(const struct socket_address *address)
{
    if (address->storage.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return 0;
}

void socket_address_set_port(struct socket_address *address, uint16_t port)
{
    if (address->storage.ss_family == AF_INET)
        ((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
    if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
}

bool socket_address_is_loopback4(const struct socket_address *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;

    return address->storage.ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

bool socket_address_is_loopback(const struct socket_address *address)
{
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&address->storage)->sin6_addr;

    if (address->storage.ss_family != AF_INET6)
        return socket_address_is_loopback4(address);
    return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}
