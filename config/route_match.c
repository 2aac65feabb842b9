#include "config/route_match.h"

#include <assert.h>
#include <string.h>

#include "sni/hello.h"

unsigned route_condition_count(const struct route *route)
{
    const struct route_conditions *when = route->when;

    if (when == NULL)
        return 0;
    unsigned count = when->alpn_count > 0;
    count += when->from_count > 0;
    count += when->listener_count > 0;
    return count;
}

bool route_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;

    assert(bits <= 128);
    if (memcmp(a, b, whole) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool match_alpn(const struct route_conditions *when, const struct client_hello *hello)
{
    if (hello == NULL)
        return false;
    for (uint32_t i = 0; i < when->alpn_count; i++) {
        if (hello_offers_alpn(hello, when->alpn[i], strlen(when->alpn[i])))
            return true;
    }
    return false;
}

static bool match_from(const struct route_conditions *when, const uint8_t *ip, bool v6)
{
    if (ip == NULL)
        return false;
    for (uint32_t i = 0; i < when->from_count; i++) {
        const struct network *network = &when->from[i];
        if (network->v6 == v6 && route_prefix_equal(network->ip, ip, network->bits))
            return true;
    }
    return false;
}

static bool match_listener(const struct route_conditions *when, uint32_t listener)
{
    for (uint32_t i = 0; i < when->listener_count; i++) {
        if (when->listeners[i] == listener)
            return true;
    }
    return false;
}

enum route_verdict route_judge(const struct route *route, const struct route_query *query)
{
    const struct route_conditions *when = route->when;

    if (when == NULL)
        return ROUTE_WON;
    if (when->alpn_count > 0 && !match_alpn(when, query->hello))
        return ROUTE_FAILED_ALPN;
    if (when->from_count > 0 && !match_from(when, query->client_ip, query->client_v6))
        return ROUTE_FAILED_FROM;
    if (when->listener_count > 0 && !match_listener(when, query->listener))
        return ROUTE_FAILED_LISTENER;
    return ROUTE_WON;
}
