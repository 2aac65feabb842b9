/*
 * The other process is made with vfork(2): a router with a million routes has much memory, which
 * fork(2) would copy the tables of, and make every worker pay for each page that it writes next.
 * Until it calls execve(2), it shares all memory with this one, whose calling thread waits: it
 * writes only what was made for it, and calls only what is a system call. posix_spawn(3) would do,
 * if the environment did not have to name the process's own id.
 */
#include "router/control/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD 3
/* Digits of the largest process id. */
#define PID_DIGITS 10
/* More than a command line can have. */
#define COMMAND_LINE_MAX (2u * 1024 * 1024)

extern char **environ;

/* --- where the program is --- */

/* A path that means a descriptor, which was closed long ago. */
static bool is_descriptor(const char *path)
{
    return strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/proc/", 6) == 0;
}

/* The file itself: after an upgrade of the package it may have another name, or none. */
static char *path_of_file(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

    if (len <= 0)
        return NULL;
    path[len] = '\0';
    return strdup(path);
}

void program_init(struct program *program)
{
    const char *given = (const char *)getauxval(AT_EXECFN);
    char here[PATH_MAX];

    program->path = NULL;
    if (given == NULL || is_descriptor(given)) {
        program->path = path_of_file();
        return;
    }
    if (given[0] == '/') {
        program->path = strdup(given);
        return;
    }
    if (getcwd(here, sizeof here) != NULL && asprintf(&program->path, "%s/%s", here, given) < 0)
        program->path = NULL;
}

void program_free(struct program *program)
{
    free(program->path);
    program->path = NULL;
}

/* --- what the other process is given --- */

/* All that is made beforehand, since between vfork and execve there is no memory to be had. */
struct making {
    const char *path;
    char **argv;        /* into `words` */
    char *words;        /* the arguments of this process, each with its end */
    char **environment; /* NULL-terminated; strings from `made`, or of this process */
    char **made;        /* NULL-terminated, owned */
    char **pids;        /* NULL-terminated: where in `made` the id goes */
    int *fds;           /* duplicates that are all beyond the last number wanted */
    uint32_t fd_count;
    int report; /* where the errno goes when it fails; closed by execve */
};

static void free_making(struct making *making)
{
    for (size_t i = 0; making->made != NULL && making->made[i] != NULL; i++)
        free(making->made[i]);
    for (uint32_t i = 0; making->fds != NULL && i < making->fd_count; i++) {
        if (making->fds[i] >= 0)
            close(making->fds[i]);
    }
    free(making->argv);
    free(making->words);
    free(making->environment);
    free(making->made);
    free(making->pids);
    free(making->fds);
    if (making->report >= 0)
        close(making->report);
}

/* The arguments of this process, as they were. */
static bool copy_arguments(struct making *making)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    size_t len = 0, count = 0;
    ssize_t n = 0;

    making->words = malloc(COMMAND_LINE_MAX + 1);
    while (fd >= 0 && making->words != NULL && len < COMMAND_LINE_MAX &&
           (n = read(fd, making->words + len, COMMAND_LINE_MAX - len)) > 0)
        len += (size_t)n;
    if (fd >= 0)
        close(fd);
    if (making->words == NULL || len == 0 || n < 0)
        return false;
    making->words[len] = '\0';
    for (size_t i = 0; i < len; i++)
        count += making->words[i] == '\0';
    making->argv = calloc(count + 1, sizeof *making->argv);
    if (making->argv == NULL)
        return false;
    char *word = making->words;
    for (size_t i = 0; i < count; i++) {
        making->argv[i] = word;
        word += strlen(word) + 1;
    }
    return true;
}

/* Whether a variable ("NAME=VALUE") has this name, which ends at a "=" or at its end. */
static bool has_name(const char *variable, const char *name)
{
    size_t len = strcspn(name, "=");

    return strncmp(variable, name, len) == 0 && variable[len] == '=';
}

static bool is_named(const char *variable, const char *const *names)
{
    while (*names != NULL && !has_name(variable, *names))
        names++;
    return *names != NULL;
}

static size_t count_of(const char *const *list)
{
    size_t count = 0;

    while (list[count] != NULL)
        count++;
    return count;
}

static bool make_environment(struct making *making, const struct program_start *start)
{
    size_t own = count_of((const char *const *)environ);
    size_t more = count_of(start->environment), pids = count_of(start->pid_names);
    size_t count = 0, made = 0;

    making->environment = calloc(own + more + pids + 1, sizeof *making->environment);
    making->made = calloc(more + pids + 1, sizeof *making->made);
    making->pids = calloc(pids + 1, sizeof *making->pids);
    if (making->environment == NULL || making->made == NULL || making->pids == NULL)
        return false;
    for (size_t i = 0; i < own; i++) {
        if (!is_named(environ[i], start->environment) && !is_named(environ[i], start->pid_names))
            making->environment[count++] = environ[i];
    }
    for (size_t i = 0; i < more; i++) {
        if (start->environment[i][strlen(start->environment[i]) - 1] == '=')
            continue;
        making->made[made] = strdup(start->environment[i]);
        if (making->made[made] == NULL)
            return false;
        making->environment[count++] = making->made[made++];
    }
    for (size_t i = 0; i < pids; i++) {
        int len = asprintf(&making->made[made], "%s=%0*d", start->pid_names[i], PID_DIGITS, 0);
        if (len < 0) {
            making->made[made] = NULL;
            return false;
        }
        making->pids[i] = making->made[made] + len - PID_DIGITS;
        making->environment[count++] = making->made[made++];
    }
    return true;
}

