/*
 * The happy path
 *  - Server after server: names are asked for with uv_getaddrinfo(), a few at a time; the
 *    addresses of each answer become the target. When none is left, on_done.
 *
 * The failures
 *  - A name has no address, or there is no memory to ask: a warning; its target stays empty,
 *    and connections go on to the backend's next server.
 *  - A name server does not answer: the snapshot is overtaken, and answers are added to it.
 */
#include "router/control/resolve.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/log/log.h"

/* Most addresses of one name that are kept. */
#define ADDRESSES_MAX 8

struct query {
    uv_getaddrinfo_t request;
    struct resolve *resolve;
    const struct address *address;
    uint32_t target; /* index in the snapshot */
    size_t slot;     /* in resolve->asked */
};

static void resolve_more(struct resolve *resolve);

static void name_failed(const struct address *address, int error)
{
    log_line(LOG_LEVEL_WARNING, "server %s: no address: %s", address->text, uv_strerror(error));
}

static void set_target(struct target *target, const struct addrinfo *found, uint16_t port)
{
    assert(found->ai_addrlen <= sizeof target->address);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->len = found->ai_addrlen;
    if (found->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)&target->address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&target->address)->sin_port = htons(port);
}

/* All addresses of the answer, in its order; without memory for further ones, fewer. */
static void set_targets(struct target *target, const struct addrinfo *found, uint16_t port)
{
    set_target(target, found, port);
    for (int kept = 1; (found = found->ai_next) != NULL && kept < ADDRESSES_MAX; kept++) {
        target->next = calloc(1, sizeof *target->next);
        if (target->next == NULL)
            return;
        target = target->next;
        set_target(target, found, port);
    }
}

/* For a snapshot in use. Without memory the name stays without an address. */
static void add_late(struct resolve *resolve, const struct query *query,
                     const struct addrinfo *found)
{
    struct target *target = calloc(1, sizeof *target);

    if (target == NULL) {
        name_failed(query->address, UV_ENOMEM);
        return;
    }
    set_targets(target, found, query->address->port);
    snapshot_add_late(resolve->snapshot, query->target, target);
    log_line(LOG_LEVEL_INFO, "server %s: its address is known now", query->address->text);
}

static void on_address(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct query *query = request->data;
    struct resolve *resolve = query->resolve;

    if (status != 0 || found == NULL)
        name_failed(query->address, status);
    else if (resolve->late)
        add_late(resolve, query, found);
    else
        set_targets(&resolve->snapshot->targets[query->target], found, query->address->port);
    uv_freeaddrinfo(found);
    resolve->asked[query->slot] = NULL;
    free(query);
    resolve->in_flight--;
    resolve_more(resolve);
}

static void ask(struct resolve *resolve, const struct address *address, uint32_t target)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct query *query = calloc(1, sizeof *query);
    int error = UV_ENOMEM;
    size_t slot = 0;

    while (resolve->asked[slot] != NULL)
        slot++;
    if (query != NULL) {
        query->request.data = query;
        query->resolve = resolve;
        query->address = address;
        query->target = target;
        query->slot = slot;
        error =
            uv_getaddrinfo(resolve->loop, &query->request, on_address, address->path, NULL, &hints);
    }
    if (error == 0) {
        resolve->asked[slot] = address;
        resolve->in_flight++;
    } else {
        name_failed(address, error);
        free(query);
    }
}

/* The next server whose address is a name, or NULL. */
static const struct address *next_name(struct resolve *resolve, uint32_t *target)
{
    const struct snapshot *snapshot = resolve->snapshot;

    for (; resolve->next_backend < snapshot->config->backend_count; resolve->next_backend++) {
        uint32_t b = resolve->next_backend;
        const struct backend_config *backend = &snapshot->config->backends[b];
        while (resolve->next_server < backend->server_count) {
            uint32_t s = resolve->next_server++;
            *target = snapshot->first_target[b] + s;
            if (backend->servers[s].address.kind == ADDRESS_NAME)
                return &backend->servers[s].address;
        }
        resolve->next_server = 0;
    }
    return NULL;
}

static void resolve_more(struct resolve *resolve)
{
    const struct address *address;
    uint32_t target;

    while (resolve->in_flight < RESOLVE_IN_FLIGHT &&
           (address = next_name(resolve, &target)) != NULL)
        ask(resolve, address, target);
    if (resolve->in_flight > 0)
        return;
    resolve_abandon(resolve);
    resolve->on_done(resolve->context); /* may start anew */
}

void resolve_start(struct resolve *resolve, uv_loop_t *loop, struct snapshot *snapshot,
                   resolve_done_cb *on_done, void *context)
{
    *resolve = (struct resolve){
        .loop = loop, .snapshot = snapshot, .on_done = on_done, .context = context};
    resolve_more(resolve);
}

void resolve_overtake(struct resolve *resolve)
{
    assert(resolve->in_flight > 0 && !resolve->late);
    resolve->late = true;
    snapshot_ref(resolve->snapshot);
}

void resolve_skip_rest(struct resolve *resolve)
{
    assert(resolve->in_flight > 0);
    resolve->next_backend = resolve->snapshot->config->backend_count;
}

void resolve_abandon(struct resolve *resolve)
{
    if (resolve->late)
        (void)snapshot_unref(resolve->snapshot);
    resolve->late = false;
    resolve->snapshot = NULL;
}

void resolve_print_asked(const struct resolve *resolve, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t slot = 0; slot < RESOLVE_IN_FLIGHT && len < size; slot++) {
        if (resolve->asked[slot] != NULL)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "",
                                    resolve->asked[slot]->text);
    }
}
