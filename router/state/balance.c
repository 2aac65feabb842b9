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

/* Credit is weight in parts, so that a gain after a failure can be a fraction of it. */
#define CREDIT_SHIFT 16

static bool may_be_chosen(struct server *const *servers, const struct backend_config *backend,
                          const bool *hopeless, uint32_t server)
{
    return backend->servers[server].weight > 0 && server_is_usable(servers[server]) &&
           (hopeless == NULL || !hopeless[server]);
}

static bool is_candidate(struct server *const *servers, const struct backend_config *backend,
                         const bool *hopeless, const struct tried *tried, uint32_t server)
{
    return may_be_chosen(servers, backend, hopeless, server) && !tried_has(tried, server);
}

/* Sums of weights. */
struct weights {
    int64_t all;        /* of all servers */
    int64_t usable;     /* of those that may be chosen, tried or not */
    int64_t candidates; /* of those that were not tried */
};

static struct weights sum_weights(struct server *const *servers,
                                  const struct backend_config *backend, const bool *hopeless,
                                  const struct tried *tried)
{
    struct weights sums = {0};

    for (uint32_t s = 0; s < backend->server_count; s++) {
        int64_t weight = backend->servers[s].weight;
        sums.all += weight;
        if (!may_be_chosen(servers, backend, hopeless, s))
            continue;
        sums.usable += weight;
        if (!tried_has(tried, s))
            sums.candidates += weight;
    }
    return sums;
}

static int64_t clamp(int64_t value, int64_t bound)
{
    return value < -bound ? -bound : value > bound ? bound : value;
}

/*
 * Smooth weighted round robin, see balance.h. What has been picked costs the same, be it at first
 * or after a failure: only so the shares of a server that has failed add up to the others' weights.
 * So those that are left gain the whole.
 *
 * Picking alone keeps every credit within the sum of all weights. A reload may lower that: credit
 * that was saved up by larger weights, or among more servers, would buy one server a long row of
 * picks.
 */
static uint32_t pick_round_robin(struct server *const *servers,
                                 const struct backend_config *backend, const bool *hopeless,
                                 uint32_t worker, const struct tried *tried)
{
    struct weights sums = sum_weights(servers, backend, hopeless, tried);
    int64_t *best_credit = NULL;
    int64_t total = 0;
    uint32_t best = CONFIG_NONE;

    for (uint32_t s = 0; s < backend->server_count; s++) {
        if (!is_candidate(servers, backend, hopeless, tried, s))
            continue;
        assert(worker < servers[s]->workers);
        int64_t *credit = &servers[s]->seats[worker].credit;
        int64_t gain = (int64_t)backend->servers[s].weight << CREDIT_SHIFT;
        if (sums.usable != sums.candidates)
            gain = gain * sums.usable / sums.candidates;
        total += gain;
        *credit = clamp(*credit, sums.all << CREDIT_SHIFT) + gain;
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
                      const bool *hopeless, uint32_t worker, const struct tried *tried)
{
    switch (backend->balance) {
    case BALANCE_ROUND_ROBIN:
        return pick_round_robin(servers, backend, hopeless, worker, tried);
    }
    assert(false);
    return CONFIG_NONE;
}

uint32_t balance_left(struct server *const *servers, const struct backend_config *backend,
                      const bool *hopeless, const struct tried *tried)
{
    uint32_t left = 0;

    for (uint32_t s = 0; s < backend->server_count; s++)
        left += is_candidate(servers, backend, hopeless, tried, s);
    return left;
}

void balance_spread(struct server *const *servers, const struct backend_config *backend,
                    uint32_t workers)
{
    static const struct tried none;

    for (uint32_t worker = 0; worker < workers; worker++) {
        for (uint32_t skip = worker % START_SPREAD; skip > 0; skip--)
            balance_pick(servers, backend, NULL, worker, &none);
    }
}
