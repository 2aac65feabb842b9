#include "router/state/balance.h"

#include <assert.h>
#include <stdlib.h>

/* Workers start at up to so many different places of the cycle. */
#define START_SPREAD 8u

struct balance {
    const struct config *config;
    uint32_t *first_credit; /* per backend: index of its first server's credit */
    int64_t *credit;        /* per server */
};

struct balance *balance_new(const struct config *config, uint32_t seed)
{
    size_t servers = 0;
    for (uint32_t b = 0; b < config->backend_count; b++)
        servers += config->backends[b].server_count;

    struct balance *balance = calloc(1, sizeof *balance);
    if (balance == NULL)
        return NULL;
    balance->config = config;
    balance->first_credit = calloc(config->backend_count + 1u, sizeof *balance->first_credit);
    balance->credit = calloc(servers + 1, sizeof *balance->credit);
    if (balance->first_credit == NULL || balance->credit == NULL) {
        balance_free(balance);
        return NULL;
    }
    uint32_t at = 0;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        balance->first_credit[b] = at;
        at += config->backends[b].server_count;
        for (uint32_t skip = seed % START_SPREAD; skip > 0; skip--)
            balance_pick(balance, b);
    }
    return balance;
}

void balance_free(struct balance *balance)
{
    if (balance == NULL)
        return;
    free(balance->first_credit);
    free(balance->credit);
    free(balance);
}

uint32_t balance_pick(struct balance *balance, uint32_t backend)
{
    assert(backend < balance->config->backend_count);
    const struct backend_config *of = &balance->config->backends[backend];
    int64_t *credit = balance->credit + balance->first_credit[backend];
    int64_t total = 0;
    uint32_t best = CONFIG_NONE;

    for (uint32_t s = 0; s < of->server_count; s++) {
        if (of->servers[s].weight == 0)
            continue;
        total += of->servers[s].weight;
        credit[s] += of->servers[s].weight;
        if (best == CONFIG_NONE || credit[s] > credit[best])
            best = s;
    }
    if (best != CONFIG_NONE)
        credit[best] -= total;
    return best;
}

uint32_t balance_next(const struct backend_config *backend, uint32_t first, uint32_t last)
{
    assert(first < backend->server_count && last < backend->server_count);
    for (uint32_t s = (last + 1) % backend->server_count; s != first;
         s = (s + 1) % backend->server_count) {
        if (backend->servers[s].weight > 0)
            return s;
    }
    return CONFIG_NONE;
}
