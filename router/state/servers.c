#include "router/state/servers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_idle(const struct claimable *thing)
{
    const struct server *server = (const struct server *)thing;

    return atomic_load_explicit(&server->active, memory_order_acquire) == 0;
}

static void free_thing(struct claimable *thing, void *context)
{
    (void)context;
    server_free((struct server *)thing);
}

static const struct claims_type type_server = {.is_idle = is_idle, .free_thing = free_thing};

void servers_init(struct servers *servers, uint32_t workers)
{
    assert(workers > 0);
    claims_init(&servers->claims, &type_server, servers);
    servers->workers = workers;
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
    struct server *cell = (struct server *)claims_find(&servers->claims, key, len);
    if (cell != NULL) {
        free(key);
    } else {
        cell = server_new(key, len, servers->workers);
        if (cell == NULL)
            return NULL;
        claims_add(&servers->claims, &cell->claimable);
    }
    assert(cell->workers == servers->workers);
    claims_claim(&cell->claimable);
    return cell;
}

void servers_unclaim(struct servers *servers, struct server *server)
{
    claims_unclaim(&servers->claims, &server->claimable);
}

void servers_sweep(struct servers *servers)
{
    claims_sweep(&servers->claims);
}

size_t servers_count(const struct servers *servers)
{
    return servers->claims.count;
}

void servers_close(struct servers *servers)
{
    servers_sweep(servers);
    claims_close(&servers->claims);
}
