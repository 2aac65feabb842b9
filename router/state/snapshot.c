#include "router/state/snapshot.h"

#include <assert.h>
#include <stdlib.h>

/* Takes the caller's hold on the list over. */
static void set_addresses(struct snapshot *snapshot, uint32_t index, struct addresses *addresses)
{
    snapshot->addresses[index] = addresses;
    snapshot->hopeless[index] = addresses == NULL;
}

/* Takes the caller's hold on `use` over, also on failure. */
static struct snapshot *make(struct config_use *use, uint32_t generation)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (snapshot == NULL) {
        config_use_unref(use);
        return NULL;
    }
    snapshot->magic = SNAPSHOT_MAGIC;
    snapshot->use = use;
    snapshot->config = use->config;
    snapshot->generation = generation;
    snapshot->addresses = calloc(use->server_count + 1u, sizeof(struct addresses *));
    snapshot->hopeless = calloc(use->server_count + 1u, sizeof *snapshot->hopeless);
    if (snapshot->addresses == NULL || snapshot->hopeless == NULL) {
        snapshot_free(snapshot);
        return NULL;
    }
    return snapshot;
}

struct snapshot *snapshot_new(struct config *config, uint32_t generation, struct servers *servers)
{
    struct snapshot *snapshot = snapshot_begin(config, generation, servers);

    if (snapshot != NULL)
        config_use_claim_routes(snapshot->use);
    return snapshot;
}

struct snapshot *snapshot_begin(struct config *config, uint32_t generation, struct servers *servers)
{
    struct config_use *use = config_use_new(config, servers);
    struct snapshot *snapshot = use == NULL ? NULL : make(use, generation);
    uint32_t at = 0;

    if (snapshot == NULL)
        return NULL;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        const struct backend_config *backend = &config->backends[b];
        for (uint32_t s = 0; s < backend->server_count; s++, at++) {
            const struct address *address = &backend->servers[s].address;
            if (address->kind == ADDRESS_NAME) {
                addresses_ref(use->servers[at]->known);
                set_addresses(snapshot, at, use->servers[at]->known);
                continue;
            }
            set_addresses(snapshot, at, addresses_of(address));
            if (snapshot->addresses[at] == NULL) {
                snapshot_free(snapshot);
                return NULL;
            }
        }
    }
    assert(at == use->server_count);
    return snapshot;
}

struct snapshot *snapshot_again(const struct snapshot *snapshot)
{
    config_use_ref(snapshot->use);
    struct snapshot *again = make(snapshot->use, snapshot->generation);
    if (again == NULL)
        return NULL;
    for (uint32_t s = 0; s < snapshot->use->server_count; s++) {
        addresses_ref(snapshot->addresses[s]);
        set_addresses(again, s, snapshot->addresses[s]);
    }
    return again;
}

void snapshot_set_addresses(struct snapshot *snapshot, uint32_t index, struct addresses *addresses)
{
    assert(index < snapshot->use->server_count);
    assert(atomic_load_explicit(&snapshot->refs, memory_order_relaxed) == 0);
    addresses_unref(snapshot->addresses[index]);
    set_addresses(snapshot, index, addresses);
}

void snapshot_note_hopeless(struct snapshot *snapshot, uint32_t index)
{
    assert(index < snapshot->use->server_count);
    assert(atomic_load_explicit(&snapshot->refs, memory_order_relaxed) == 0);
    snapshot->hopeless[index] = true;
}

const struct addresses *snapshot_addresses(const struct snapshot *snapshot, uint32_t backend,
                                           uint32_t server)
{
    return snapshot->addresses[config_use_index(snapshot->use, backend, server)];
}

const struct hazard *snapshot_hazard(const struct snapshot *snapshot, uint32_t backend,
                                     uint32_t server)
{
    static const struct hazard none = {.listener = CONFIG_NONE};

    if (snapshot->hazards == NULL)
        return &none;
    return &snapshot->hazards[config_use_index(snapshot->use, backend, server)];
}

struct hazard *snapshot_note_hazard(struct snapshot *snapshot, uint32_t index)
{
    assert(index < snapshot->use->server_count);
    assert(atomic_load_explicit(&snapshot->refs, memory_order_relaxed) == 0);
    if (snapshot->hazards == NULL)
        snapshot->hazards = calloc(snapshot->use->server_count, sizeof *snapshot->hazards);
    return snapshot->hazards == NULL ? NULL : &snapshot->hazards[index];
}

struct server *snapshot_server(const struct snapshot *snapshot, uint32_t backend, uint32_t server)
{
    return snapshot->use->servers[config_use_index(snapshot->use, backend, server)];
}

/* --- figures --- */

struct stats_cell *snapshot_listener_stats(const struct snapshot *snapshot, uint32_t listener)
{
    assert(listener < snapshot->config->listener_count);
    return snapshot->use->listeners[listener];
}

struct stats_cell *snapshot_backend_stats(const struct snapshot *snapshot, uint32_t backend)
{
    assert(backend < snapshot->config->backend_count);
    return snapshot->use->backends[backend];
}

struct stats_cell *snapshot_route_stats(const struct snapshot *snapshot, uint32_t route)
{
    assert(route < snapshot->config->route_count);
    return stats_slot_cell(snapshot->use->set->stats, &snapshot->use->routes[route], STATS_ROUTE,
                           snapshot->config->routes[route].name);
}

/* --- balance --- */

static struct server *const *servers_of(const struct snapshot *snapshot, uint32_t backend)
{
    return &snapshot->use->servers[config_use_index(snapshot->use, backend, 0)];
}

static const bool *hopeless_of(const struct snapshot *snapshot, uint32_t backend)
{
    return &snapshot->hopeless[config_use_index(snapshot->use, backend, 0)];
}

uint32_t snapshot_pick(const struct snapshot *snapshot, uint32_t backend, uint32_t worker,
                       const struct tried *tried)
{
    struct server *const *servers = servers_of(snapshot, backend);
    const struct backend_config *of = &snapshot->config->backends[backend];
    uint32_t server = balance_pick(servers, of, hopeless_of(snapshot, backend), worker, tried);

    return server != CONFIG_NONE ? server : balance_pick(servers, of, NULL, worker, tried);
}

uint32_t snapshot_left(const struct snapshot *snapshot, uint32_t backend, const struct tried *tried)
{
    struct server *const *servers = servers_of(snapshot, backend);
    const struct backend_config *of = &snapshot->config->backends[backend];
    uint32_t left = balance_left(servers, of, hopeless_of(snapshot, backend), tried);

    return left > 0 ? left : balance_left(servers, of, NULL, tried);
}

/* --- users --- */

void snapshot_ref(struct snapshot *snapshot)
{
    assert(snapshot->magic == SNAPSHOT_MAGIC);
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
}

bool snapshot_unref(struct snapshot *snapshot)
{
    assert(snapshot->magic == SNAPSHOT_MAGIC);
    unsigned before = atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel);

    assert(before > 0);
    return before == 1;
}

bool snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return false;
    assert(snapshot->magic == SNAPSHOT_MAGIC);
    assert(atomic_load_explicit(&snapshot->refs, memory_order_acquire) == 0);
    assert(snapshot->config == snapshot->use->config);
    for (uint32_t s = 0; snapshot->addresses != NULL && s < snapshot->use->server_count; s++)
        addresses_unref(snapshot->addresses[s]);
    free(snapshot->addresses);
    free(snapshot->hazards);
    free(snapshot->hopeless);
    bool last = config_use_unref(snapshot->use);
    snapshot->magic = 0;
    free(snapshot);
    return last;
}
