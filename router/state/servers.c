#include "router/state/servers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_idle(const struct claimable *thing)
{
    const struct server *server = server_of((struct claimable *)thing);

    /* In this order: it is held only while it is used. */
    return atomic_load_explicit(&server->active, memory_order_acquire) == 0 &&
           atomic_load_explicit(&server->held, memory_order_acquire) == 0;
}

static void free_thing(struct claimable *thing, void *context)
{
    struct servers *servers = context;
    struct server *server = server_of(thing);

    stats_unclaim(servers->stats, server->stats);
    stats_unclaim(servers->stats, server->backend_stats);
    if (server->host != NULL)
        claims_unclaim(&servers->hosts, &server->host->claimable);
    server_free(server);
}

static const struct claims_type type_server = {.is_idle = is_idle, .free_thing = free_thing};

void servers_init(struct servers *servers, struct stats *stats)
{
    claims_init(&servers->claims, &type_server, servers);
    hosts_init(&servers->hosts);
    servers->stats = stats;
    servers->on_unused = NULL;
    servers->unused_context = NULL;
}

/* The texts one behind the other, each with its NUL. NULL: no memory. */
static char *join(const char *const texts[], size_t count, size_t *len)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += strlen(texts[i]) + 1;
    char *key = malloc(total);
    if (key == NULL)
        return NULL;
    char *to = key;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(texts[i]) + 1;
        memcpy(to, texts[i], bytes);
        to += bytes;
    }
    *len = total;
    return key;
}

/* A server that is given by a name begins with what is known of that. False: no memory. */
static bool set_host(struct servers *servers, struct server *server, const struct address *address)
{
    if (address->kind != ADDRESS_NAME)
        return true;
    server->host = hosts_claim(&servers->hosts, address->path);
    if (server->host == NULL)
        return false;
    server->known = host_known(server->host, address->port);
    return true;
}

/* A server with its figures. Takes the key over, also on failure. NULL: no memory. */
static struct server *make(struct servers *servers, const struct address *address, char *key,
                           size_t len)
{
    struct stats_cell *stats = stats_claim(servers->stats, STATS_SERVER, key, len);
    struct stats_cell *backend = stats_claim(servers->stats, STATS_BACKEND, key, strlen(key));
    struct server *server = server_new(key, len, servers->stats->workers);

    if (server != NULL && stats != NULL && backend != NULL && set_host(servers, server, address)) {
        server->stats = stats;
        server->backend_stats = backend;
        claims_add(&servers->claims, &server->claimable);
        return server;
    }
    if (stats != NULL)
        stats_unclaim(servers->stats, stats);
    if (backend != NULL)
        stats_unclaim(servers->stats, backend);
    if (server != NULL)
        server_free(server);
    return NULL;
}

struct server *servers_claim(struct servers *servers, const struct backend_config *backend,
                             uint32_t server)
{
    assert(server < backend->server_count);
    const struct server_config *config = &backend->servers[server];
    const char *const texts[] = {backend->name, config->address.text, config->name};
    size_t len;
    char *key = join(texts, sizeof texts / sizeof texts[0], &len);
    if (key == NULL)
        return NULL;
    struct server *found = server_of(claims_find(&servers->claims, key, len));
    if (found != NULL) {
        free(key);
    } else {
        found = make(servers, &config->address, key, len);
        if (found == NULL)
            return NULL;
    }
    assert(found->workers == servers->stats->workers);
    claims_claim(&found->claimable);
    return found;
}

void servers_unclaim(struct servers *servers, struct server *server)
{
    claims_unclaim(&servers->claims, &server->claimable);
}

void servers_sweep(struct servers *servers)
{
    claims_sweep(&servers->claims);
    claims_sweep(&servers->hosts);
}

size_t servers_count(const struct servers *servers)
{
    return servers->claims.count;
}

void servers_close(struct servers *servers)
{
    servers_sweep(servers);
    claims_close(&servers->claims);
    claims_close(&servers->hosts);
}
