#ifndef ROUTER_LOG_WRITER_H
#define ROUTER_LOG_WRITER_H

/*
 * The thread that writes what workers have to say, so that no worker ever waits for a disk or a
 * pipe.
 *
 * The happy path
 *  - A worker puts a line into its ring and, if the writer sleeps, wakes it (log_feed_wake).
 *  - The writer naps a moment to let lines gather, empties every ring, sleeps again.
 *
 * The failures
 *  - Writing is slower than logging: the ring fills, the worker counts the lines it could not
 *    put.
 *  - The file cannot be opened or written: said once on stderr, lines are lost and counted.
 *  - At stop, the reader of a pipe takes nothing: what is left is lost after a moment and
 *    counted.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/log/log_ring.h"

/* One worker's two rings. */
struct log_feed {
    struct log_ring access;
    struct log_ring error;
};

struct log_writer {
    /* set before the thread starts */
    struct log_feed *feeds;
    uint32_t feed_count;
    uv_thread_t thread;
    uv_sem_t wake;
    /* shared */
    atomic_bool sleeping;
    atomic_bool stopping;
    atomic_bool ordered;             /* the path changed, or is to be opened again */
    atomic_uint_fast64_t lost_lines; /* written to nobody */
    uv_mutex_t lock;                 /* guards the next two; never taken by a worker */
    char *path;                      /* where access lines go; NULL = nowhere */
    bool reopen;
    /* the thread's own */
    int fd;
    bool complained;
    bool inside_line; /* the last write ended inside a line */
    bool torn;        /* ... and the rest of it was lost: a newline is due */
    bool skipping;    /* the beginning of the line to come was lost */
};

/*
 * Starts the thread for `feed_count` workers. 0 or a negative libuv error, nothing left behind.
 * `access_path`: "-" is stdout, NULL is off; it is opened here, an error is returned. Control.
 */
int log_writer_start(struct log_writer *writer, uint32_t feed_count, const char *access_path);

/*
 * Whether lines could go there: 0, or the errno why not. `*made`: there was no such file, and now
 * there is an empty one, for log_writer_unmake() if it is not needed after all. Control; also
 * before the start of a zeroed writer.
 */
int log_writer_probe(const struct log_writer *writer, const char *access_path, bool *made);

/* Removes the file that probing has made. Control. */
void log_writer_unmake(const char *access_path);

/* Changes where access lines go, from the next batch on (NULL = nowhere). Control. */
void log_writer_redirect(struct log_writer *writer, const char *access_path);

/* Opens the file anew, after it was rotated. Control. */
void log_writer_reopen(struct log_writer *writer);

/* Writes what is there, ends the thread, frees the feeds. Control, after all workers have ended. */
void log_writer_stop(struct log_writer *writer);

/* Wakes the writer if it sleeps; to be called after putting lines. Workers. */
void log_writer_wake(struct log_writer *writer);

#endif
