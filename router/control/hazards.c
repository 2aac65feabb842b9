#include "router/control/hazards.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "router/log/log.h"

/* So many servers that lead back are named in the log. */
#define NAMED_MAX 10u

/* --- where a connect arrives --- */

static const char *path_of(const struct target *target)
{
    return ((const struct sockaddr_un *)&target->address)->sun_path;
}

/* The same name, or another path to the same socket. */
static bool reaches_unix(const struct target *target, const struct endpoint *endpoint)
{
    struct stat found;

    if (endpoint->where.address.ss_family != AF_UNIX)
        return false;
    if (target->len == endpoint->where.len &&
        memcmp(&target->address, &endpoint->where.address, target->len) == 0)
        return true;
    return path_of(target)[0] != '\0' && endpoint->path_inode != 0 &&
           stat(path_of(target), &found) == 0 && found.st_ino == endpoint->path_inode &&
           found.st_dev == endpoint->path_device;
}

bool hazards_reaches(const struct target *target, const struct endpoint *endpoint,
                     const struct local_host *host)
{
    struct peer to, at;

    if (target->address.ss_family == AF_UNIX)
        return reaches_unix(target, endpoint);
    peer_from_target(target, &to);
    peer_from_sockaddr((const struct sockaddr *)&endpoint->where.address, &at);
    if (!to.known || !at.known || to.port != at.port)
        return false;
    if (!peer_is_any(&at))
        return peer_same_ip(&to, &at);
    bool family = to.v6 == at.v6 || (at.v6 && !endpoint->key.v6only);
    return family && local_host_has(host, &to);
}

/* --- noting --- */

struct search {
    struct snapshot *snapshot;
    const struct snapshot *before;
    const struct endpoints *endpoints;
    bool opening; /* the configuration's endpoints are not committed yet */
    struct local_host host;
    uint32_t named; /* servers that lead back, so far */
};

/* The listener, in the snapshot's configuration, that a connect to the target arrives at. */
static uint32_t find_listener(const struct search *search, const struct target *target)
{
    for (const struct endpoint *e = search->endpoints->first; e != NULL; e = e->next) {
        uint32_t listener = search->opening ? e->candidate : e->index;
        if (listener != CONFIG_NONE && hazards_reaches(target, e, &search->host))
            return listener;
    }
    return CONFIG_NONE;
}

static bool may_be_itself(const struct search *search, const struct target *target)
{
    struct peer to;

    peer_from_target(target, &to);
    return to.known && local_host_hands_out(&search->host, to.port) &&
           local_host_has(&search->host, &to);
}

static struct hazard hazard_of(const struct search *search, const struct addresses *addresses)
{
    struct hazard hazard = {.listener = CONFIG_NONE};

    for (uint32_t i = 0; addresses != NULL && i < addresses->count; i++) {
        uint32_t listener = find_listener(search, &addresses->list[i]);
        if (listener != CONFIG_NONE)
            hazard.ours |= (uint64_t)1 << i;
        if (hazard.listener == CONFIG_NONE)
            hazard.listener = listener;
        if (may_be_itself(search, &addresses->list[i]))
            hazard.self |= (uint64_t)1 << i;
    }
    return hazard;
}

static void say(struct search *search, const struct server *server, const struct hazard *hazard)
{
    const struct listener_config *listener = &search->snapshot->config->listeners[hazard->listener];
    char title[SERVER_TITLE_MAX];

    if (search->named++ < NAMED_MAX)
        log_line(LOG_LEVEL_WARNING,
                 "server %s: a loop: it leads back to our own listener %s; it will not be "
                 "connected to",
                 server_title(server, title), listener->name);
}

static bool was_said(const struct search *search, uint32_t backend, uint32_t server)
{
    return search->before != NULL && snapshot_hazard(search->before, backend, server)->ours != 0;
}

static bool leads_only_back(const struct hazard *hazard, const struct addresses *addresses)
{
    for (uint32_t i = 0; i < addresses->count; i++) {
        if ((hazard->ours >> i & 1u) == 0)
            return false;
    }
    return true;
}

/* False: no memory. */
static bool note_server(struct search *search, uint32_t backend, uint32_t server)
{
    struct hazard hazard = hazard_of(search, snapshot_addresses(search->snapshot, backend, server));

    if (hazard.ours == 0 && hazard.self == 0)
        return true;
    struct hazard *noted = snapshot_note_hazard(
        search->snapshot, config_use_index(search->snapshot->use, backend, server));
    if (noted == NULL)
        return false;
    *noted = hazard;
    if (leads_only_back(&hazard, snapshot_addresses(search->snapshot, backend, server)))
        snapshot_note_hopeless(search->snapshot,
                               config_use_index(search->snapshot->use, backend, server));
    if (hazard.ours != 0 && !was_said(search, backend, server))
        say(search, snapshot_server(search->snapshot, backend, server), &hazard);
    return true;
}

static bool is_opening(const struct endpoints *endpoints)
{
    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        if (e->candidate != CONFIG_NONE)
            return true;
    }
    return false;
}

bool hazards_note(struct snapshot *snapshot, const struct endpoints *endpoints,
                  const struct snapshot *before)
{
    struct search search = {.snapshot = snapshot,
                            .before = before,
                            .endpoints = endpoints,
                            .opening = is_opening(endpoints)};
    const struct config *config = snapshot->config;
    int error = local_host_read(&search.host);
    bool ok = true;

    _Static_assert(ADDRESSES_MAX <= 64, "an address is a bit");
    assert(before == NULL || before->use == snapshot->use);
    if (error != 0)
        log_line(LOG_LEVEL_WARNING,
                 "cannot list this host's addresses, so a server that leads back here may not be "
                 "noticed before it does: %s",
                 strerror(error));
    for (uint32_t b = 0; ok && b < config->backend_count; b++) {
        for (uint32_t s = 0; ok && s < config->backends[b].server_count; s++)
            ok = note_server(&search, b, s);
    }
    if (search.named > NAMED_MAX)
        log_line(LOG_LEVEL_WARNING, "%u more servers lead back to our own listeners: loops",
                 search.named - NAMED_MAX);
    local_host_free(&search.host);
    return ok;
}
