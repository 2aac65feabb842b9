#include "router/state/hosts.h"

#include <stdlib.h>
#include <string.h>

static bool is_idle(const struct claimable *thing)
{
    (void)thing;
    return true; /* it is control's alone */
}

static void free_thing(struct claimable *thing, void *context)
{
    struct host *host = (struct host *)thing;

    (void)context;
    addresses_unref(host->last);
    free(host);
}

void hosts_init(struct claims *hosts)
{
    static const struct claims_type type = {.is_idle = is_idle, .free_thing = free_thing};

    claims_init(hosts, &type, NULL);
}

struct host *hosts_claim(struct claims *hosts, const char *name)
{
    size_t len = strlen(name);
    struct host *host = (struct host *)claims_find(hosts, name, len);

    if (host == NULL) {
        host = calloc(1, sizeof *host + len + 1);
        if (host == NULL)
            return NULL;
        memcpy(host->name, name, len + 1);
        host->claimable.key = host->name;
        host->claimable.key_len = len;
        claims_add(hosts, &host->claimable);
    }
    claims_claim(&host->claimable);
    return host;
}

void host_know(struct host *host, struct addresses *addresses)
{
    addresses_ref(addresses);
    addresses_unref(host->last);
    host->last = addresses;
}

struct addresses *host_known(const struct host *host, uint16_t port)
{
    return host->last == NULL ? NULL : addresses_at_port(host->last, port);
}
