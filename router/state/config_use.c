#include "router/state/config_use.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "router/state/balance.h"

static void unclaim_all(struct stats *stats, struct stats_cell **cells, uint32_t count)
{
    for (uint32_t i = 0; cells != NULL && i < count; i++) {
        if (cells[i] != NULL)
            stats_unclaim(stats, cells[i]);
    }
    free(cells);
}

static void unclaim_routes(struct stats *stats, stats_slot *slots, uint32_t count)
{
    stats_collect(stats); /* what workers have put into the slots is control's then */
    for (uint32_t i = 0; slots != NULL && i < count; i++) {
        struct stats_cell *cell = atomic_load_explicit(&slots[i], memory_order_acquire);
        if (cell != NULL)
            stats_unclaim(stats, cell);
    }
    free(slots);
}

/* A large configuration takes long to free, which somebody else may do. */
static void free_config(struct servers *set, struct config *config)
{
    if (set->free_config != NULL)
        set->free_config(set->free_context, config);
    else
        config_free(config);
}

static void config_use_free(struct config_use *use)
{
    struct stats *stats = use->set->stats;

    assert(use->holders == 0);
    for (uint32_t s = 0; use->servers != NULL && s < use->server_count; s++) {
        if (use->servers[s] != NULL)
            servers_unclaim(use->set, use->servers[s]);
    }
    free(use->servers);
    free(use->first_server);
    unclaim_all(stats, use->listeners, use->config->listener_count);
    unclaim_all(stats, use->backends, use->config->backend_count);
    unclaim_routes(stats, use->routes, use->config->route_count);
    free_config(use->set, (struct config *)use->config);
    free(use);
}

/* Workers begin apart at the servers of a backend that is new. */
static bool claim_servers(struct config_use *use, uint32_t backend)
{
    const struct backend_config *of = &use->config->backends[backend];
    struct server **servers = &use->servers[use->first_server[backend]];
    bool fresh = true;

    for (uint32_t s = 0; s < of->server_count; s++) {
        servers[s] = servers_claim(use->set, of, s);
        if (servers[s] == NULL)
            return false;
        fresh &= servers[s]->fresh;
    }
    if (fresh)
        balance_spread(servers, of, use->set->stats->workers);
    for (uint32_t s = 0; s < of->server_count; s++)
        servers[s]->fresh = false;
    return true;
}

static bool fill_servers(struct config_use *use)
{
    const struct config *config = use->config;

    use->first_server = calloc(config->backend_count + 1u, sizeof *use->first_server);
    if (use->first_server == NULL)
        return false;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        use->first_server[b] = use->server_count;
        use->server_count += config->backends[b].server_count;
    }
    use->servers = calloc(use->server_count + 1u, sizeof(struct server *));
    if (use->servers == NULL)
        return false;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        if (!claim_servers(use, b))
            return false;
    }
    return true;
}

static bool fill_stats(struct config_use *use)
{
    const struct config *config = use->config;
    struct stats *stats = use->set->stats;

    use->listeners = calloc(config->listener_count + 1u, sizeof(struct stats_cell *));
    use->backends = calloc(config->backend_count + 1u, sizeof(struct stats_cell *));
    if (use->listeners == NULL || use->backends == NULL)
        return false;
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const char *name = config->listeners[i].name;
        use->listeners[i] = stats_claim(stats, STATS_LISTENER, name, strlen(name));
        if (use->listeners[i] == NULL)
            return false;
    }
    for (uint32_t i = 0; i < config->backend_count; i++) {
        const char *name = config->backends[i].name;
        use->backends[i] = stats_claim(stats, STATS_BACKEND, name, strlen(name));
        if (use->backends[i] == NULL)
            return false;
    }
    return true;
}

void config_use_claim_routes(struct config_use *use)
{
    const struct config *config = use->config;
    struct stats *stats = use->set->stats;

    stats_collect(stats);
    if (stats_count(stats, STATS_ROUTE) == 0)
        return;
    for (uint32_t i = 0; i < config->route_count; i++) {
        const char *name = config->routes[i].name;
        struct stats_cell *none = NULL;
        if (atomic_load_explicit(&use->routes[i], memory_order_relaxed) != NULL)
            continue;
        struct stats_cell *known = stats_claim_known(stats, STATS_ROUTE, name, strlen(name));
        if (known != NULL &&
            !atomic_compare_exchange_strong_explicit(&use->routes[i], &none, known,
                                                     memory_order_release, memory_order_relaxed))
            stats_unclaim(stats, known); /* a worker was first */
    }
}

/* The slots of routes, with the cells of those that have had traffic. */
static bool fill_routes(struct config_use *use)
{
    use->routes = calloc(use->config->route_count + 1u, sizeof *use->routes);
    if (use->routes == NULL)
        return false;
    config_use_claim_routes(use);
    return true;
}

struct config_use *config_use_new(struct config *config, struct servers *set)
{
    struct config_use *use = calloc(1, sizeof *use);

    if (use == NULL) {
        free_config(set, config);
        return NULL;
    }
    use->config = config;
    use->set = set;
    if (!fill_servers(use) || !fill_stats(use) || !fill_routes(use)) {
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
    return use->first_server[backend] + server;
}