/* Duplicates beyond the last number wanted: putting one in its place overwrites no other. */
static bool duplicate_fds(struct making *making, const struct program_start *start)
{
    making->fds = calloc(start->fd_count + 1u, sizeof *making->fds);
    if (making->fds == NULL)
        return false;
    for (uint32_t i = 0; i < start->fd_count; i++) {
        int fd = fcntl(start->fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)start->fd_count);
        if (fd < 0)
            return false;
        making->fds[making->fd_count++] = fd;
    }
    return true;
}

/* --- between vfork and execve: system calls only --- */

static void write_pid(char *digits, pid_t pid)
{
    char reversed[PID_DIGITS];
    int count = 0, at = 0;

    for (; pid > 0 && count < PID_DIGITS; pid /= 10)
        reversed[count++] = (char)('0' + pid % 10);
    while (count > 0)
        digits[at++] = reversed[--count];
    digits[at] = '\0';
}

static void close_others(int first, int except)
{
    long most = sysconf(_SC_OPEN_MAX);

    if ((except == first || syscall(SYS_close_range, first, except - 1, 0) == 0) &&
        syscall(SYS_close_range, except + 1, ~0u, 0) == 0)
        return;
    for (int fd = first; fd < most; fd++) {
        if (fd != except)
            close(fd);
    }
}

/* No handler of this process runs in the other one, and nothing is ignored there. */
static void forget_handlers(void)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            signal(number, SIG_DFL);
    }
}

static void become(const struct making *making)
{
    sigset_t none;
    int error;

    sigemptyset(&none);
    for (size_t i = 0; making->pids[i] != NULL; i++)
        write_pid(making->pids[i], getpid());
    (void)setpgid(0, 0);
    for (uint32_t i = 0; i < making->fd_count; i++) {
        if (dup2(making->fds[i], FIRST_FD + (int)i) < 0)
            goto fail;
    }
    close_others(FIRST_FD + (int)making->fd_count, making->report);
    forget_handlers();
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(making->path, making->argv, making->environment);
fail:
    error = errno;
    (void)!write(making->report, &error, sizeof error);
    _exit(127);
}

/* --- starting --- */

/* Not inlined: whatever vfork's child does to a frame, it is not one that goes on afterwards. */
static __attribute__((noinline)) pid_t split(const struct making *making)
{
    pid_t pid = vfork();

    if (pid == 0)
        become(making);
    return pid;
}

/* No signal comes to the other process before it has its own handling of it. */
static pid_t split_undisturbed(const struct making *making, int *error)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = split(making);
    *error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* It runs, or its errno is here. 0, or that. */
static int read_report(int fd)
{
    int error = 0;
    ssize_t n;

    do
        n = read(fd, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

static pid_t start_it(struct making *making, int *error, const char **step)
{
    int ends[2];

    *step = "pipe";
    if (pipe2(ends, O_CLOEXEC) != 0) {
        *error = errno;
        return -1;
    }
    /* beyond the numbers that the other process uses */
    making->report = fcntl(ends[1], F_DUPFD_CLOEXEC, FIRST_FD + (int)making->fd_count);
    *error = errno;
    close(ends[1]);
    *step = making->report < 0 ? "dup" : "vfork";
    pid_t pid = making->report < 0 ? -1 : split_undisturbed(making, error);
    if (making->report >= 0)
        close(making->report);
    making->report = -1;
    if (pid > 0) {
        *step = "execve";
        *error = read_report(ends[0]);
        if (*error != 0) {
            (void)waitpid(pid, NULL, 0);
            pid = -1;
        }
    }
    close(ends[0]);
    return pid;
}

pid_t program_run(const struct program *program, const struct program_start *start, int *error,
                  const char **step)
{
    struct making making = {.path = program->path, .report = -1};
    pid_t pid = -1;

    *error = ENOENT;
    *step = "looking for the program's file";
    if (program->path == NULL)
        return -1;
    errno = ENOMEM;
    if (!copy_arguments(&making)) {
        *error = errno;
        *step = "reading /proc/self/cmdline";
    } else if (!make_environment(&making, start)) {
        *error = ENOMEM;
        *step = "malloc";
    } else if (!duplicate_fds(&making, start)) {
        *error = errno;
        *step = "dup";
    } else {
        pid = start_it(&making, error, step);
    }
    free_making(&making);
    return pid;
}
