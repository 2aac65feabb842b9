#include "router/state/snapshot.h"

#include <assert.h>
#include <stdlib.h>

struct snapshot *snapshot_new(struct config *config, uint32_t generation)
{
    uint32_t servers = 0;
    for (uint32_t b = 0; b < config->backend_count; b++)
        servers += config->backends[b].server_count;

    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        config_free(config);
        return NULL;
    }
    snapshot->config = config;
    snapshot->generation = generation;
    snapshot->target_count = servers;
    snapshot->targets = calloc(servers + 1u, sizeof *snapshot->targets);
    snapshot->late = calloc(servers + 1u, sizeof *snapshot->late);
    snapshot->first_target = calloc(config->backend_count + 1u, sizeof *snapshot->first_target);
    if (snapshot->targets == NULL || snapshot->late == NULL || snapshot->first_target == NULL) {
        snapshot_free(snapshot);
        return NULL;
    }
    uint32_t at = 0;
    for (uint32_t b = 0; b < config->backend_count; b++) {
        snapshot->first_target[b] = at;
        for (uint32_t s = 0; s < config->backends[b].server_count; s++)
            target_from_address(&config->backends[b].servers[s].address, &snapshot->targets[at++]);
    }
    return snapshot;
}

const struct target *snapshot_target(const struct snapshot *snapshot, uint32_t backend,
                                     uint32_t server)
{
    assert(backend < snapshot->config->backend_count);
    assert(server < snapshot->config->backends[backend].server_count);
    uint32_t index = snapshot->first_target[backend] + server;
    const struct target *target = &snapshot->targets[index];
    if (target->len > 0)
        return target;
    const struct target *late = atomic_load_explicit(&snapshot->late[index], memory_order_acquire);
    return late != NULL ? late : target;
}

void snapshot_add_late(struct snapshot *snapshot, uint32_t index, struct target *target)
{
    assert(index < snapshot->target_count && snapshot->targets[index].len == 0);
    struct target *before =
        atomic_exchange_explicit(&snapshot->late[index], target, memory_order_release);
    assert(before == NULL);
}

void snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
}

bool snapshot_unref(struct snapshot *snapshot)
{
    unsigned before = atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

static void free_further(struct target *target)
{
    while (target != NULL) {
        struct target *next = target->next;
        free(target);
        target = next;
    }
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    assert(atomic_load_explicit(&snapshot->refs, memory_order_acquire) == 0);
    config_free(snapshot->config);
    for (uint32_t i = 0; snapshot->targets != NULL && i < snapshot->target_count; i++)
        free_further(snapshot->targets[i].next);
    for (uint32_t i = 0; snapshot->late != NULL && i < snapshot->target_count; i++)
        free_further(atomic_load_explicit(&snapshot->late[i], memory_order_relaxed));
    free(snapshot->targets);
    free(snapshot->late);
    free(snapshot->first_target);
    free(snapshot);
}
