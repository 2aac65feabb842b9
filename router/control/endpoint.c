#include "router/control/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "router/control/listen_error.h"
#include "router/log/log.h"
#include "router/net/net_listen.h"

static bool is_unix(const struct endpoint *endpoint)
{
    return endpoint->key.transport == LISTEN_UNIX;
}

/* --- life --- */

/* ":443" is "[::]:443", and "0.0.0.0:443" where there is no IPv6. */
static void choose_address(struct endpoint *endpoint, const struct listener_config *listener)
{
    struct address ipv4 = {.kind = ADDRESS_IPV4, .port = listener->address.port};
    char title[LISTEN_TITLE_MAX];

    target_from_address(&listener->address, &endpoint->where);
    endpoint->v6only = listener->v6only;
    if (!listener->address.any || listener->v6only || net_has_ipv6())
        return;
    target_from_address(&ipv4, &endpoint->where);
    log_line(LOG_LEVEL_INFO, "this system has no IPv6: %s is 0.0.0.0:%u",
             listen_title(listener, listener->address.text, title), listener->address.port);
}

/* Slots without sockets, instead of those there are. False: no memory. */
static bool make_slots(struct endpoint *endpoint, uint32_t rounds)
{
    struct endpoint_socket *sockets =
        calloc((size_t)endpoint->workers * rounds, sizeof *endpoint->sockets);

    if (sockets == NULL)
        return false;
    free(endpoint->sockets);
    endpoint->sockets = sockets;
    endpoint->rounds = rounds;
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++)
        sockets[slot].fd = -1;
    return true;
}

struct endpoint *endpoint_new(const struct listener_config *listener, uint64_t id, uint32_t workers)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);

    if (endpoint == NULL)
        return NULL;
    endpoint->workers = workers;
    if (!make_slots(endpoint, 1)) {
        free(endpoint);
        return NULL;
    }
    endpoint->id = id;
    endpoint->key = listen_key_of(listener);
    endpoint->mode = listener->mode;
    endpoint->index = CONFIG_NONE;
    endpoint->candidate = CONFIG_NONE;
    choose_address(endpoint, listener);
    return endpoint;
}

void endpoint_take_back(struct endpoint *endpoint)
{
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        struct endpoint_socket *socket = &endpoint->sockets[slot];
        if (socket->fd < 0)
            continue;
        close(socket->fd);
        socket->fd = -1;
        socket->open = false;
        socket->generation--;
    }
}

void endpoint_free(struct endpoint *endpoint)
{
    endpoint_take_back(endpoint);
    endpoint_remove_path(endpoint);
    free(endpoint->bound);
    free(endpoint->sockets);
    free(endpoint);
}

/* --- paths --- */

bool endpoint_path_is_ours(const struct endpoint *endpoint)
{
    const char *path = listen_key_path(&endpoint->key);
    struct stat now;

    if (path == NULL || endpoint->kept || endpoint->shared)
        return true;
    return endpoint->path_inode != 0 && stat(path, &now) == 0 &&
           now.st_ino == endpoint->path_inode && now.st_dev == endpoint->path_device;
}

void endpoint_remove_path(struct endpoint *endpoint)
{
    const char *path = listen_key_path(&endpoint->key);

    if (path == NULL || endpoint->kept || endpoint->shared || !endpoint_path_is_ours(endpoint))
        return;
    unlink(path);
    endpoint->path_inode = 0;
}

void endpoint_give_up_path(struct endpoint *endpoint)
{
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

void endpoint_set_mode(struct endpoint *endpoint, uint32_t mode)
{
    const char *path = listen_key_path(&endpoint->key);

    if (endpoint->mode == mode)
        return;
    endpoint->mode = mode;
    if (path != NULL && endpoint_path_is_ours(endpoint) && chmod(path, (mode_t)mode) != 0)
        log_line(LOG_LEVEL_WARNING, "%s: cannot change its mode: %s", endpoint->key.address,
                 strerror(errno));
}

/* --- listening --- */

/* Learns where the socket is bound. 0, or an errno. */
static int note_bound(struct endpoint *endpoint, int fd)
{
    struct target *where = &endpoint->where;
    struct peer peer;
    char text[PEER_TEXT_MAX];

    if (endpoint->bound != NULL) /* it is opened again where it was */
        return 0;
    if (is_unix(endpoint)) {
        endpoint->bound = strdup(endpoint->key.address);
        return endpoint->bound != NULL ? 0 : ENOMEM;
    }
    where->len = sizeof where->address;
    if (getsockname(fd, (struct sockaddr *)&where->address, &where->len) != 0)
        return errno;
    peer_from_sockaddr((const struct sockaddr *)&where->address, &peer);
    peer_print(&peer, text);
    endpoint->bound = strdup(text);
    return endpoint->bound != NULL ? 0 : ENOMEM;
}

static ino_t inode_of(int fd)
{
    struct stat found;

    return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

/* Another descriptor of the one socket that all workers share. 0, or an errno. */
static int duplicate(int fd, int *copy, const char **step)
{
    *step = "dup";
    *copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return *copy >= 0 ? 0 : errno;
}

/*
 * A socket for a worker. Every one after the first is bound to the very port that the first got. 0,
 * or an errno.
 */
static int open_one(struct endpoint *endpoint, const struct listener_config *listener,
                    uint32_t slot, bool claim, const char **step)
{
    struct endpoint_socket *socket = &endpoint->sockets[slot];
    enum net_sharing sharing = is_unix(endpoint)    ? NET_ALONE
                               : claim && slot == 0 ? NET_CLAIM
                                                    : NET_JOIN;
    int error = is_unix(endpoint) && slot > 0
                    ? duplicate(endpoint->sockets[0].fd, &socket->fd, step)
                    : net_listen(listener, &endpoint->where, sharing, &socket->fd, step);

    if (error != 0)
        return error;
    if (slot == 0)
        note_path(endpoint);
    socket->open = true;
    socket->generation++;
    socket->inode = inode_of(socket->fd);
    *step = "getsockname";
    return note_bound(endpoint, socket->fd);
}

static bool is_all_open(const struct endpoint *endpoint)
{
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        if (!endpoint->sockets[slot].open)
            return false;
    }
    return true;
}

/* All workers share the one socket, so it is opened for all. */
static void set_open(struct endpoint *endpoint, bool open)
{
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++)
        endpoint->sockets[slot].open = open;
}

