#include "router/log/log_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "router/log/log.h"

#define ACCESS_RING_BYTES (256u * 1024u)
#define ERROR_RING_BYTES  (16u * 1024u)
/* How long lines may gather before they are written. */
#define GATHER_MS 10
/* How long a reader that takes nothing is waited for: while running, and at the stop. */
#define WRITE_PATIENCE_MS 200
/* A pipe that polls as writable takes so much without blocking (PIPE_BUF). */
#define WRITE_CHUNK 4096u

static bool is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

static int open_with(const char *path, int more_flags)
{
    /* Not to wait for the reader of a FIFO; files do not know the flag, and writing polls first. */
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd;

    do {
        fd = open(path, flags | more_flags, 0640);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static int open_access(const char *path)
{
    if (path == NULL)
        return -1;
    return is_stdout(path) ? STDOUT_FILENO : open_with(path, O_CREAT);
}

static void close_access(struct log_writer *writer)
{
    if (writer->fd > STDERR_FILENO)
        close(writer->fd);
    writer->fd = -1;
}

static void complain(struct log_writer *writer, const char *what)
{
    if (!writer->complained)
        log_line(LOG_LEVEL_ERROR, "access log: cannot %s: %s", what, strerror(errno));
    writer->complained = true;
}

static uint64_t count_lines(const char *bytes, size_t len)
{
    uint64_t lines = 0;

    for (const char *at = bytes; (at = memchr(at, '\n', len - (size_t)(at - bytes))) != NULL; at++)
        lines++;
    return lines;
}

/* Waits until the file takes bytes; false when the stop was asked for and it took none. */
static bool wait_writable(const struct log_writer *writer, int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

    while (poll(&pollfd, 1, WRITE_PATIENCE_MS) == 0) {
        if (atomic_load_explicit(&writer->stopping, memory_order_acquire))
            return false;
    }
    return true;
}

/* Writing was to be possible and is not; false when the stop was asked for. */
static bool rest(const struct log_writer *writer)
{
    struct timespec nap = {.tv_nsec = GATHER_MS * 1000000L};

    nanosleep(&nap, NULL);
    return !atomic_load_explicit(&writer->stopping, memory_order_acquire);
}

/* The rest of a line whose beginning was lost is lost as well. */
static size_t skip_lost_line(struct log_writer *writer, const char *bytes, size_t len)
{
    if (!writer->skipping)
        return 0;
    const char *end = memchr(bytes, '\n', len);
    if (end == NULL)
        return len;
    atomic_fetch_add_explicit(&writer->lost_lines, 1, memory_order_relaxed);
    writer->skipping = false;
    return (size_t)(end - bytes) + 1;
}

/* One write; after a line that was torn by a full disk, a newline first. False: not now, or never.
 */
static bool write_some(struct log_writer *writer, int fd, const char **bytes, size_t *len)
{
    ssize_t n = writer->torn ? write(fd, "\n", 1)
                             : write(fd, *bytes, *len < WRITE_CHUNK ? *len : WRITE_CHUNK);

    if (n > 0 && writer->torn) {
        writer->torn = false;
    } else if (n > 0) {
        *bytes += n;
        *len -= (size_t)n;
        writer->inside_line = (*bytes)[-1] != '\n';
        writer->complained = false;
    } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
        complain(writer, "write");
        return false;
    } else if (n < 0 && errno == EAGAIN && !rest(writer)) {
        return false;
    }
    return true;
}

/* Writes all, or counts the lines that were lost. */
static void write_all(struct log_writer *writer, int fd, const char *bytes, size_t len)
{
    size_t skip = skip_lost_line(writer, bytes, len);

    bytes += skip;
    len -= skip;
    while (len > 0 && fd >= 0 && wait_writable(writer, fd) && write_some(writer, fd, &bytes, &len))
        continue;
    if (len == 0 || fd < 0)
        return;
    writer->torn = writer->torn || writer->inside_line;
    writer->inside_line = false;
    writer->skipping = bytes[len - 1] != '\n';
    atomic_fetch_add_explicit(&writer->lost_lines, count_lines(bytes, len), memory_order_relaxed);
}

static void empty_access(struct log_writer *writer, struct log_ring *ring)
{
    const char *bytes;
    size_t len;

    while ((len = log_ring_peek(ring, &bytes)) > 0) {
        write_all(writer, writer->fd, bytes, len);
        log_ring_take(ring, len);
    }
}

/* Line by line, never waiting long: a stderr that nobody reads must not hold up the access log. */
static void empty_error(struct log_writer *writer, struct log_ring *ring)
{
    char line[LOG_LINE_MAX];
    size_t len;

    while ((len = log_ring_line(ring, line, sizeof line)) > 0) {
        if (!log_write(line, len))
            atomic_fetch_add_explicit(&writer->lost_lines, 1, memory_order_relaxed);
    }
}

/* Nothing is torn in a file that is empty, such as the one after a rotation. */
static void forget_torn(struct log_writer *writer)
{
    struct stat file;

    if (writer->fd < 0 || (fstat(writer->fd, &file) == 0 && file.st_size == 0))
        writer->torn = false;
}

static void follow_orders(struct log_writer *writer)
{
    if (!atomic_exchange(&writer->ordered, false))
        return;
    uv_mutex_lock(&writer->lock);
    if (writer->reopen) {
        writer->reopen = false;
        int fd = open_access(writer->path);
        if (fd < 0 && writer->path != NULL) {
            log_line(LOG_LEVEL_ERROR, "access log %s: cannot open it again: %s", writer->path,
                     strerror(errno));
        } else {
            close_access(writer);
            writer->fd = fd;
            forget_torn(writer);
        }
    }
    uv_mutex_unlock(&writer->lock);
}

static void empty_all(struct log_writer *writer)
{
    for (uint32_t i = 0; i < writer->feed_count; i++) {
        empty_error(writer, &writer->feeds[i].error);
        empty_access(writer, &writer->feeds[i].access);
    }
}

static bool has_work(const struct log_writer *writer)
{
    const char *bytes;

    if (atomic_load_explicit(&writer->ordered, memory_order_acquire))
        return true;
    for (uint32_t i = 0; i < writer->feed_count; i++) {
        if (log_ring_peek(&writer->feeds[i].access, &bytes) > 0 ||
            log_ring_peek(&writer->feeds[i].error, &bytes) > 0)
            return true;
    }
    return false;
}

/* Sleeps until woken. Says so first and looks once more after, so that no line is overslept. */
static void sleep_until_woken(struct log_writer *writer)
{
    /* An exchange on both sides: whoever comes second sees what the first did before it. */
    atomic_exchange(&writer->sleeping, true);
    if (has_work(writer) || atomic_load(&writer->stopping)) {
        if (atomic_exchange(&writer->sleeping, false))
            return;
    }
    uv_sem_wait(&writer->wake);
}

static void run(void *argument)
{
    struct log_writer *writer = argument;
    struct timespec nap = {.tv_nsec = GATHER_MS * 1000000L};

    while (!atomic_load_explicit(&writer->stopping, memory_order_acquire)) {
        sleep_until_woken(writer);
        if (!atomic_load_explicit(&writer->stopping, memory_order_acquire))
            nanosleep(&nap, NULL);
        follow_orders(writer);
        empty_all(writer);
    }
    empty_all(writer);
}

static void free_feeds(struct log_writer *writer)
{
    for (uint32_t i = 0; i < writer->feed_count; i++) {
        log_ring_close(&writer->feeds[i].access);
        log_ring_close(&writer->feeds[i].error);
    }
    free(writer->feeds);
    free(writer->path);
}

static bool make_feeds(struct log_writer *writer, uint32_t feed_count)
{
    writer->feeds = aligned_alloc(_Alignof(struct log_feed), feed_count * sizeof *writer->feeds);
    if (writer->feeds == NULL)
        return false;
    memset(writer->feeds, 0, feed_count * sizeof *writer->feeds);
    writer->feed_count = feed_count;
    for (uint32_t i = 0; i < feed_count; i++) {
        if (!log_ring_init(&writer->feeds[i].access, ACCESS_RING_BYTES) ||
            !log_ring_init(&writer->feeds[i].error, ERROR_RING_BYTES))
            return false;
    }
    return true;
}

int log_writer_start(struct log_writer *writer, uint32_t feed_count, const char *access_path)
{
    int error = UV_ENOMEM;

    memset(writer, 0, sizeof *writer);
    writer->fd = open_access(access_path);
    if (writer->fd < 0 && access_path != NULL)
        return uv_translate_sys_error(errno);
    writer->path = access_path == NULL ? NULL : strdup(access_path);
    if ((access_path != NULL && writer->path == NULL) || !make_feeds(writer, feed_count))
        goto free_all;
    if ((error = uv_sem_init(&writer->wake, 0)) != 0)
        goto free_all;
    if ((error = uv_mutex_init(&writer->lock)) != 0)
        goto destroy_sem;
    if ((error = uv_thread_create(&writer->thread, run, writer)) != 0)
        goto destroy_lock;
    return 0;

destroy_lock:
    uv_mutex_destroy(&writer->lock);
destroy_sem:
    uv_sem_destroy(&writer->wake);
free_all:
    free_feeds(writer);
    close_access(writer);
    return error;
}

/* `path` is written under the lock, by control alone: here it may be read without. */
static bool same_path(const struct log_writer *writer, const char *path)
{
    return writer->path == path ||
           (writer->path != NULL && path != NULL && strcmp(writer->path, path) == 0);
}

int log_writer_probe(const struct log_writer *writer, const char *access_path, bool *made)
{
    *made = false;
    if (access_path == NULL || is_stdout(access_path) || same_path(writer, access_path))
        return 0;
    int fd = open_with(access_path, 0);
    if (fd < 0 && errno == ENOENT) {
        fd = open_with(access_path, O_CREAT);
        *made = fd >= 0;
    }
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

void log_writer_unmake(const char *access_path)
{
    char *file = realpath(access_path, NULL); /* a link that led nowhere stays */

    if (file != NULL)
        unlink(file);
    free(file);
}

void log_writer_redirect(struct log_writer *writer, const char *access_path)
{
    char *path = access_path == NULL ? NULL : strdup(access_path);

    if (path == NULL && access_path != NULL) {
        log_line(LOG_LEVEL_ERROR, "access log: no memory to change to %s", access_path);
        return;
    }
    uv_mutex_lock(&writer->lock);
    if (!same_path(writer, path)) {
        char *old = writer->path;
        writer->path = path;
        path = old;
        writer->reopen = true;
    }
    uv_mutex_unlock(&writer->lock);
    free(path);
    atomic_store(&writer->ordered, true);
    log_writer_wake(writer);
}

void log_writer_reopen(struct log_writer *writer)
{
    uv_mutex_lock(&writer->lock);
    writer->reopen = true;
    uv_mutex_unlock(&writer->lock);
    atomic_store(&writer->ordered, true);
    log_writer_wake(writer);
}

void log_writer_wake(struct log_writer *writer)
{
    if (atomic_exchange(&writer->sleeping, false))
        uv_sem_post(&writer->wake);
}

void log_writer_stop(struct log_writer *writer)
{
    atomic_store(&writer->stopping, true);
    log_writer_wake(writer);
    int error = uv_thread_join(&writer->thread);
    assert(error == 0);
    close_access(writer);
    uv_mutex_destroy(&writer->lock);
    uv_sem_destroy(&writer->wake);
    free_feeds(writer);
}
