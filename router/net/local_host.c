#include "router/net/local_host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's own default. */
#define FIRST_PORT 32768u
#define LAST_PORT  60999u

static void read_ports(struct local_host *host)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned first, last;

    host->first_port = FIRST_PORT;
    host->last_port = LAST_PORT;
    if (file == NULL)
        return;
    if (fscanf(file, "%u %u", &first, &last) == 2 && first <= last && last <= UINT16_MAX) {
        host->first_port = (uint16_t)first;
        host->last_port = (uint16_t)last;
    }
    fclose(file);
}

static int compare(const void *one, const void *other)
{
    const struct peer *a = one, *b = other;

    if (a->v6 != b->v6)
        return a->v6 ? 1 : -1;
    return memcmp(a->ip, b->ip, sizeof a->ip);
}

static bool is_ip(const struct ifaddrs *found)
{
    return found->ifa_addr != NULL &&
           (found->ifa_addr->sa_family == AF_INET || found->ifa_addr->sa_family == AF_INET6);
}

/* False: no memory. */
static bool keep_addresses(struct local_host *host, const struct ifaddrs *found)
{
    size_t count = 0;

    for (const struct ifaddrs *at = found; at != NULL; at = at->ifa_next)
        count += is_ip(at);
    if (count == 0)
        return true;
    host->list = calloc(count, sizeof *host->list);
    if (host->list == NULL)
        return false;
    for (const struct ifaddrs *at = found; at != NULL; at = at->ifa_next) {
        if (is_ip(at))
            peer_from_sockaddr(at->ifa_addr, &host->list[host->count++]);
    }
    qsort(host->list, host->count, sizeof *host->list, compare);
    return true;
}

int local_host_read(struct local_host *host)
{
    struct ifaddrs *found;

    *host = (struct local_host){0};
    read_ports(host);
    if (getifaddrs(&found) != 0)
        return errno;
    bool kept = keep_addresses(host, found);
    freeifaddrs(found);
    return kept ? 0 : ENOMEM;
}

void local_host_free(struct local_host *host)
{
    free(host->list);
    *host = (struct local_host){0};
}

bool local_host_has(const struct local_host *host, const struct peer *peer)
{
    return peer->known &&
           (peer_is_local(peer) || (host->count > 0 && bsearch(peer, host->list, host->count,
                                                               sizeof *peer, compare) != NULL));
}

bool local_host_hands_out(const struct local_host *host, uint16_t port)
{
    return port >= host->first_port && port <= host->last_port;
}
