#ifndef CONFIG_FILES_H
#define CONFIG_FILES_H

/*
 * The files that a configuration was read from, and what was in them: so that somebody can look
 * whether a file has changed, come or gone. The reader of the configuration notes each file that it
 * reads, or cannot read, and each pattern that names files which need not be there yet.
 *
 * A set is made by one thread and then never changed. It is counted by its holders, on one thread
 * at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_file {
    char *path;    /* as it was opened */
    uint64_t hash; /* of its bytes; 0 where it was not read */
    int error;     /* errno why it was not read; ESPIPE: a pipe or device, EFBIG: larger than any
                      configuration may be; 0: it was read */
};

struct config_files {
    struct config_file *list; /* in the order in which they were read */
    size_t count, capacity;
    char **patterns; /* as glob(3) takes them */
    size_t pattern_count;
    bool no_memory; /* something could not be noted: the set says nothing */
    uint32_t holders;
};

/* An empty set with the caller as its holder. NULL: no memory. */
struct config_files *config_files_new(void);

/* NULL is allowed. */
struct config_files *config_files_hold(struct config_files *files);
void config_files_drop(struct config_files *files);

/* A file with these bytes. */
void config_files_add(struct config_files *files, const char *path, const void *bytes, size_t len);

/* A file that cannot be read: an errno. */
void config_files_add_failed(struct config_files *files, const char *path, int error);

/* Each file that the pattern (as glob(3) takes it) matches is noted, and so is one that comes. */
void config_files_add_pattern(struct config_files *files, const char *pattern);

/*
 * Looks at all of them again: a set of the same paths and patterns as they are now. Reads every
 * file, may block. NULL: no memory.
 */
struct config_files *config_files_look(const struct config_files *files);

/* Whether the one has the files of the other, with the same bytes. */
bool config_files_same(const struct config_files *one, const struct config_files *other);

/* Whether a reader would wait for a writer, and what is read once is gone. */
bool config_file_is_read_once(const char *path);

/* Whether it is larger than any configuration may be. */
bool config_file_is_too_large(int fd);

#endif
