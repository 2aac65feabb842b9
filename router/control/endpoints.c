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
    *endpoints = (struct endpoints){.workers = workers, .next_id = 1};
}

/* --- one endpoint --- */

static void free_like(struct listener_config *like)
{
    if (like == NULL)
        return;
    free((char *)like->name);
    free((char *)like->address.text);
    free((char *)like->address.path);
    free(like);
}

static struct listener_config *copy_listener(const struct listener_config *listener)
{
    struct listener_config *like = malloc(sizeof *like);

    if (like == NULL)
        return NULL;
    *like = *listener;
    like->name = strdup(listener->name);
    like->address.text = strdup(listener->address.text);
    like->address.path = listener->address.path == NULL ? NULL : strdup(listener->address.path);
    if (like->name == NULL || like->address.text == NULL ||
        (listener->address.path != NULL && like->address.path == NULL)) {
        free_like(like);
        return NULL;
    }
    return like;
}

static bool is_path(const struct address *address)
{
    return address->kind == ADDRESS_UNIX && address->path[0] != '@';
}

/* Removes a unix socket's path, unless another process has put its own there meanwhile. */
static void remove_path(struct endpoint *endpoint)
{
    struct stat now;

    if (endpoint->path_inode != 0 && stat(endpoint->like->address.path, &now) == 0 &&
        now.st_ino == endpoint->path_inode && now.st_dev == endpoint->path_device)
        unlink(endpoint->like->address.path);
    endpoint->path_inode = 0;
}

/* Remembers which file the path was when we made it. */
static void note_path(struct endpoint *endpoint)
{
    struct stat made;

    if (is_path(&endpoint->like->address) && stat(endpoint->like->address.path, &made) == 0) {
        endpoint->path_inode = made.st_ino;
        endpoint->path_device = made.st_dev;
    }
}

static void endpoint_free(struct endpoints *endpoints, struct endpoint *endpoint)
{
    for (uint32_t w = 0; endpoint->fds != NULL && w < endpoints->workers; w++) {
        if (endpoint->fds[w] >= 0)
            close(endpoint->fds[w]);
    }
    remove_path(endpoint);
    free_like(endpoint->like);
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
    endpoint->like = copy_listener(listener);
    if (endpoint->fds == NULL || endpoint->like == NULL) {
        free(endpoint->fds);
        free_like(endpoint->like);
        free(endpoint);
        return NULL;
    }
    for (uint32_t w = 0; w < endpoints->workers; w++)
        endpoint->fds[w] = -1;
    endpoint->id = endpoints->next_id++;
    target_from_address(&listener->address, &endpoint->where);
    return endpoint;
}

/* --- opening --- */

/* Whether one of our own endpoints has the port: then finding it taken says nothing. */
static bool port_is_ours(const struct endpoints *endpoints, const struct listener_config *listener)
{
    struct peer bound;

    for (const struct endpoint *p = endpoints->first; p != NULL; p = p->next) {
        peer_from_sockaddr((const struct sockaddr *)&p->where.address, &bound);
        if (bound.known && bound.port == listener->address.port)
            return true;
    }
    return false;
}

static char *bound_text(const struct endpoint *endpoint, int fd, struct target *bound)
{
    struct peer peer;
    char text[PEER_TEXT_MAX];

    if (endpoint->like->address.kind == ADDRESS_UNIX)
        return strdup(endpoint->like->address.text);
    bound->len = sizeof bound->address;
    if (getsockname(fd, (struct sockaddr *)&bound->address, &bound->len) != 0)
        return NULL;
    peer_from_sockaddr((const struct sockaddr *)&bound->address, &peer);
    peer_print(&peer, text);
    return strdup(text);
}

/* Every worker after the first listens on the very port that the first one got. */
static bool open_sockets(struct endpoints *endpoints, struct endpoint *endpoint, const char **step)
{
    bool is_unix = endpoint->like->address.kind == ADDRESS_UNIX;

    if (is_unix)
        net_remove_stale(&endpoint->where);
    *step = "bind";
    if (!is_unix && endpoint->like->address.port != 0 && !port_is_ours(endpoints, endpoint->like) &&
        net_probe_free(endpoint->like, &endpoint->where) != 0)
        return false;
    for (uint32_t w = 0; w < endpoints->workers; w++) {
        if (is_unix && w > 0)
            endpoint->fds[w] = fcntl(endpoint->fds[0], F_DUPFD_CLOEXEC, 0);
        else
            endpoint->fds[w] = net_listen(endpoint->like, &endpoint->where, !is_unix, step);
        if (endpoint->fds[w] < 0)
            return false;
        if (w == 0)
            note_path(endpoint);
        if (w == 0 &&
            (endpoint->bound = bound_text(endpoint, endpoint->fds[0], &endpoint->where)) == NULL)
            return false;
    }
    return true;
}

