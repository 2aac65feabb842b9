#include "router/net/sockaddr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* --- targets --- */

static void target_from_path(const char *path, struct target *target)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&target->address;
    size_t len = strlen(path);

    assert(len > 0 && len < sizeof un->sun_path);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    target->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') { /* the abstract name space: a NUL in front, none behind */
        un->sun_path[0] = '\0';
        target->len--;
    }
}

bool target_from_address(const struct address *address, struct target *target)
{
    memset(target, 0, sizeof *target);
    switch (address->kind) {
    case ADDRESS_IPV4: {
        struct sockaddr_in *in = (struct sockaddr_in *)&target->address;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        memcpy(&in->sin_addr, address->ip, 4);
        target->len = sizeof *in;
        return true;
    }
    case ADDRESS_IPV6: {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&target->address;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(address->port);
        memcpy(&in6->sin6_addr, address->ip, 16);
        target->len = sizeof *in6;
        return true;
    }
    case ADDRESS_UNIX:
        target_from_path(address->path, target);
        return true;
    case ADDRESS_NAME:
        break;
    }
    return false;
}

void target_set_port(struct target *target, uint16_t port)
{
    assert(target->address.ss_family == AF_INET || target->address.ss_family == AF_INET6);
    if (target->address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&target->address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&target->address)->sin_port = htons(port);
}

/* --- overlaps --- */

/* The clients that a bound socket is there for. */
struct reach {
    bool v4, v6;         /* families */
    bool every;          /* address of these families */
    const uint8_t *addr; /* else: this one, of 4 or 16 bytes */
    uint16_t port;
};

static struct reach reach_of(const struct target *target, bool v6only)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&target->address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&target->address;

    if (target->address.ss_family == AF_INET)
        return (struct reach){.v4 = true,
                              .every = in->sin_addr.s_addr == htonl(INADDR_ANY),
                              .addr = (const uint8_t *)&in->sin_addr,
                              .port = in->sin_port};
    if (target->address.ss_family != AF_INET6)
        return (struct reach){.port = 0};
    bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    bool every = IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
    return (struct reach){.v4 = mapped || (every && !v6only),
                          .v6 = !mapped,
                          .every = every,
                          .addr = in6->sin6_addr.s6_addr + (mapped ? 12 : 0),
                          .port = in6->sin6_port};
}

bool target_overlaps(const struct target *a, bool a_v6only, const struct target *b, bool b_v6only)
{
    struct reach one = reach_of(a, a_v6only), other = reach_of(b, b_v6only);

    if (one.port == 0 || one.port != other.port)
        return false;
    if (!(one.v4 && other.v4) && !(one.v6 && other.v6))
        return false;
    return one.every || other.every || memcmp(one.addr, other.addr, one.v6 ? 16 : 4) == 0;
}

/* --- peers --- */

void peer_from_sockaddr(const struct sockaddr *address, struct peer *peer)
{
    memset(peer, 0, sizeof *peer);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        memcpy(peer->ip, &in->sin_addr, 4);
        peer->port = ntohs(in->sin_port);
        peer->known = true;
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        peer->v6 = !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        if (peer->v6)
            memcpy(peer->ip, &in6->sin6_addr, 16);
        else
            memcpy(peer->ip, in6->sin6_addr.s6_addr + 12, 4);
        peer->port = ntohs(in6->sin6_port);
        peer->known = true;
    }
}

static const uint8_t loopback6[16] = {[15] = 1};

void peer_from_target(const struct target *target, struct peer *peer)
{
    peer_from_sockaddr((const struct sockaddr *)&target->address, peer);
    if (!peer_is_any(peer))
        return;
    if (peer->v6) {
        memcpy(peer->ip, loopback6, 16);
    } else {
        peer->ip[0] = IN_LOOPBACKNET;
        peer->ip[3] = 1;
    }
}

bool peer_same_ip(const struct peer *a, const struct peer *b)
{
    return a->known && b->known && a->v6 == b->v6 && memcmp(a->ip, b->ip, 16) == 0;
}

bool peer_equal(const struct peer *a, const struct peer *b)
{
    return peer_same_ip(a, b) && a->port == b->port;
}

bool peer_is_any(const struct peer *peer)
{
    static const uint8_t any[16];

    return peer->known && memcmp(peer->ip, any, 16) == 0;
}

bool peer_is_local(const struct peer *peer)
{
    return peer->known &&
           (peer->v6 ? memcmp(peer->ip, loopback6, 16) == 0 : peer->ip[0] == IN_LOOPBACKNET);
}

size_t peer_print(const struct peer *peer, char text[PEER_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN];
    int len;

    if (!peer->known) {
        len = snprintf(text, PEER_TEXT_MAX, "unix");
    } else {
        const char *done = inet_ntop(peer->v6 ? AF_INET6 : AF_INET, peer->ip, ip, sizeof ip);
        assert(done != NULL);
        len = snprintf(text, PEER_TEXT_MAX, peer->v6 ? "[%s]:%u" : "%s:%u", ip, peer->port);
    }
    assert(len > 0 && len < PEER_TEXT_MAX);
    return (size_t)len;
}
