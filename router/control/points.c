#include "router/control/points.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "router/log/log.h"
#include "router/net/net.h"

void points_init(struct points *points, uint32_t workers)
{
    *points = (struct points){.workers = workers, .next_id = 1};
}

/* --- one point --- */

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
static void remove_path(struct point *point)
{
    struct stat now;

    if (point->path_inode != 0 && stat(point->like->address.path, &now) == 0 &&
        now.st_ino == point->path_inode && now.st_dev == point->path_device)
        unlink(point->like->address.path);
    point->path_inode = 0;
}

/* Remembers which file the path was when we made it. */
static void note_path(struct point *point)
{
    struct stat made;

    if (is_path(&point->like->address) && stat(point->like->address.path, &made) == 0) {
        point->path_inode = made.st_ino;
        point->path_device = made.st_dev;
    }
}

static void point_free(struct points *points, struct point *point)
{
    for (uint32_t w = 0; point->fds != NULL && w < points->workers; w++) {
        if (point->fds[w] >= 0)
            close(point->fds[w]);
    }
    remove_path(point);
    free_like(point->like);
    free(point->bound);
    free(point->fds);
    free(point);
}

static struct point *point_new(struct points *points, const struct listener_config *listener)
{
    struct point *point = calloc(1, sizeof *point);

    if (point == NULL)
        return NULL;
    point->fds = malloc(points->workers * sizeof *point->fds);
    point->like = copy_listener(listener);
    if (point->fds == NULL || point->like == NULL) {
        free(point->fds);
        free_like(point->like);
        free(point);
        return NULL;
    }
    for (uint32_t w = 0; w < points->workers; w++)
        point->fds[w] = -1;
    point->id = points->next_id++;
    target_from_address(&listener->address, &point->where);
    return point;
}

/* --- opening --- */

/* Whether one of our own points has the port: then finding it taken says nothing. */
static bool port_is_ours(const struct points *points, const struct listener_config *listener)
{
    struct peer bound;

    for (const struct point *p = points->first; p != NULL; p = p->next) {
        peer_from_sockaddr((const struct sockaddr *)&p->where.address, &bound);
        if (bound.known && bound.port == listener->address.port)
            return true;
    }
    return false;
}

static char *bound_text(const struct point *point, int fd, struct target *bound)
{
    struct peer peer;
    char text[PEER_TEXT_MAX];

    if (point->like->address.kind == ADDRESS_UNIX)
        return strdup(point->like->address.text);
    bound->len = sizeof bound->address;
    if (getsockname(fd, (struct sockaddr *)&bound->address, &bound->len) != 0)
        return NULL;
    peer_from_sockaddr((const struct sockaddr *)&bound->address, &peer);
    peer_print(&peer, text);
    return strdup(text);
}

/* Every worker after the first listens on the very port that the first one got. */
static bool open_sockets(struct points *points, struct point *point, const char **step)
{
    bool is_unix = point->like->address.kind == ADDRESS_UNIX;

    if (is_unix)
        net_remove_stale(&point->where);
    *step = "bind";
    if (!is_unix && point->like->address.port != 0 && !port_is_ours(points, point->like) &&
        net_probe_free(point->like, &point->where) != 0)
        return false;
    for (uint32_t w = 0; w < points->workers; w++) {
        if (is_unix && w > 0)
            point->fds[w] = fcntl(point->fds[0], F_DUPFD_CLOEXEC, 0);
        else
            point->fds[w] = net_listen(point->like, &point->where, !is_unix, step);
        if (point->fds[w] < 0)
            return false;
        if (w == 0)
            note_path(point);
        if (w == 0 && (point->bound = bound_text(point, point->fds[0], &point->where)) == NULL)
            return false;
    }
    return true;
}

/*
 * Whether the point serves this listener as it is. A TCP point with another backlog is opened anew
 * beside the old one; a path can only be bound once, so a unix point stays and is adapted.
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

static void adapt(struct point *point, const struct listener_config *listener)
{
    if (point->like->mode != listener->mode && is_path(&listener->address) &&
        chmod(listener->address.path, (mode_t)listener->mode) != 0)
        log_line(LOG_LEVEL_WARNING, "%s: cannot change its mode: %s", listener->address.text,
                 strerror(errno));
    if (point->like->backlog != listener->backlog)
        log_line(LOG_LEVEL_WARNING, "%s: backlog takes effect when the router is started anew",
                 listener->address.text);
    point->like->mode = listener->mode;
    point->like->backlog = listener->backlog;
}

static struct point *find_unclaimed(struct points *points, const struct listener_config *listener)
{
    for (struct point *p = points->first; p != NULL; p = p->next) {
        if (!p->claimed && same_listener(p->like, listener))
            return p;
    }
    return NULL;
}

/* Closes the points that were opened since `first_new`. */
static void undo(struct points *points, uint64_t first_new)
{
    while (points->first != NULL && points->first->id >= first_new) {
        struct point *point = points->first;
        points->first = point->next;
        point_free(points, point);
    }
}

bool points_open(struct points *points, const struct config *config, struct points_error *why)
{
    uint64_t first_new = points->next_id;

    for (struct point *p = points->first; p != NULL; p = p->next)
        p->claimed = false;
    for (uint32_t i = 0; i < config->listener_count; i++) {
        struct point *point = find_unclaimed(points, &config->listeners[i]);
        why->listener = &config->listeners[i];
        why->step = "malloc";
        if (point == NULL) {
            point = point_new(points, &config->listeners[i]);
            bool open = point != NULL && open_sockets(points, point, &why->step);
            why->error = errno;
            if (!open) {
                if (point != NULL)
                    point_free(points, point);
                undo(points, first_new);
                return false;
            }
            point->next = points->first;
            points->first = point;
        }
        adapt(point, &config->listeners[i]);
        point->claimed = true;
        point->index = i;
    }
    return true;
}

void points_forget_unclaimed(struct points *points)
{
    struct point **link = &points->first;

    while (*link != NULL) {
        struct point *point = *link;
        if (point->claimed) {
            link = &point->next;
        } else {
            *link = point->next;
            point_free(points, point);
        }
    }
}

const struct point *points_of(const struct points *points, uint32_t listener)
{
    const struct point *p = points->first;

    while (p != NULL && !(p->claimed && p->index == listener))
        p = p->next;
    assert(p != NULL);
    return p;
}

struct listener_seat *points_seats(const struct points *points, const struct config *config,
                                   uint32_t worker)
{
    struct listener_seat *seats = calloc(config->listener_count + 1u, sizeof *seats);
    uint32_t count = 0;

    if (seats == NULL)
        return NULL;
    for (const struct point *p = points->first; p != NULL; p = p->next) {
        if (!p->claimed)
            continue;
        seats[count++] =
            (struct listener_seat){.point = p->id, .index = p->index, .fd = p->fds[worker]};
    }
    assert(count == config->listener_count);
    return seats;
}

void points_handed_over(struct points *points)
{
    for (struct point *p = points->first; p != NULL; p = p->next) {
        for (uint32_t w = 0; w < points->workers; w++)
            p->fds[w] = -1;
    }
}

void points_remove_paths(struct points *points)
{
    for (struct point *p = points->first; p != NULL; p = p->next)
        remove_path(p);
}

void points_close(struct points *points)
{
    undo(points, 0);
}