/*
 * Whether the endpoint serves this listener as it is. A TCP endpoint with another backlog is opened
 * anew beside the old one; a path can only be bound once, so a unix endpoint stays and is adapted.
 */
static bool same_listener(const struct listener_config *a, const struct listener_config *b)
{
    if (strcmp(a->address.text, b->address.text) != 0)
        return false;
    if (a->address.kind == ADDRESS_UNIX)
        return true;
    return a->v6only == b->v6only && a->backlog == b->backlog &&
           (a->address.port != 0 || strcmp(a->name, b->name) == 0);
}

static void adapt(struct endpoint *endpoint, const struct listener_config *listener)
{
    if (endpoint->like->mode != listener->mode && is_path(&listener->address) &&
        chmod(listener->address.path, (mode_t)listener->mode) != 0)
        log_line(LOG_LEVEL_WARNING, "%s: cannot change its mode: %s", listener->address.text,
                 strerror(errno));
    if (endpoint->like->backlog != listener->backlog)
        log_line(LOG_LEVEL_WARNING, "%s: backlog takes effect when the router is started anew",
                 listener->address.text);
    endpoint->like->mode = listener->mode;
    endpoint->like->backlog = listener->backlog;
}

static struct endpoint *find_unclaimed(struct endpoints *endpoints,
                                       const struct listener_config *listener)
{
    for (struct endpoint *p = endpoints->first; p != NULL; p = p->next) {
        if (!p->claimed && same_listener(p->like, listener))
            return p;
    }
    return NULL;
}

/* Closes the endpoints that were opened since `first_new`. */
static void undo(struct endpoints *endpoints, uint64_t first_new)
{
    while (endpoints->first != NULL && endpoints->first->id >= first_new) {
        struct endpoint *endpoint = endpoints->first;
        endpoints->first = endpoint->next;
        endpoint_free(endpoints, endpoint);
    }
}

bool endpoints_open(struct endpoints *endpoints, const struct config *config,
                    struct endpoints_error *why)
{
    uint64_t first_new = endpoints->next_id;

    for (struct endpoint *p = endpoints->first; p != NULL; p = p->next)
        p->claimed = false;
    for (uint32_t i = 0; i < config->listener_count; i++) {
        struct endpoint *endpoint = find_unclaimed(endpoints, &config->listeners[i]);
        why->listener = &config->listeners[i];
        why->step = "malloc";
        if (endpoint == NULL) {
            endpoint = endpoint_new(endpoints, &config->listeners[i]);
            bool open = endpoint != NULL && open_sockets(endpoints, endpoint, &why->step);
            why->error = errno;
            if (!open) {
                if (endpoint != NULL)
                    endpoint_free(endpoints, endpoint);
                undo(endpoints, first_new);
                return false;
            }
            endpoint->next = endpoints->first;
            endpoints->first = endpoint;
        }
        adapt(endpoint, &config->listeners[i]);
        endpoint->claimed = true;
        endpoint->index = i;
    }
    return true;
}

void endpoints_forget_unclaimed(struct endpoints *endpoints)
{
    struct endpoint **link = &endpoints->first;

    while (*link != NULL) {
        struct endpoint *endpoint = *link;
        if (endpoint->claimed) {
            link = &endpoint->next;
        } else {
            *link = endpoint->next;
            endpoint_free(endpoints, endpoint);
        }
    }
}

const struct endpoint *endpoints_of(const struct endpoints *endpoints, uint32_t listener)
{
    const struct endpoint *p = endpoints->first;

    while (p != NULL && !(p->claimed && p->index == listener))
        p = p->next;
    assert(p != NULL);
    return p;
}

struct handed_listener *endpoints_offer(const struct endpoints *endpoints,
                                        const struct config *config, uint32_t worker)
{
    struct handed_listener *handed = calloc(config->listener_count + 1u, sizeof *handed);
    uint32_t count = 0;

    if (handed == NULL)
        return NULL;
    for (const struct endpoint *p = endpoints->first; p != NULL; p = p->next) {
        if (!p->claimed)
            continue;
        handed[count++] =
            (struct handed_listener){.endpoint = p->id, .index = p->index, .fd = p->fds[worker]};
    }
    assert(count == config->listener_count);
    return handed;
}

void endpoints_handed_over(struct endpoints *endpoints)
{
    for (struct endpoint *p = endpoints->first; p != NULL; p = p->next) {
        for (uint32_t w = 0; w < endpoints->workers; w++)
            p->fds[w] = -1;
    }
}

void endpoints_remove_paths(struct endpoints *endpoints)
{
    for (struct endpoint *p = endpoints->first; p != NULL; p = p->next)
        remove_path(p);
}

void endpoints_close(struct endpoints *endpoints)
{
    undo(endpoints, 0);
}
