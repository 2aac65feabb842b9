/*
 * The happy path
 *  - Each listener of the configuration finds the endpoint with an equal key, or has one opened: a
 *    socket for every worker, side by side by SO_REUSEPORT; a unix socket is shared instead.
 *  - Handed over, the sockets are the workers'; the endpoint keeps the identity and the address.
 *
 * The failures
 *  - An address cannot be bound: what was opened for this configuration is closed again.
 *  - Another process listens on the port already: SO_REUSEPORT would join it silently, so the
 *    port is tried without it first, unless one of our own endpoints has it.
 *  - A unix socket's path was left behind by a process that died: it is removed. One that another
 *    process has put in place of ours is not.
 */
#include "router/control/endpoints.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "router/log/log.h"
#include "router/net/net.h"

void endpoints_init(struct endpoints *endpoints, uint32_t workers)
{
    assert(workers > 0);
    *endpoints = (struct endpoints){.workers = workers, .next_id = 1};
}

/* --- one endpoint --- */

/* Removes a unix socket's path, unless another process has put its own there meanwhile. */
static void remove_path(struct endpoint *endpoint)
{
    const char *path = listen_key_path(&endpoint->key);
    struct stat now;

    if (endpoint->path_inode != 0 && stat(path, &now) == 0 && now.st_ino == endpoint->path_inode &&
        now.st_dev == endpoint->path_device)
        unlink(path);
    endpoint->path_inode = 0;
}

/* Remembers which file the path was when we made it. */
static void note_path(struct endpoint *endpoint)
{
    const char *path = listen_key_path(&endpoint->key);
    struct stat made;

    if (path != NULL && stat(path, &made) == 0) {
        endpoint->path_inode = made.st_ino;
        endpoint->path_device = made.st_dev;
    }
}

static void endpoint_free(struct endpoints *endpoints, struct endpoint *endpoint)
{
    for (uint32_t w = 0; w < endpoints->workers; w++) {
        if (endpoint->fds[w] >= 0)
            close(endpoint->fds[w]);
    }
    remove_path(endpoint);
    free(endpoint->bound);
    free(endpoint->fds);
    free(endpoint);
}

static struct endpoint *endpoint_new(struct endpoints *endpoints,
                                     const struct listener_config *listener)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);

    if (endpoint == NULL)
        return NULL;
    endpoint->fds = malloc(endpoints->workers * sizeof *endpoint->fds);
    if (endpoint->fds == NULL) {
        free(endpoint);
        return NULL;
    }
    for (uint32_t w = 0; w < endpoints->workers; w++)
        endpoint->fds[w] = -1;
    endpoint->id = endpoints->next_id++;
    endpoint->key = listen_key_of(listener);
    endpoint->applied.mode = listener->mode;
    endpoint->applied.backlog = listener->backlog;
    endpoint->index = CONFIG_NONE;
    endpoint->candidate = CONFIG_NONE;
    target_from_address(&listener->address, &endpoint->where);
    return endpoint;
}

/* --- opening --- */

/* Whether one of our own endpoints has the port: then finding it taken says nothing. */
static bool port_is_ours(const struct endpoints *endpoints, const struct listener_config *listener)
{
    struct peer bound;

    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        peer_from_sockaddr((const struct sockaddr *)&e->where.address, &bound);
        if (bound.known && bound.port == listener->address.port)
            return true;
    }
    return false;
}

/* Learns where the socket is bound. False, with errno: no memory. */
static bool note_bound(struct endpoint *endpoint, int fd)
{
    struct target *where = &endpoint->where;
    struct peer peer;
    char text[PEER_TEXT_MAX];

    if (endpoint->key.transport == LISTEN_UNIX) {
        endpoint->bound = strdup(endpoint->key.address);
        return endpoint->bound != NULL;
    }
    where->len = sizeof where->address;
    if (getsockname(fd, (struct sockaddr *)&where->address, &where->len) != 0)
        return false;
    peer_from_sockaddr((const struct sockaddr *)&where->address, &peer);
    peer_print(&peer, text);
    endpoint->bound = strdup(text);
    return endpoint->bound != NULL;
}

/* Every worker after the first listens on the very port that the first one got. */
static bool open_sockets(struct endpoints *endpoints, struct endpoint *endpoint,
                         const struct listener_config *listener, const char **step)
{
    bool is_unix = endpoint->key.transport == LISTEN_UNIX;

    if (is_unix)
        net_remove_stale(&endpoint->where);
    *step = "bind";
    if (!is_unix && listener->address.port != 0 && !port_is_ours(endpoints, listener) &&
        net_probe_free(listener, &endpoint->where) != 0)
        return false;
    for (uint32_t w = 0; w < endpoints->workers; w++) {
        if (is_unix && w > 0)
            endpoint->fds[w] = fcntl(endpoint->fds[0], F_DUPFD_CLOEXEC, 0);
        else
            endpoint->fds[w] = net_listen(listener, &endpoint->where, !is_unix, step);
        if (endpoint->fds[w] < 0)
            return false;
        if (w == 0)
            note_path(endpoint);
        if (w == 0 && !note_bound(endpoint, endpoint->fds[0]))
            return false;
    }
    return true;
}

