#include "router/control/watch_places.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Not IN_MODIFY: whoever writes closes at last, and a log in the same directory would wake control
 * for each of its lines.
 */
#define EVENTS                                                                                     \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* As many as the kernel follows. */
#define LINKS_MAX 40

/* --- the list --- */

void watch_places_free(struct watch_places *places)
{
    if (places == NULL)
        return;
    for (size_t i = 0; i < places->count; i++) {
        struct watch_place *place = &places->list[i];
        for (size_t n = 0; n < place->name_count; n++)
            free(place->names[n]);
        free(place->directory);
    }
    free(places->list);
    free(places->unwatched);
    free(places);
}

/* NULL: no memory. */
static struct watch_place *find_or_add(struct watch_places *places, const char *directory)
{
    for (size_t i = 0; i < places->count; i++) {
        if (strcmp(places->list[i].directory, directory) == 0)
            return &places->list[i];
    }
    if (places->count == places->capacity) {
        size_t capacity = places->capacity * 2 + 4;
        struct watch_place *list = realloc(places->list, capacity * sizeof *list);
        if (list == NULL)
            return NULL;
        places->list = list;
        places->capacity = capacity;
    }
    char *copy = strdup(directory);
    if (copy == NULL)
        return NULL;
    places->list[places->count] = (struct watch_place){.descriptor = -1, .directory = copy};
    return &places->list[places->count++];
}

static bool has_name(const struct watch_place *place, const char *name)
{
    for (size_t i = 0; i < place->name_count; i++) {
        if (strcmp(place->names[i], name) == 0)
            return true;
    }
    return place->all_names;
}

/* `name` matters in that directory; NULL: every name does. False: no memory. */
static bool note(struct watch_places *places, const char *directory, const char *name)
{
    struct watch_place *place = find_or_add(places, directory[0] == '\0' ? "." : directory);

    if (place == NULL)
        return false;
    if (name == NULL || place->name_count == WATCH_NAMES_MAX)
        place->all_names = true;
    if (name == NULL || has_name(place, name))
        return true;
    char *copy = strdup(name);
    if (copy == NULL)
        return false;
    place->names[place->name_count++] = copy;
    return true;
}

/* --- along a path --- */

/* A path that is followed: `done` has no links, `left` is to be followed from there. */
struct path_walk {
    char done[PATH_MAX];
    char left[PATH_MAX];
    unsigned links;
};

static bool append(char *path, const char *name)
{
    size_t len = strlen(path), room = PATH_MAX - len;
    bool slash = len > 0 && path[len - 1] != '/';
    int n = snprintf(path + len, room, "%s%s", slash ? "/" : "", name);

    return n >= 0 && (size_t)n < room;
}

/* Takes the first name of what is left. False: nothing is left, or it is too long. */
static bool next_name(struct path_walk *walk, char name[NAME_MAX + 1])
{
    const char *from = walk->left + strspn(walk->left, "/");
    size_t len = strcspn(from, "/");

    if (len == 0 || len > NAME_MAX)
        return false;
    memcpy(name, from, len);
    name[len] = '\0';
    memmove(walk->left, from + len, strlen(from + len) + 1);
    return true;
}

/* The link's target comes before what is left. False: there is no following it. */
static bool follow(struct path_walk *walk, const char *link)
{
    char target[PATH_MAX], left[PATH_MAX];
    ssize_t len = readlink(link, target, sizeof target - 1);

    if (len <= 0 || ++walk->links > LINKS_MAX)
        return false;
    target[len] = '\0';
    int n = snprintf(left, sizeof left, "%s/%s", target, walk->left);
    if (n < 0 || (size_t)n >= sizeof left)
        return false;
    memcpy(walk->left, left, (size_t)n + 1);
    if (target[0] == '/')
        memcpy(walk->done, "/", 2);
    return true;
}

/* Notes the directories along a path; of one that is a directory itself, every name. */
static bool note_path(struct watch_places *places, const char *path, bool directory)
{
    struct path_walk walk = {0};
    char name[NAME_MAX + 1], here[PATH_MAX];
    struct stat what;

    if (strlen(path) >= sizeof walk.left)
        return true; /* nobody can open it */
    memcpy(walk.left, path, strlen(path) + 1);
    if (path[0] == '/')
        memcpy(walk.done, "/", 2);
    while (next_name(&walk, name)) {
        memcpy(here, walk.done, sizeof here);
        if (!append(here, name))
            return true;
        bool exists = lstat(here, &what) == 0;
        bool link = exists && S_ISLNK(what.st_mode);
        bool last = walk.left[strspn(walk.left, "/")] == '\0';
        if ((!exists || link || last) && !note(places, walk.done, name))
            return false;
        if (!exists || (link && !follow(&walk, here)))
            return true;
        if (!link)
            memcpy(walk.done, here, sizeof here);
    }
    return !directory || note(places, walk.done, NULL);
}

/* The files that the pattern may match come into its directory. */
static bool note_pattern(struct watch_places *places, const char *pattern)
{
    const char *slash = strrchr(pattern, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - pattern);
    char directory[PATH_MAX] = ".";

    if (len >= sizeof directory)
        return true;
    if (slash == pattern)
        len = 1;
    if (len > 0) {
        memcpy(directory, pattern, len);
        directory[len] = '\0';
    }
    return note_path(places, directory, true);
}

static bool note_files(struct watch_places *places, const struct config_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (!note_path(places, files->list[i].path, false))
            return false;
    }
    for (size_t i = 0; i < files->pattern_count; i++) {
        if (!note_pattern(places, files->patterns[i]))
            return false;
    }
    return true;
}

/* --- the instance --- */

static bool is_watched(const struct watch_places *places, int descriptor)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->list[i].descriptor == descriptor)
            return true;
    }
    return false;
}

/* One that has gone meanwhile is told by an event of the directory above it, or found by polling.
 */
static void watch(int inotify, struct watch_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        struct watch_place *place = &places->list[i];
        place->descriptor = inotify_add_watch(inotify, place->directory, EVENTS);
        bool gone = errno == ENOENT || errno == ENOTDIR;
        if (place->descriptor >= 0 || gone || places->error != 0)
            continue;
        places->error = errno;
        places->unwatched = strdup(place->directory);
    }
}

struct watch_places *watch_places_set(int inotify, const struct watch_places *before,
                                      const struct config_files *files)
{
    struct watch_places *places = calloc(1, sizeof *places);

    if (places == NULL)
        return NULL;
    if (files != NULL && !note_files(places, files)) {
        watch_places_free(places);
        return NULL;
    }
    watch(inotify, places);
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        int descriptor = before->list[i].descriptor;
        if (descriptor >= 0 && !is_watched(places, descriptor))
            (void)inotify_rm_watch(inotify, descriptor);
    }
    return places;
}

bool watch_places_concern(const struct watch_places *places, const struct inotify_event *event)
{
    bool known = false;

    if ((event->mask & IN_Q_OVERFLOW) != 0)
        return true;
    for (size_t i = 0; places != NULL && i < places->count; i++) {
        const struct watch_place *place = &places->list[i];
        if (place->descriptor != event->wd)
            continue;
        known = true;
        if (event->len == 0 || has_name(place, event->name))
            return true;
    }
    return !known && (event->mask & IN_IGNORED) == 0;
}
