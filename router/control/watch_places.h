#ifndef ROUTER_WATCH_PLACES_H
#define ROUTER_WATCH_PLACES_H

/*
 * The directories in which a set of files can change: for each file the directory that has it, and
 * for each symbolic link on the way to it the directory that has the link. So the file may be
 * written, replaced or removed, and so may a link (as Kubernetes exchanges `..data`). What does not
 * exist is awaited in the deepest directory of its path that does.
 *
 * Directories are watched, not files: a watch of a file stays with what was renamed away.
 *
 * All of this may block, so it is done in the thread of errands; what comes of it is never changed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>

#include "config/files.h"

/* Where more names than these matter, every name does. */
#define WATCH_NAMES_MAX 16

struct watch_place {
    int descriptor; /* of inotify */
    char *directory;
    char *names[WATCH_NAMES_MAX];
    size_t name_count;
    bool all_names;
};

struct watch_places {
    struct watch_place *list;
    size_t count, capacity;
    int error;       /* errno why a directory is not watched; 0: all are */
    char *unwatched; /* that directory; NULL: no memory */
};

/*
 * Has the inotify instance watch the places of these files, and no others any more; `before` (NULL:
 * none) is what it watches so far. `files` may be NULL: none. Never NULL but for want of memory,
 * when all stays as it was.
 */
struct watch_places *watch_places_set(int inotify, const struct watch_places *before,
                                      const struct config_files *files);

/* Whether an event may be about one of the files. What is not known yet may be. */
bool watch_places_concern(const struct watch_places *places, const struct inotify_event *event);

/* Frees it; the instance watches on. NULL is allowed. */
void watch_places_free(struct watch_places *places);

#endif