/*
 * There are systems where no socket may join one that shares only since it listens (gVisor): there
 * the first one shares from the start.
 */
static int open_missing(struct endpoint *endpoint, const struct listener_config *listener,
                        bool claim, const char **step)
{
    int error = 0;
    uint32_t slot;

    for (slot = 0; slot < endpoint_slots(endpoint) && error == 0; slot++) {
        if (!endpoint->sockets[slot].open)
            error = open_one(endpoint, listener, slot, claim, step);
    }
    if (error == 0) {
        endpoint->hidden = false;
        return 0;
    }
    endpoint_take_back(endpoint);
    if (claim && slot > 1 && error == EADDRINUSE)
        return open_missing(endpoint, listener, false, step);
    return error;
}

int endpoint_listen(struct endpoint *endpoint, const struct listener_config *listener, bool claim,
                    const char **step)
{
    bool had_all = is_all_open(endpoint);

    if (!is_unix(endpoint))
        return open_missing(endpoint, listener, claim, step);
    endpoint_remove_path(endpoint);
    net_remove_stale(&endpoint->where);
    set_open(endpoint, false);
    int error = open_missing(endpoint, listener, false, step);
    if (error == 0)
        return 0;
    endpoint_remove_path(endpoint);
    set_open(endpoint, had_all); /* workers still have the old one, wherever its path is */
    return error;
}

/* --- sockets that were passed --- */

/* A socket that listens already, for a slot; *shared is used up by the first slot that it is for.
 */
static int fill_slot(struct endpoint *endpoint, uint32_t slot, int *shared, int fd)
{
    struct endpoint_socket *socket = &endpoint->sockets[slot];
    const char *step;

    socket->fd = *shared;
    *shared = -1;
    if (socket->fd < 0) {
        int error = duplicate(fd, &socket->fd, &step);
        if (error != 0)
            return error;
    }
    socket->open = true;
    socket->generation = 1;
    socket->inode = inode_of(socket->fd);
    return 0;
}

/*
 * Whole rounds of one socket for each worker; each of the rest is a round that all share. Few that
 * others may join are not shared: then some workers have none yet.
 */
static int fill_slots(struct endpoint *endpoint, const int *fds, uint32_t count, bool joinable)
{
    uint32_t workers = endpoint->workers, whole = count - count % workers;

    if (joinable && whole == 0)
        whole = count;
    for (uint32_t i = 0; i < count; i++) {
        int fd = fds[i];
        uint32_t first = i < whole ? i : (whole + workers - 1) / workers * workers;
        uint32_t slots = i < whole ? 1 : workers;
        if (i >= whole)
            first += (i - whole) * workers;
        for (uint32_t slot = first; slot < first + slots; slot++) {
            int error = fill_slot(endpoint, slot, &fd, fds[i]);
            if (error != 0)
                return error;
        }
    }
    return 0;
}

/* Closes the duplicates that were made; the sockets that were passed are the caller's again. */
static void unfill_slots(struct endpoint *endpoint, const int *fds, uint32_t count)
{
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        struct endpoint_socket *socket = &endpoint->sockets[slot];
        bool passed = socket->fd < 0;
        for (uint32_t i = 0; !passed && i < count; i++)
            passed = socket->fd == fds[i];
        if (!passed)
            close(socket->fd);
        *socket = (struct endpoint_socket){.fd = -1};
    }
}

int endpoint_adopt(struct endpoint *endpoint, const struct listener_config *listener,
                   const int *fds, uint32_t count, bool kept, bool shared)
{
    bool joinable = !is_unix(endpoint) && !kept && net_may_be_joined(fds[0]);
    uint32_t rounds = count / endpoint->workers + count % endpoint->workers;

    assert(count > 0 && endpoint->bound == NULL);
    if (joinable && count < endpoint->workers)
        rounds = 1;
    if (!make_slots(endpoint, rounds))
        return ENOMEM;
    endpoint->kept = kept;
    endpoint->shared = shared;
    int error = fill_slots(endpoint, fds, count, joinable);
    if (error == 0)
        error = note_bound(endpoint, fds[0]);
    if (error != 0) {
        unfill_slots(endpoint, fds, count);
        return error;
    }
    for (uint32_t i = 0; i < count; i++)
        net_adopt_listening(fds[i], listener, &endpoint->where);
    note_path(endpoint);
    return 0;
}

/* --- what is there --- */

bool endpoint_is_open(const struct endpoint *endpoint)
{
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        if (endpoint->sockets[slot].open)
            return true;
    }
    return false;
}

bool endpoint_is_deaf(const struct endpoint *endpoint)
{
    return endpoint->hidden || !is_all_open(endpoint);
}

bool endpoint_has_inode(const struct endpoint *endpoint, uint64_t inode)
{
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        /* the kernel tells of 32 bits */
        if ((uint32_t)endpoint->sockets[slot].inode == (uint32_t)inode)
            return true;
    }
    return false;
}
