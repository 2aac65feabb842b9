#include "router/state/config_use.h"

#include <assert.h>
#include <stdlib.h>

#include "router/state/balance.h"

static void config_use_free(struct config_use *use)
{
    assert(use->holders == 0);
    for (uint32_t s = 0; use->cells != NULL && s < use->server_count; s++) {
        if (use->cells[s] != NULL)
            servers_unclaim(use->servers, use->cells[s]);
    }
    free(use->cells);
    free(use->first_cell);
    config_free((struct config *)use->config);
    free(use);
}

/* One cell for each server; those of a backend that is new have the workers begin apart. */
static bool claim_servers(struct config_use *use, uint32_t backend)
{
    const struct backend_config *of = &use->config->backends[backend];
    struct server **cells = &use->cells[use->first_cell[backend]];
    bool fresh = true;

    for (uint32_t s = 0; s < of->server_count; s++) {
        cells[s] = servers_claim(use->servers, of, s);
        if (cells[s] == NULL)
            return false;
        fresh &= cells[s]->fresh;
    }
    if (fresh)
        balance_spread(cells, of, use->servers->workers);
    for (uint32_t s = 0; s < of->server_count; s++)
        cells[s]->fresh = false;
    return true;
}

static bool fill(struct config_use *use)
{
    const struct config *config = use->config;

    use->first_cell = calloc(config->backend_count + 1u, sizeof *use->first_cell);
    if (use->first_cell == NULL)
        return false;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        use->first_cell[b] = use->server_count;
        use->server_count += config->backends[b].server_count;
    }
    use->cells = calloc(use->server_count + 1u, sizeof(struct server *));
    if (use->cells == NULL)
        return false;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        if (!claim_servers(use, b))
            return false;
    }
    return true;
}

struct config_use *config_use_new(struct config *config, struct servers *servers)
{
    struct config_use *use = calloc(1, sizeof *use);

    if (use == NULL) {
        config_free(config);
        return NULL;
    }
    use->config = config;
    use->servers = servers;
    if (!fill(use)) {
        config_use_free(use);
        return NULL;
    }
    use->holders = 1;
    return use;
}

void config_use_ref(struct config_use *use)
{
    assert(use->holders > 0 && use->holders < UINT32_MAX);
    use->holders++;
}

bool config_use_unref(struct config_use *use)
{
    assert(use->holders > 0);
    if (--use->holders > 0)
        return false;
    config_use_free(use);
    return true;
}

uint32_t config_use_index(const struct config_use *use, uint32_t backend, uint32_t server)
{
    assert(backend < use->config->backend_count);
    assert(server < use->config->backends[backend].server_count);
    return use->first_cell[backend] + server;
}

const struct address *config_use_address(const struct config_use *use, uint32_t index)
{
    uint32_t backend = 0;

    assert(index < use->server_count);
    while (index - use->first_cell[backend] >= use->config->backends[backend].server_count)
        backend++;
    return &use->config->backends[backend].servers[index - use->first_cell[backend]].address;
}
