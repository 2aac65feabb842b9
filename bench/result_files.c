/* Where results go: looked at before a run, written after it. */

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/result.h"

static bool say_failed(const char *flag, const char *path, int error)
{
    const char *fix = "";

    if (error == ENOENT || error == ENOTDIR)
        fix = "; make its directory first";
    else if (error == EISDIR)
        fix = "; name a file in it";
    else if (error == EACCES || error == EPERM || error == EROFS)
        fix = "; choose a place where you may write";
    fprintf(stderr, "sni-bench: %s %s: %s%s\n", flag, path, strerror(error), fix);
    return false;
}

/* Makes the file and removes it again: only the kernel knows whether that works. */
static int try_to_make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0)
        return errno;
    close(fd);
    unlink(path);
    return 0;
}

bool result_check_path(const char *flag, const char *path)
{
    struct stat status;
    int error = 0;

    if (path == NULL || strcmp(path, "-") == 0)
        return true;
    if (path[0] == '\0')
        error = ENOENT;
    else if (stat(path, &status) != 0)
        error = errno == ENOENT ? try_to_make(path) : errno;
    else if (S_ISDIR(status.st_mode))
        error = EISDIR;
    /* The path is not opened: the reader of a pipe would take closing it for the end. */
    else if (access(path, W_OK) != 0)
        error = errno;
    return error == 0 || say_failed(flag, path, error);
}

/* Opens a result file; "-" is stdout. */
static FILE *open_output(const char *flag, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

    if (file == NULL)
        say_failed(flag, path, errno);
    return file;
}

static bool close_output(FILE *file, const char *flag, const char *path)
{
    errno = 0;
    bool good = ferror(file) == 0 && fflush(file) == 0;
    if (file != stdout)
        good = fclose(file) == 0 && good;
    return good || say_failed(flag, path, errno == 0 ? EIO : errno);
}

bool result_write_json(const struct result *result, const char *path)
{
    cJSON *root = result_make_json(result);
    char *text = cJSON_PrintUnformatted(root);

    cJSON_Delete(root);
    if (text == NULL)
        return say_failed("--json", path, ENOMEM);
    FILE *file = open_output("--json", path);
    if (file != NULL)
        fprintf(file, "%s\n", text);
    free(text);
    return file != NULL && close_output(file, "--json", path);
}

bool result_write_hgrm(const struct result *result, const char *path)
{
    FILE *file = open_output("--hgrm", path);

    if (file == NULL)
        return false;
    histogram_write_hgrm(result->phases[LOAD_PHASE_LATENCY], file);
    return close_output(file, "--hgrm", path);
}
