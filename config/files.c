#include "config/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/json_scan.h"
#include "config/text/hash.h"

/* What is hashed at once, and how much of a file at most: more than that is refused anyway. */
#define PIECE_BYTES  ((size_t)65536)
#define HASHED_BYTES (JSON_BYTES_MAX + 1)

/* --- the set --- */

struct config_files *config_files_new(void)
{
    struct config_files *files = calloc(1, sizeof *files);

    if (files != NULL)
        files->holders = 1;
    return files;
}

struct config_files *config_files_hold(struct config_files *files)
{
    if (files != NULL) {
        assert(files->holders > 0 && files->holders < UINT32_MAX);
        files->holders++;
    }
    return files;
}

void config_files_drop(struct config_files *files)
{
    if (files == NULL)
        return;
    assert(files->holders > 0);
    if (--files->holders > 0)
        return;
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i].path);
    for (size_t i = 0; i < files->pattern_count; i++)
        free(files->patterns[i]);
    free(files->list);
    free(files->patterns);
    free(files);
}

static void note(struct config_files *files, const char *path, uint64_t hash, int error)
{
    assert(files->holders == 1);
    if (files->count == files->capacity) {
        size_t capacity = files->capacity * 2 + 4;
        struct config_file *list = realloc(files->list, capacity * sizeof *list);
        if (list == NULL) {
            files->no_memory = true;
            return;
        }
        files->list = list;
        files->capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        files->no_memory = true;
        return;
    }
    files->list[files->count++] = (struct config_file){copy, hash, error};
}

void config_files_add(struct config_files *files, const char *path, const void *bytes, size_t len)
{
    uint64_t hash = 0;

    if (len > HASHED_BYTES)
        len = HASHED_BYTES;
    for (size_t at = 0; at < len; at += PIECE_BYTES) {
        size_t piece = len - at < PIECE_BYTES ? len - at : PIECE_BYTES;
        hash = hash_bytes((const char *)bytes + at, piece, hash);
    }
    note(files, path, hash, 0);
}

void config_files_add_failed(struct config_files *files, const char *path, int error)
{
    assert(error != 0);
    note(files, path, 0, error);
}

void config_files_add_pattern(struct config_files *files, const char *pattern)
{
    char **patterns = realloc(files->patterns, (files->pattern_count + 1) * sizeof *patterns);
    char *copy = strdup(pattern);

    assert(files->holders == 1);
    if (patterns != NULL)
        files->patterns = patterns;
    if (patterns == NULL || copy == NULL) {
        free(copy);
        files->no_memory = true;
        return;
    }
    files->patterns[files->pattern_count++] = copy;
}

bool config_files_same(const struct config_files *one, const struct config_files *other)
{
    if (one->no_memory || other->no_memory || one->count != other->count ||
        one->pattern_count != other->pattern_count)
        return false;
    for (size_t i = 0; i < one->count; i++) {
        const struct config_file *a = &one->list[i], *b = &other->list[i];
        if (a->hash != b->hash || a->error != b->error || strcmp(a->path, b->path) != 0)
            return false;
    }
    for (size_t i = 0; i < one->pattern_count; i++) {
        if (strcmp(one->patterns[i], other->patterns[i]) != 0)
            return false;
    }
    return true;
}

/* --- looking --- */

bool config_file_is_read_once(const char *path)
{
    struct stat what;

    return strcmp(path, "-") == 0 ||
           (stat(path, &what) == 0 && (S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode)));
}

/* Fills the piece, but at the end of the file. 0 or an errno. */
static int read_piece(int fd, char *piece, size_t *len)
{
    *len = 0;
    while (*len < PIECE_BYTES) {
        ssize_t got = read(fd, piece + *len, PIECE_BYTES - *len);
        if (got == 0)
            return 0;
        if (got > 0)
            *len += (size_t)got;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

bool config_file_is_too_large(int fd)
{
    struct stat what;

    return fstat(fd, &what) == 0 && what.st_size > (off_t)JSON_BYTES_MAX;
}

/* As config_files_add() hashes what was read. 0 or an errno. */
static int hash_file(int fd, char *piece, uint64_t *hash)
{
    size_t total = 0, len;

    if (config_file_is_too_large(fd))
        return EFBIG;
    *hash = 0;
    do {
        int error = read_piece(fd, piece, &len);
        if (error != 0)
            return error;
        if (len > HASHED_BYTES - total)
            len = HASHED_BYTES - total;
        if (len > 0)
            *hash = hash_bytes(piece, len, *hash);
        total += len;
    } while (len == PIECE_BYTES);
    return 0;
}

static void look_at(struct config_files *now, const char *path, char *piece)
{
    uint64_t hash = 0;
    int error = config_file_is_read_once(path) ? ESPIPE : 0;
    int fd = -1;

    if (error == 0)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (error == 0)
        error = fd < 0 ? errno : hash_file(fd, piece, &hash);
    if (fd >= 0)
        close(fd);
    note(now, path, error == 0 ? hash : 0, error);
}

/* `hint`: where it should be, since those of a pattern are in order; moves on. */
static bool is_noted(const struct config_files *files, const char *path, size_t *hint)
{
    for (size_t i = 0; i < files->count; i++) {
        size_t at = (*hint + i) % files->count;
        if (strcmp(files->list[at].path, path) != 0)
            continue;
        *hint = at + 1;
        return true;
    }
    return false;
}

/* Further files that a pattern matches, behind the others. */
static void look_for(struct config_files *now, const struct config_files *before,
                     const char *pattern, char *piece)
{
    glob_t found = {0};
    size_t hint = 0;
    int result = glob(pattern, 0, NULL, &found);

    config_files_add_pattern(now, pattern);
    if (result == GLOB_NOSPACE)
        now->no_memory = true;
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
        if (!is_noted(before, found.gl_pathv[i], &hint))
            look_at(now, found.gl_pathv[i], piece);
    }
    globfree(&found);
}

struct config_files *config_files_look(const struct config_files *files)
{
    struct config_files *now = config_files_new();
    char *piece = malloc(PIECE_BYTES);

    if (now == NULL || piece == NULL) {
        config_files_drop(now);
        free(piece);
        return NULL;
    }
    for (size_t i = 0; i < files->count; i++)
        look_at(now, files->list[i].path, piece);
    for (size_t i = 0; i < files->pattern_count; i++)
        look_for(now, files, files->patterns[i], piece);
    free(piece);
    return now;
}
