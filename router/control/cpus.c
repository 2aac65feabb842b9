#include "router/control/cpus.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* One line of /proc/self/cgroup or /proc/self/mountinfo. */
#define LINE_MAX_BYTES 8192

/* The two ways in which the kernel tells a quota. */
enum version { CGROUP_V1, CGROUP_V2 };

/* --- reading small files --- */

static FILE *open_below(const char *root, const char *path)
{
    char whole[PATH_MAX];
    int len = snprintf(whole, sizeof whole, "%s%s", root, path);

    return len > 0 && (size_t)len < sizeof whole ? fopen(whole, "re") : NULL;
}

/* The first line of a file in a directory below root. */
static bool read_line(const char *root, const char *dir, const char *name, char *line, int size)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = len > 0 && (size_t)len < sizeof path ? open_below(root, path) : NULL;

    if (file == NULL)
        return false;
    bool read = fgets(line, size, file) != NULL;
    fclose(file);
    return read;
}

/* --- a quota --- */

/* Whole CPUs that so many microseconds in each period pay for. 0: not a quota. */
static uint32_t whole_cpus(int64_t quota_us, int64_t period_us)
{
    if (quota_us <= 0 || period_us <= 0)
        return 0;
    int64_t cpus = quota_us / period_us + (quota_us % period_us != 0);
    return cpus < UINT32_MAX ? (uint32_t)cpus : UINT32_MAX;
}

/* Of one cgroup. "max 100000" and -1 are no quota, nor is a file that is not there. */
static uint32_t quota_of(const char *root, const char *dir, enum version version)
{
    char line[128];
    int64_t quota_us, period_us;

    if (version == CGROUP_V2) {
        bool read = read_line(root, dir, "cpu.max", line, sizeof line) &&
                    sscanf(line, "%" SCNd64 " %" SCNd64, &quota_us, &period_us) == 2;
        return read ? whole_cpus(quota_us, period_us) : 0;
    }
    if (!read_line(root, dir, "cpu.cfs_quota_us", line, sizeof line) ||
        sscanf(line, "%" SCNd64, &quota_us) != 1 ||
        !read_line(root, dir, "cpu.cfs_period_us", line, sizeof line) ||
        sscanf(line, "%" SCNd64, &period_us) != 1)
        return 0;
    return whole_cpus(quota_us, period_us);
}

static uint32_t smaller(uint32_t one, uint32_t other)
{
    if (one == 0 || other == 0)
        return one != 0 ? one : other;
    return one < other ? one : other;
}

/* The smallest from a cgroup up to the mount point of its tree; cuts `dir` on the way. */
static uint32_t quota_upwards(const char *root, char *dir, size_t mount_len, enum version version)
{
    uint32_t least = 0;

    for (;;) {
        least = smaller(least, quota_of(root, dir, version));
        size_t len = strlen(dir);
        if (len <= mount_len)
            return least;
        while (len > mount_len && dir[len - 1] != '/')
            len--;
        dir[len > mount_len ? len - 1 : mount_len] = '\0';
    }
}

/* --- finding the cgroup --- */

/* Whether a list such as "cpu,cpuacct" has this word. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

/* The process's path in the tree of the CPU controller. False: it is in none of this version. */
static bool find_path(const char *root, enum version version, char *line, char **path)
{
    FILE *file = open_below(root, "/proc/self/cgroup");
    bool found = false;

    while (file != NULL && !found && fgets(line, LINE_MAX_BYTES, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'); /* 4:cpu,cpuacct:/path or 0::/path */
        *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (*path == NULL)
            continue;
        *(*path)++ = '\0';
        controllers++;
        found = version == CGROUP_V2 ? controllers[0] == '\0' : has_word(controllers, "cpu");
    }
    if (file != NULL)
        fclose(file);
    return found;
}

/* \040 and the like, as mountinfo writes blanks in paths. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

struct mount {
    char *top;   /* which directory of the tree is mounted */
    char *point; /* where */
};

/*
 * Takes a line of mountinfo apart, "36 35 98:0 /top /point rw - cgroup name rw,cpu" with any number
 * of fields before the dash. False: not the tree looked for.
 */
static bool parse_mount(char *line, enum version version, struct mount *mount)
{
    char *rest = line, *type = strstr(line, " - ");
    char *fields[5], *end[3] = {NULL};

    if (type == NULL)
        return false;
    *type = '\0';
    type += 3;
    for (size_t i = 0; i < 5; i++)
        fields[i] = strsep(&rest, " ");
    for (size_t i = 0; i < 3; i++)
        end[i] = strsep(&type, " \n");
    if (fields[4] == NULL || end[2] == NULL)
        return false;
    unescape(mount->top = fields[3]);
    unescape(mount->point = fields[4]);
    if (version == CGROUP_V2)
        return strcmp(end[0], "cgroup2") == 0;
    return strcmp(end[0], "cgroup") == 0 && has_word(end[2], "cpu");
}

/* Whether the process's path is below what is mounted, and the part of it that is. */
static bool is_below(const char *path, const char *top, const char **rest)
{
    size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);

    if (strncmp(path, top, len) != 0 || (path[len] != '/' && path[len] != '\0') ||
        strstr(path, "/..") != NULL)
        return false;
    *rest = strcmp(path + len, "/") == 0 ? "" : path + len;
    return true;
}

/* The smallest from a directory below a mount point up to that. */
static uint32_t quota_at(const char *root, const struct mount *mount, const char *rest,
                         enum version version)
{
    char dir[PATH_MAX];
    int len = snprintf(dir, sizeof dir, "%s%s", mount->point, rest);

    if (len < 0 || (size_t)len >= sizeof dir)
        return 0;
    return quota_upwards(root, dir, strlen(mount->point), version);
}

/*
 * Of all places where the tree is mounted those count that the process's path is below of. A
 * container often sees another path than the one that is mounted for it: then what is mounted first
 * is all that can be looked at.
 */
static uint32_t quota_in(const char *root, enum version version)
{
    char cgroup_line[LINE_MAX_BYTES], line[LINE_MAX_BYTES], *path = NULL;
    uint32_t least = 0, other = 0;
    bool below = false, elsewhere = false;

    if (!find_path(root, version, cgroup_line, &path))
        return 0;
    FILE *file = open_below(root, "/proc/self/mountinfo");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        struct mount mount;
        const char *rest;

        if (!parse_mount(line, version, &mount))
            continue;
        if (is_below(path, mount.top, &rest)) {
            least = smaller(least, quota_at(root, &mount, rest, version));
            below = true;
        } else if (!elsewhere) {
            other = quota_at(root, &mount, "", version);
            elsewhere = true;
        }
    }
    if (file != NULL)
        fclose(file);
    return below ? least : other;
}

uint32_t cpus_quota_below(const char *root)
{
    return smaller(quota_in(root, CGROUP_V1), quota_in(root, CGROUP_V2));
}

/* --- together --- */

struct cpus cpus_read(void)
{
    return (struct cpus){.affinity = uv_available_parallelism(), .quota = cpus_quota_below("")};
}

uint32_t cpus_usable(struct cpus cpus)
{
    return smaller(cpus.affinity, cpus.quota);
}
