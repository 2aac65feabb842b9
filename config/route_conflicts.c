/*
 * Two routes of one pattern and equally many conditions tie unless something keeps them apart:
 * disjoint `from` networks or disjoint `listener` sets. `alpn` keeps nothing apart, since a client
 * may offer several protocols. Having no such condition is the same as the whole address space, or
 * every listener.
 *
 * Networks either nest or are disjoint, so no pair by pair comparison is needed: every network of
 * every route is a claim; sorted by address and then by size, each claim stands behind those that
 * contain it, and a stack holds just these. What is left to compare is the listeners.
 *
 * A claim that another one covers whole (network and listeners) is not put on the stack: a route
 * that ties with it ties with the covering one too. So a million equal routes keep the stack at
 * one.
 */

#include "config/route_conflicts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/route_match.h"

struct claim {
    uint8_t ip[16]; /* zero behind `bits` */
    bool v6;
    uint8_t bits;
    uint32_t route;
};

struct sweep {
    const struct route *routes;
    struct claim *claims;
    size_t claim_count;
    const struct claim **stack; /* each contains the next */
    size_t depth;
    uint64_t *pairs; /* second << 32 | first */
    size_t pair_count, pair_room;
};

static const struct route_conditions no_conditions;

static const struct route_conditions *conditions_of(const struct sweep *sweep, uint32_t route)
{
    const struct route_conditions *when = sweep->routes[route].when;

    return when != NULL ? when : &no_conditions;
}

static bool has_listener(const struct route_conditions *when, uint32_t listener)
{
    for (uint32_t i = 0; i < when->listener_count; i++) {
        if (when->listeners[i] == listener)
            return true;
    }
    return false;
}

static uint32_t count_shared_listeners(const struct route_conditions *a,
                                       const struct route_conditions *b)
{
    uint32_t shared = 0;

    for (uint32_t i = 0; i < a->listener_count; i++)
        shared += has_listener(b, a->listeners[i]);
    return shared;
}

static bool listeners_overlap(const struct route_conditions *a, const struct route_conditions *b)
{
    return a->listener_count == 0 || b->listener_count == 0 || count_shared_listeners(a, b) > 0;
}

/* Whether every listener of `inner` is one of `outer`. */
static bool listeners_cover(const struct route_conditions *outer,
                            const struct route_conditions *inner)
{
    if (outer->listener_count == 0)
        return true;
    return inner->listener_count > 0 &&
           count_shared_listeners(inner, outer) == inner->listener_count;
}

static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left;
    const struct claim *b = right;

    if (a->v6 != b->v6)
        return a->v6 ? 1 : -1;
    int order = memcmp(a->ip, b->ip, sizeof a->ip);
    if (order != 0)
        return order;
    if (a->bits != b->bits)
        return a->bits < b->bits ? -1 : 1;
    return (a->route > b->route) - (a->route < b->route);
}

static int compare_pairs(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return (*a > *b) - (*a < *b);
}

static bool claim_contains(const struct claim *outer, const struct claim *inner)
{
    return outer->v6 == inner->v6 && outer->bits <= inner->bits &&
           route_prefix_equal(outer->ip, inner->ip, outer->bits);
}

static struct claim claim_of(const struct network *network, uint32_t route)
{
    struct claim claim = {.v6 = network->v6, .bits = network->bits, .route = route};
    unsigned whole = network->bits / 8u;

    memcpy(claim.ip, network->ip, whole);
    if (network->bits % 8 != 0)
        claim.ip[whole] = (uint8_t)(network->ip[whole] & 0xff00u >> network->bits % 8);
    return claim;
}

static void sweep_claim(struct sweep *sweep, uint32_t route)
{
    static const struct network everything[] = {{.v6 = false}, {.v6 = true}};
    const struct route_conditions *when = conditions_of(sweep, route);
    const struct network *from = when->from_count > 0 ? when->from : everything;
    size_t count = when->from_count > 0 ? when->from_count : 2;

    for (size_t i = 0; i < count; i++)
        sweep->claims[sweep->claim_count++] = claim_of(&from[i], route);
}

static bool sweep_init(struct sweep *sweep, const struct route *routes, const uint32_t *group,
                       size_t count)
{
    *sweep = (struct sweep){.routes = routes};
    size_t claims = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t networks = conditions_of(sweep, group[i])->from_count;
        claims += networks > 0 ? networks : 2;
    }
    sweep->claims = malloc(claims * sizeof *sweep->claims);
    sweep->stack = malloc(claims * sizeof *sweep->stack);
    if (sweep->claims == NULL || sweep->stack == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        sweep_claim(sweep, group[i]);
    qsort(sweep->claims, sweep->claim_count, sizeof *sweep->claims, compare_claims);
    return true;
}

static bool sweep_add_pair(struct sweep *sweep, uint32_t a, uint32_t b)
{
    if (sweep->pair_count == sweep->pair_room) {
        size_t room = sweep->pair_room > 0 ? sweep->pair_room * 2 : 16;
        uint64_t *pairs = realloc(sweep->pairs, room * sizeof *pairs);
        if (pairs == NULL)
            return false;
        sweep->pairs = pairs;
        sweep->pair_room = room;
    }
    assert(a != b);
    uint64_t first = a < b ? a : b;
    uint64_t second = a < b ? b : a;
    sweep->pairs[sweep->pair_count++] = second << 32 | first;
    return true;
}

/* Compares the claim with the claims that contain it. False: no memory. */
static bool sweep_step(struct sweep *sweep, const struct claim *claim)
{
    while (sweep->depth > 0 && !claim_contains(sweep->stack[sweep->depth - 1], claim))
        sweep->depth--;
    const struct route_conditions *when = conditions_of(sweep, claim->route);
    for (size_t i = 0; i < sweep->depth; i++) {
        uint32_t other = sweep->stack[i]->route;
        if (other == claim->route)
            return true;
        const struct route_conditions *other_when = conditions_of(sweep, other);
        if (!listeners_overlap(other_when, when))
            continue;
        if (!sweep_add_pair(sweep, other, claim->route))
            return false;
        if (listeners_cover(other_when, when))
            return true;
    }
    assert(sweep->depth < sweep->claim_count);
    sweep->stack[sweep->depth++] = claim;
    return true;
}

static bool sweep_run(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->claim_count; i++) {
        if (!sweep_step(sweep, &sweep->claims[i]))
            return false;
    }
    return true;
}

/* Calls `on_pair` for each pair once; returns their number. */
static long sweep_report(struct sweep *sweep,
                         void (*on_pair)(void *context, uint32_t first, uint32_t second),
                         void *context)
{
    long told = 0;

    if (sweep->pair_count > 0)
        qsort(sweep->pairs, sweep->pair_count, sizeof *sweep->pairs, compare_pairs);
    for (size_t i = 0; i < sweep->pair_count; i++) {
        if (i > 0 && sweep->pairs[i] == sweep->pairs[i - 1])
            continue;
        on_pair(context, (uint32_t)sweep->pairs[i], (uint32_t)(sweep->pairs[i] >> 32));
        told++;
    }
    return told;
}

long route_conflicts_find(const struct route *routes, const uint32_t *group, size_t count,
                          void (*on_pair)(void *context, uint32_t first, uint32_t second),
                          void *context)
{
    struct sweep sweep;
    long told = -1;

    if (sweep_init(&sweep, routes, group, count) && sweep_run(&sweep))
        told = sweep_report(&sweep, on_pair, context);
    free(sweep.claims);
    free(sweep.stack);
    free(sweep.pairs);
    return told;
}
