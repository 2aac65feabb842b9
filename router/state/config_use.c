#include "router/state/config_use.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "router/state/balance.h"

/* What is done at once: a millisecond or two. */
#define ROUTES_PIECE 10000u
#define SLOTS_PIECE  100000u

static void unclaim_all(struct stats *stats, struct stats_cell **cells, uint32_t count)
{
    for (uint32_t i = 0; cells != NULL && i < count; i++) {
        if (cells[i] != NULL)
            stats_unclaim(stats, cells[i]);
    }
    free(cells);
}

/* --- the end --- */

static void unclaim_servers(struct config_use *use)
{
    for (uint32_t s = 0; use->servers != NULL && s < use->server_count; s++) {
        if (use->servers[s] != NULL)
            servers_unclaim(use->set, use->servers[s]);
    }
    free(use->servers);
    free(use->first_server);
    use->servers = NULL;
    use->first_server = NULL;
}

static uint32_t piece_end(const struct config_use *use, uint32_t at, uint32_t piece)
{
    uint32_t left = use->config->route_count - at;

    return at + (left < piece ? left : piece);
}

bool config_use_take_apart(struct config_use *use, uint32_t *at)
{
    struct stats *stats = use->set->stats;
    uint32_t end = piece_end(use, *at, SLOTS_PIECE);

    assert(use->holders == 0);
    if (*at == 0) {
        unclaim_servers(use);
        unclaim_all(stats, use->listeners, use->config->listener_count);
        unclaim_all(stats, use->backends, use->config->backend_count);
        use->listeners = use->backends = NULL;
        stats_collect(stats); /* what workers have put into the slots is control's then */
    }
    for (; use->routes != NULL && *at < end; ++*at) {
        struct stats_cell *cell = atomic_load_explicit(&use->routes[*at], memory_order_acquire);
        if (cell != NULL)
            stats_unclaim(stats, cell);
    }
    if (use->routes != NULL && end < use->config->route_count)
        return false;
    free(use->routes);
    use->routes = NULL;
    return true;
}

struct config *config_use_end(struct config_use *use)
{
    struct config *config = (struct config *)use->config;

    assert(use->servers == NULL && use->listeners == NULL && use->routes == NULL);
    free(use);
    return config;
}

static void config_use_free(struct config_use *use)
{
    uint32_t at = 0;

    while (!config_use_take_apart(use, &at))
        ;
    config_free(config_use_end(use));
}

/* --- the beginning --- */

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

/* --- the figures of routes --- */

static void claim_route(struct config_use *use, uint32_t route)
{
    struct stats *stats = use->set->stats;
    const char *name = use->config->routes[route].name;
    struct stats_cell *none = NULL;

    if (atomic_load_explicit(&use->routes[route], memory_order_relaxed) != NULL)
        return;
    struct stats_cell *known = stats_claim_known(stats, STATS_ROUTE, name, strlen(name));
    if (known != NULL &&
        !atomic_compare_exchange_strong_explicit(&use->routes[route], &none, known,
                                                 memory_order_release, memory_order_relaxed))
        stats_unclaim(stats, known); /* a worker was first */
}

bool config_use_claim_more(struct config_use *use, uint32_t *at)
{
    uint32_t end = piece_end(use, *at, ROUTES_PIECE);

    stats_collect(use->set->stats);
    if (stats_count(use->set->stats, STATS_ROUTE) == 0)
        return true;
    for (; *at < end; ++*at)
        claim_route(use, *at);
    return end == use->config->route_count;
}

void config_use_claim_routes(struct config_use *use)
{
    uint32_t at = 0;

    while (!config_use_claim_more(use, &at))
        ;
}

bool config_use_search(const struct config_use *use, uint32_t *at, bool *found)
{
    uint32_t end = piece_end(use, *at, SLOTS_PIECE);

    if (*at == 0)
        stats_collect(use->set->stats);
    *found = false;
    for (; use->routes != NULL && *at < end && !*found; ++*at) {
        const struct stats_cell *cell =
            atomic_load_explicit(&use->routes[*at], memory_order_acquire);
        *found = cell != NULL && cell->claimable.claims == 1;
    }
    return *found || end == use->config->route_count;
}

struct config_use *config_use_new(struct config *config, struct servers *set)
{
    struct config_use *use = calloc(1, sizeof *use);

    if (use == NULL) {
        config_free(config);
        return NULL;
    }
    use->config = config;
    use->set = set;
    use->routes = NULL;
    if (fill_servers(use) && fill_stats(use))
        use->routes = calloc(config->route_count + 1u, sizeof *use->routes);
    if (use->routes == NULL) {
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
    if (use->set->on_unused != NULL)
        use->set->on_unused(use->set->unused_context, use);
    else
        config_use_free(use);
    return true;
}

uint32_t config_use_index(const struct config_use *use, uint32_t backend, uint32_t server)
{
    assert(backend < use->config->backend_count);
    assert(server < use->config->backends[backend].server_count);
    return use->first_server[backend] + server;
}
