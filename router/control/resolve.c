/*
 * The happy path
 *  - Server after server: names are asked for with uv_getaddrinfo(), a few at a time; each answer
 *    becomes an address list, which on_found takes. When no name is left, on_done.
 *
 * The failures
 *  - A name has no address, or there is no memory to ask or to keep the answer: a warning, and
 *    no on_found.
 *  - A name server does not answer: control goes on, and is told when it does.
 */
#include "router/control/resolve.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/log/log.h"

/* Most addresses of an answer that are looked at. */
#define ANSWER_MAX 64

struct query {
    uv_getaddrinfo_t request;
    struct resolve *resolve;
    const struct address *address;
    uint32_t server; /* its index in the configuration */
    size_t slot;     /* in resolve->asked */
};

static void resolve_more(struct resolve *resolve);

void resolve_say_failed(const struct address *address, int error)
{
    log_line(LOG_LEVEL_WARNING, "server %s: no address: %s", address->text, uv_strerror(error));
}

static void set_target(struct target *target, const struct addrinfo *found, uint16_t port)
{
    memset(target, 0, sizeof *target);
    assert(found->ai_addrlen <= sizeof target->address);
    assert(found->ai_family == AF_INET || found->ai_family == AF_INET6);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->len = found->ai_addrlen;
    if (found->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)&target->address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&target->address)->sin_port = htons(port);
}

/*
 * The addresses of an answer in the order they are tried, up to the most that are kept: of both
 * families, if it has both. NULL: no memory.
 */
static struct addresses *list_of(const struct addrinfo *found, uint16_t port)
{
    struct target list[ANSWER_MAX];
    uint32_t count = 0;

    for (; found != NULL && count < ANSWER_MAX; found = found->ai_next)
        set_target(&list[count++], found, port);
    addresses_interleave(list, count);
    if (count > ADDRESSES_MAX)
        count = ADDRESSES_MAX;
    struct addresses *addresses = addresses_new(count);
    if (addresses != NULL)
        memcpy(addresses->list, list, count * sizeof list[0]);
    return addresses;
}

static void on_address(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct query *query = request->data;
    struct resolve *resolve = query->resolve;
    struct addresses *addresses = NULL;
    bool wanted = resolve->on_found != NULL;

    if (wanted && status == 0 && found != NULL) {
        addresses = list_of(found, query->address->port);
        status = addresses == NULL ? UV_ENOMEM : 0;
    }
    uv_freeaddrinfo(found);
    if (addresses != NULL)
        resolve->on_found(resolve->context, query->server, addresses);
    else if (wanted)
        resolve_say_failed(query->address, status);
    assert(resolve->asked[query->slot] == query->address && resolve->in_flight > 0);
    resolve->asked[query->slot] = NULL;
    free(query);
    resolve->in_flight--;
    resolve_more(resolve);
}

static void ask(struct resolve *resolve, const struct address *address, uint32_t server)
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
        query->server = server;
        query->slot = slot;
        error =
            uv_getaddrinfo(resolve->loop, &query->request, on_address, address->path, NULL, &hints);
    }
    if (error == 0) {
        resolve->asked[slot] = address;
        resolve->in_flight++;
    } else {
        resolve_say_failed(address, error);
        free(query);
    }
}

/* The next server whose address is a name, or NULL. */
static const struct address *next_name(struct resolve *resolve, uint32_t *server)
{
    const struct config *config = resolve->use->config;

    for (; resolve->next_backend < config->backend_count; resolve->next_backend++) {
        uint32_t b = resolve->next_backend;
        const struct backend_config *backend = &config->backends[b];
        while (resolve->next_server < backend->server_count) {
            uint32_t s = resolve->next_server++;
            *server = config_use_index(resolve->use, b, s);
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
    uint32_t server;

    while (resolve->in_flight < RESOLVE_IN_FLIGHT &&
           (address = next_name(resolve, &server)) != NULL)
        ask(resolve, address, server);
    if (resolve->in_flight > 0)
        return;
    resolve_abandon(resolve);
    if (resolve->on_done != NULL)
        resolve->on_done(resolve->context); /* may start anew */
}

void resolve_start(struct resolve *resolve, struct config_use *use, resolve_found_cb *on_found,
                   resolve_done_cb *on_done, void *context)
{
    part_assert_own(&resolve->part);
    assert(!resolve_is_busy(resolve) && resolve->in_flight == 0);
    assert(on_found != NULL && on_done != NULL);
    config_use_ref(use);
    resolve->use = use;
    resolve->on_found = on_found;
    resolve->on_done = on_done;
    resolve->context = context;
    resolve->next_backend = 0;
    resolve->next_server = 0;
    resolve_more(resolve);
}

void resolve_skip_rest(struct resolve *resolve)
{
    assert(resolve->in_flight > 0);
    resolve->next_backend = resolve->use->config->backend_count;
}

void resolve_forget(struct resolve *resolve)
{
    resolve->on_found = NULL;
    resolve->on_done = NULL;
    if (resolve_is_busy(resolve))
        resolve_skip_rest(resolve);
}

void resolve_abandon(struct resolve *resolve)
{
    if (resolve->use != NULL)
        config_use_unref(resolve->use);
    resolve->use = NULL;
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

/* --- the part --- */

static int start(struct part *part)
{
    const struct resolve *resolve = part->self;

    assert(!resolve_is_busy(resolve));
    return 0;
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    resolve_forget(part->self);
    on_stopped(part);
}

void resolve_init(struct resolve *resolve, uv_loop_t *loop)
{
    *resolve = (struct resolve){
        .part = {.name = "resolve", .self = resolve, .start = start, .stop = stop},
        .loop = loop,
    };
}
