#include "router/state/server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server *server_new(char *key, size_t key_len, uint32_t workers)
{
    size_t bytes = sizeof(struct server) + workers * sizeof(struct server_seat);
    struct server *server = aligned_alloc(alignof(struct server), bytes);

    assert(workers > 0 && bytes % alignof(struct server) == 0);
    if (server == NULL) {
        free(key);
        return NULL;
    }
    memset(server, 0, bytes);
    server->magic = SERVER_MAGIC;
    server->claimable.key = key;
    server->claimable.key_len = key_len;
    server->backend = key;
    server->text = server->backend + strlen(server->backend) + 1;
    server->label = server->text + strlen(server->text) + 1;
    assert(server->label + strlen(server->label) + 1 == key + key_len);
    server->workers = workers;
    server->fresh = true;
    return server;
}

struct server *server_of(struct claimable *thing)
{
    struct server *server = (struct server *)thing;

    assert(server == NULL || server->magic == SERVER_MAGIC);
    return server;
}

void server_free(struct server *server)
{
    assert(server->magic == SERVER_MAGIC);
    assert(server->claimable.claims == 0 && !server->claimable.listed);
    assert(atomic_load_explicit(&server->active, memory_order_acquire) == 0);
    assert(atomic_load_explicit(&server->held, memory_order_acquire) == 0);
    addresses_unref(server->known);
    server->magic = 0;
    free((char *)server->claimable.key);
    free(server);
}

const char *server_title(const struct server *server, char out[SERVER_TITLE_MAX])
{
    bool named = strcmp(server->label, server->text) != 0;
    bool backed = strcmp(server->backend, server->text) != 0;

    snprintf(out, SERVER_TITLE_MAX, "%s%s%s%s%s%s", named ? server->label : "", named ? " at " : "",
             server->text, backed ? " (" : "", backed ? server->backend : "", backed ? ")" : "");
    return out;
}

void server_know(struct server *server, struct addresses *addresses)
{
    addresses_ref(addresses);
    addresses_unref(server->known);
    server->known = addresses;
    if (server->host != NULL)
        host_know(server->host, addresses);
}

void server_enter(struct server *server)
{
    unsigned before = atomic_fetch_add_explicit(&server->active, 1, memory_order_relaxed);

    assert(server->magic == SERVER_MAGIC && before < UINT32_MAX);
}

void server_leave(struct server *server)
{
    unsigned before = atomic_fetch_sub_explicit(&server->active, 1, memory_order_release);

    assert(before > 0);
}

void server_hold(struct server *server)
{
    assert(server->magic == SERVER_MAGIC);
    assert(atomic_load_explicit(&server->active, memory_order_relaxed) > 0);
    atomic_fetch_add_explicit(&server->held, 1, memory_order_relaxed);
}

void server_let_go(struct server *server)
{
    unsigned before = atomic_fetch_sub_explicit(&server->held, 1, memory_order_release);

    assert(before > 0);
}

void server_stats_enter(struct server *server, uint32_t worker)
{
    assert(server->magic == SERVER_MAGIC);
    assert(atomic_load_explicit(&server->active, memory_order_relaxed) > 0);
    stats_enter(stats_row(server->stats, worker));
    stats_enter(stats_row(server->backend_stats, worker));
}

void server_stats_leave(struct server *server, uint32_t worker)
{
    assert(server->magic == SERVER_MAGIC);
    assert(atomic_load_explicit(&server->active, memory_order_relaxed) > 0);
    stats_leave(stats_row(server->stats, worker));
    stats_leave(stats_row(server->backend_stats, worker));
}
