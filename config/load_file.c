/* A configuration from a file. */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/finding.h"
#include "config/json_scan.h"

struct content {
    char *bytes;
    size_t len, capacity;
};

static bool content_grow(struct content *content, size_t capacity)
{
    char *bytes = realloc(content->bytes, capacity);

    if (bytes == NULL)
        return false;
    content->bytes = bytes;
    content->capacity = capacity;
    return true;
}

/*
 * Reads to the end, or to just beyond JSON_BYTES_MAX, which the scanner then refuses. 0, or an
 * errno.
 */
static int content_read(struct content *content, int fd)
{
    struct stat status;
    size_t expected = 65536;

    if (fstat(fd, &status) == 0 && status.st_size > 0 && (size_t)status.st_size < JSON_BYTES_MAX)
        expected = (size_t)status.st_size + 1; /* the read that finds the end needs room */
    if (!content_grow(content, expected))
        return ENOMEM;
    while (content->len <= JSON_BYTES_MAX) {
        if (content->len == content->capacity && !content_grow(content, content->capacity * 2))
            return ENOMEM;
        ssize_t got = read(fd, content->bytes + content->len, content->capacity - content->len);
        if (got == 0)
            return 0;
        if (got > 0)
            content->len += (size_t)got;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

/* A file on a slow device may be interrupted while it is opened. */
static int open_file(const char *file)
{
    int fd;

    do {
        fd = open(file, O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* 0 or an errno; `files` (NULL: nobody) learns what came of it. */
static int read_file(const char *file, struct config_files *files, struct content *content)
{
    bool standard = strcmp(file, "-") == 0;
    int fd = standard ? STDIN_FILENO : open_file(file);
    int error = fd < 0 ? errno : 0;

    if (error == 0)
        error = config_file_is_too_large(fd) ? EFBIG : content_read(content, fd);
    if (fd >= 0 && !standard)
        close(fd);
    if (files != NULL && error != 0)
        config_files_add_failed(files, file, error);
    else if (files != NULL)
        config_files_add(files, file, content->bytes, content->len);
    return error;
}

/* It need not be read for that. */
static enum config_read refuse_large(struct diagnostics *found)
{
    struct finding_log findings;

    if (finding_log_start(&findings, "", 0, found))
        finding_error(&findings, FINDING_WHOLE, JSON_TOO_LARGE);
    finding_log_end(&findings);
    return CONFIG_READ_INVALID;
}

enum config_read config_load_file(const char *file, struct config_files *files, struct config **out,
                                  struct diagnostics *found, int *error)
{
    bool standard = strcmp(file, "-") == 0;
    struct content content = {0};

    *out = NULL;
    *error = read_file(file, files, &content);
    if (*error == 0)
        *out = config_load_text(content.bytes, content.len, standard ? "(stdin)" : file, found);
    free(content.bytes);
    if (*error == ENOENT || *error == ENOTDIR)
        return CONFIG_READ_ABSENT;
    if (*error == EFBIG)
        return refuse_large(found);
    if (*error != 0)
        return CONFIG_READ_FAILED;
    return *out != NULL ? CONFIG_READ_OK : CONFIG_READ_INVALID;
}
