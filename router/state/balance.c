#include "router/state/balance.h"

#include <assert.h>
#include <stdlib.h>

/* Workers start at up to so many different places of the cycle. */
#define START_SPREAD 8u

#define BITS 64u

/* --- what was tried --- */

bool tried_has(const struct tried *tried, uint32_t server)
{
    if (tried->is_many)
        return (tried->many[server / BITS] >> server % BITS & 1u) != 0;
    assert(tried->count == 0 || server < TRIED_FEW);
    return tried->count > 0 && (tried->few >> server & 1u) != 0;
}

bool tried_add(struct tried *tried, const struct backend_config *backend, uint32_t server)
{
    assert(server < backend->server_count && !tried_has(tried, server));
    if (backend->server_count > TRIED_FEW && !tried->is_many) {
        assert(tried->count == 0);
        uint64_t *many = calloc((backend->server_count + BITS - 1) / BITS, sizeof *many);
        if (many == NULL)
            return false;
        tried->many = many;
        tried->is_many = true;
    }
    uint64_t *word = tried->is_many ? &tried->many[server / BITS] : &tried->few;
    *word |= (uint64_t)1 << server % BITS;
    tried->count++;
    assert(tried->count <= backend->server_count);
    return true;
}

void tried_clear(struct tried *tried)
{
    if (tried->is_many)
        free(tried->many);
    *tried = (struct tried){0};
}

/* --- picking --- */

static bool is_candidate(struct server *const *servers, const struct backend_config *backend,
                         const struct tried *tried, uint32_t server)
{
    return backend->servers[server].weight > 0 && !tried_has(tried, server) &&
           server_is_usable(servers[server]);
}

/*
 * Picking alone keeps every credit within these bounds. A reload may lower them: credit that was
 * saved up by larger weights, or among more servers, would buy one server a long row of picks.
 */
static int64_t credit_bound(const struct backend_config *backend)
{
    int64_t total = 0;

    for (uint32_t s = 0; s < backend->server_count; s++)
        total += backend->servers[s].weight;
    return total;
}

static int64_t clamp(int64_t value, int64_t bound)
{
    return value < -bound ? -bound : value > bound ? bound : value;
}

/* Smooth weighted round robin, see balance.h. */
static uint32_t pick_round_robin(struct server *const *servers,
                                 const struct backend_config *backend, uint32_t worker,
                                 const struct tried *tried)
{
    int64_t bound = credit_bound(backend);
    int64_t total = 0;
    int64_t *best_credit = NULL;
    uint32_t best = CONFIG_NONE;

    for (uint32_t s = 0; s < backend->server_count; s++) {
        if (!is_candidate(servers, backend, tried, s))
            continue;
        assert(worker < servers[s]->workers);
        int64_t *credit = &servers[s]->seats[worker].credit;
        total += backend->servers[s].weight;
        *credit = clamp(*credit, bound) + backend->servers[s].weight;
        if (best_credit == NULL || *credit > *best_credit) {
            best = s;
            best_credit = credit;
        }
    }
    if (best_credit != NULL)
        *best_credit -= total;
    return best;
}

uint32_t balance_pick(struct server *const *servers, const struct backend_config *backend,
                      uint32_t worker, const struct tried *tried)
{
    switch (backend->balance) {
    case BALANCE_ROUND_ROBIN:
        return pick_round_robin(servers, backend, worker, tried);
    }
    assert(false);
    return CONFIG_NONE;
}

uint32_t balance_left(struct server *const *servers, const struct backend_config *backend,
                      const struct tried *tried)
{
    uint32_t left = 0;

    for (uint32_t s = 0; s < backend->server_count; s++)
        left += is_candidate(servers, backend, tried, s);
    return left;
}

void balance_spread(struct server *const *servers, const struct backend_config *backend,
                    uint32_t workers)
{
    static const struct tried none;

    for (uint32_t worker = 0; worker < workers; worker++) {
        for (uint32_t skip = worker % START_SPREAD; skip > 0; skip--)
            balance_pick(servers, backend, worker, &none);
    }
}