/* NULL: it cannot be opened, and `why` says why. */
static struct endpoint *open_endpoint(struct endpoints *endpoints,
                                      const struct listener_config *listener,
                                      struct endpoints_error *why)
{
    struct endpoint *endpoint = endpoint_new(endpoints, listener);

    *why = (struct endpoints_error){.listener = listener, .step = "malloc", .error = ENOMEM};
    if (endpoint == NULL)
        return NULL;
    if (!open_sockets(endpoints, endpoint, listener, &why->step)) {
        why->error = errno;
        endpoint_free(endpoints, endpoint);
        return NULL;
    }
    endpoint->next = endpoints->first;
    endpoints->first = endpoint;
    return endpoint;
}

/* The endpoint that serves this listener as it is and that no other listener has claimed. */
static struct endpoint *find_unclaimed(struct endpoints *endpoints,
                                       const struct listener_config *listener)
{
    struct listen_key key = listen_key_of(listener);

    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        if (e->candidate == CONFIG_NONE && listen_key_equal(&e->key, &key))
            return e;
    }
    return NULL;
}

bool endpoints_open(struct endpoints *endpoints, const struct config *config,
                    struct endpoints_error *why)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        assert(e->index < CONFIG_NONE); /* the change before this was committed or cancelled */
        assert(e->candidate == CONFIG_NONE);
    }
    for (uint32_t i = 0; i < config->listener_count; i++) {
        struct endpoint *endpoint = find_unclaimed(endpoints, &config->listeners[i]);
        if (endpoint == NULL)
            endpoint = open_endpoint(endpoints, &config->listeners[i], why);
        if (endpoint == NULL) {
            endpoints_cancel(endpoints);
            return false;
        }
        endpoint->candidate = i;
    }
    return true;
}

struct handed_listener *endpoints_offer(const struct endpoints *endpoints,
                                        const struct config *config, uint32_t worker)
{
    struct handed_listener *handed = calloc(config->listener_count + 1u, sizeof *handed);
    uint32_t count = 0;

    assert(worker < endpoints->workers);
    if (handed == NULL)
        return NULL;
    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        if (e->candidate == CONFIG_NONE)
            continue;
        assert((e->fds[worker] >= 0) == (e->index == CONFIG_NONE)); /* handed over just once */
        handed[count++] = (struct handed_listener){
            .endpoint = e->id, .index = e->candidate, .fd = e->fds[worker]};
    }
    assert(count == config->listener_count);
    return handed;
}

/* --- deciding --- */

/* Keeps the endpoints for which `stays` is true. */
static void close_others(struct endpoints *endpoints, bool (*stays)(const struct endpoint *))
{
    struct endpoint **link = &endpoints->first;

    while (*link != NULL) {
        struct endpoint *endpoint = *link;
        if (stays(endpoint)) {
            link = &endpoint->next;
        } else {
            *link = endpoint->next;
            endpoint_free(endpoints, endpoint);
        }
    }
}

static bool is_current(const struct endpoint *endpoint)
{
    return endpoint->index != CONFIG_NONE;
}

/* Has the open socket follow its listener as far as an open socket can. */
static void apply(struct endpoint *endpoint, const struct listener_config *listener)
{
    const char *path = listen_key_path(&endpoint->key);
    const char *address = endpoint->key.address;

    if (endpoint->applied.mode != listener->mode && path != NULL &&
        chmod(path, (mode_t)listener->mode) != 0)
        log_line(LOG_LEVEL_WARNING, "%s: cannot change its mode: %s", address, strerror(errno));
    if (endpoint->applied.backlog != listener->backlog)
        log_line(LOG_LEVEL_WARNING, "%s: backlog takes effect when the router is started anew",
                 address);
    endpoint->applied.mode = listener->mode;
    endpoint->applied.backlog = listener->backlog;
}

void endpoints_commit(struct endpoints *endpoints, const struct config *config)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        e->index = e->candidate;
        e->candidate = CONFIG_NONE;
        for (uint32_t w = 0; w < endpoints->workers; w++)
            e->fds[w] = -1;
    }
    close_others(endpoints, is_current);
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        assert(e->index < config->listener_count);
        apply(e, &config->listeners[e->index]);
    }
}

void endpoints_cancel(struct endpoints *endpoints)
{
    close_others(endpoints, is_current);
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        e->candidate = CONFIG_NONE;
}

/* --- what is there --- */

const struct endpoint *endpoints_of(const struct endpoints *endpoints, uint32_t listener)
{
    const struct endpoint *e = endpoints->first;

    while (e != NULL && e->index != listener)
        e = e->next;
    assert(e != NULL);
    return e;
}

void endpoints_remove_paths(struct endpoints *endpoints)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        remove_path(e);
}

static bool never(const struct endpoint *endpoint)
{
    (void)endpoint;
    return false;
}

void endpoints_close(struct endpoints *endpoints)
{
    close_others(endpoints, never);
}
