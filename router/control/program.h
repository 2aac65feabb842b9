#ifndef ROUTER_PROGRAM_H
#define ROUTER_PROGRAM_H

/*
 * The program that runs, and another process of it: the file at the path that this one was started
 * by, whatever it is by now, with the same arguments. Control.
 */

#include <stdint.h>
#include <sys/types.h>

struct program {
    char *path; /* absolute, symbolic links not followed; NULL: not known */
};

/* What the other process gets. */
struct program_start {
    const int *fds; /* its descriptors 3, 4 ...: duplicates; it gets no others but 0, 1, 2 */
    uint32_t fd_count;
    /* "NAME=VALUE", NULL at the end: instead of variables of the same names. "NAME=": not set. */
    const char *const *environment;
    /* Names of variables that are set to the process's own id; NULL at the end. */
    const char *const *pid_names;
};

/* When the process begins, before it goes to another directory. */
void program_init(struct program *program);

void program_free(struct program *program);

/*
 * Starts it, in a process group of its own. Its id; or -1, and *error is the errno of *step: then
 * nothing was started.
 */
pid_t program_run(const struct program *program, const struct program_start *start, int *error,
                  const char **step);

#endif
