/*
 * System calls that fail when a test says so: a library for LD_PRELOAD, so that the router runs as
 * it is, and the calls of the libraries below it are seen as well.
 *
 * The test and the process share a file, the one that SNI_FAULTS names (support/faults.py has its
 * other side). A rule says which call fails, with which errno and how often; what the descriptor is
 * for, which thread calls and an argument narrow it down.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Numbers as in support/faults.py. */
enum call {
    CALL_NONE,
    CALL_SOCKET,
    CALL_CONNECT,
    CALL_ACCEPT4,
    CALL_SPLICE,
    CALL_PIPE2,
    CALL_EPOLL_CTL,
    CALL_RECV,
    CALL_SEND,
    CALL_SHUTDOWN,
    CALL_SETSOCKOPT,
    CALL_OPEN,
    CALL_WRITE,
    CALL_CLONE
};

/* What a descriptor is for. */
enum role { ROLE_ANY, ROLE_CLIENT, ROLE_SERVER, ROLE_LISTENER, ROLE_LOG, ROLE_NETLINK };

enum thread { THREAD_ANY, THREAD_MAIN, THREAD_OTHER };

#define DETAIL_ANY  (-1)
#define DESCRIPTORS 65536

/* One rule at a time; `left` is written last, and says that the others are there. */
struct shared {
    _Atomic int32_t call, error, role, thread, detail;
    _Atomic int32_t after;   /* 1: the call is made, and says that it failed all the same */
    _Atomic int32_t skip;    /* so many calls that match are let through first */
    _Atomic int32_t left;    /* so many calls fail */
    _Atomic int32_t hits;    /* so many have failed */
    _Atomic int32_t ahead_s; /* so much is the monotonic clock ahead */
    char path[64];           /* part of the name of the file that is opened */
};

static struct shared nothing;
static struct shared *shared = &nothing;
static _Atomic uint8_t roles[DESCRIPTORS];

__attribute__((constructor)) static void attach(void)
{
    const char *name = getenv("SNI_FAULTS");
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    int fd = name == NULL ? -1 : real(name, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        shared = at;
    close(fd);
}

static void set_role(int fd, enum role role)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        atomic_store(&roles[fd], (uint8_t)role);
}

static enum role role_of(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS ? (enum role)atomic_load(&roles[fd]) : ROLE_ANY;
}

static bool matches(enum call call, enum role role, int detail)
{
    bool is_main = gettid() == getpid();
    int32_t thread = atomic_load(&shared->thread);

    if (atomic_load(&shared->left) <= 0 || atomic_load(&shared->call) != (int32_t)call)
        return false;
    if (atomic_load(&shared->role) != ROLE_ANY && atomic_load(&shared->role) != (int32_t)role)
        return false;
    if (thread != THREAD_ANY && (thread == THREAD_MAIN) != is_main)
        return false;
    return atomic_load(&shared->detail) == DETAIL_ANY || atomic_load(&shared->detail) == detail;
}

/* The errno that this call is to fail with; 0: it is none that the rule is about. */
static int fault(enum call call, enum role role, int detail)
{
    if (!matches(call, role, detail))
        return 0;
    if (atomic_load(&shared->skip) > 0 && atomic_fetch_sub(&shared->skip, 1) > 0)
        return 0;
    if (atomic_fetch_sub(&shared->left, 1) <= 0)
        return 0;
    int error = atomic_load(&shared->error);
    atomic_fetch_add(&shared->hits, 1);
    return error;
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

/* The function that would have been called without this library. */
#define REAL(name, type)                                                                           \
    static _Atomic(type) found;                                                                    \
    type real = atomic_load(&found);                                                               \
    if (real == NULL) {                                                                            \
        real = (type)dlsym(RTLD_NEXT, name);                                                       \
        atomic_store(&found, real);                                                                \
    }

/* --- sockets --- */

typedef int socket_fn(int, int, int);
typedef int connect_fn(int, const struct sockaddr *, socklen_t);
typedef int listen_fn(int, int);
typedef int accept4_fn(int, struct sockaddr *, socklen_t *, int);
typedef int close_fn(int);
typedef ssize_t recv_fn(int, void *, size_t, int);
typedef ssize_t recv_chk_fn(int, void *, size_t, size_t, int);
typedef ssize_t send_fn(int, const void *, size_t, int);
typedef int shutdown_fn(int, int);
typedef int setsockopt_fn(int, int, int, const void *, socklen_t);

/* The detail is the family. */
int socket(int family, int type, int protocol)
{
    REAL("socket", socket_fn *)
    int error = fault(CALL_SOCKET, ROLE_ANY, family);

    if (error != 0)
        return fail_with(error);
    int fd = real(family, type, protocol);
    set_role(fd, family == AF_NETLINK ? ROLE_NETLINK : ROLE_ANY);
    return fd;
}

/* The detail is the family. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    REAL("connect", connect_fn *)
    int error = fault(CALL_CONNECT, ROLE_ANY, address->sa_family);

    set_role(fd, ROLE_SERVER);
    if (error != 0 && !atomic_load(&shared->after))
        return fail_with(error);
    int result = real(fd, address, len);
    return error != 0 ? fail_with(error) : result;
}

int listen(int fd, int backlog)
{
    REAL("listen", listen_fn *)

    set_role(fd, ROLE_LISTENER);
    return real(fd, backlog);
}

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    REAL("accept4", accept4_fn *)
    int error = fault(CALL_ACCEPT4, ROLE_ANY, DETAIL_ANY);

    if (error != 0)
        return fail_with(error);
    int client = real(fd, address, len, flags);
    set_role(client, ROLE_CLIENT);
    return client;
}

int close(int fd)
{
    REAL("close", close_fn *)

    set_role(fd, ROLE_ANY);
    return real(fd);
}

/* The detail is whether the bytes are only looked at. */
ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    REAL("recv", recv_fn *)
    int error = fault(CALL_RECV, role_of(fd), (flags & MSG_PEEK) != 0);

    return error != 0 ? fail_with(error) : real(fd, bytes, len, flags);
}

ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);

ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
    REAL("__recv_chk", recv_chk_fn *)
    int error = fault(CALL_RECV, role_of(fd), (flags & MSG_PEEK) != 0);

    return error != 0 ? fail_with(error) : real(fd, bytes, len, room, flags);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    REAL("send", send_fn *)
    int error = fault(CALL_SEND, role_of(fd), DETAIL_ANY);

    return error != 0 ? fail_with(error) : real(fd, bytes, len, flags);
}

int shutdown(int fd, int how)
{
    REAL("shutdown", shutdown_fn *)
    int error = fault(CALL_SHUTDOWN, role_of(fd), how);

    return error != 0 ? fail_with(error) : real(fd, how);
}

/* The detail is level and option. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    REAL("setsockopt", setsockopt_fn *)
    int error = fault(CALL_SETSOCKOPT, role_of(fd), level << 16 | option);

    return error != 0 ? fail_with(error) : real(fd, level, option, value, len);
}

/* --- pipes, readiness --- */

typedef ssize_t splice_fn(int, loff_t *, int, loff_t *, size_t, unsigned);
typedef int pipe2_fn(int *, int);
typedef int epoll_ctl_fn(int, int, int, struct epoll_event *);

enum { SPLICE_IN, SPLICE_OUT };

/* The detail is which way; the role that of the socket. */
ssize_t splice(int in, loff_t *in_at, int out, loff_t *out_at, size_t len, unsigned flags)
{
    REAL("splice", splice_fn *)
    bool into_pipe = role_of(in) != ROLE_ANY;
    int error = len == 0 ? 0
                         : fault(CALL_SPLICE, role_of(into_pipe ? in : out),
                                 into_pipe ? SPLICE_IN : SPLICE_OUT);

    return error != 0 ? fail_with(error) : real(in, in_at, out, out_at, len, flags);
}

int pipe2(int fds[2], int flags)
{
    REAL("pipe2", pipe2_fn *)
    int error = fault(CALL_PIPE2, ROLE_ANY, DETAIL_ANY);

    return error != 0 ? fail_with(error) : real(fds, flags);
}

/* The detail is the operation. */
int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    REAL("epoll_ctl", epoll_ctl_fn *)
    int error = fault(CALL_EPOLL_CTL, role_of(fd), operation);

    if (error != 0 && !atomic_load(&shared->after))
        return fail_with(error);
    int result = real(set, operation, fd, event);
    return error != 0 ? fail_with(error) : result;
}

/* --- files --- */

typedef int open_fn(const char *, int, ...);
typedef int open_2_fn(const char *, int);
typedef ssize_t write_fn(int, const void *, size_t);

/* Whether the rule is about this file. */
static int open_fault(const char *path)
{
    if (shared->path[0] == '\0' || strstr(path, shared->path) == NULL)
        return 0;
    return fault(CALL_OPEN, ROLE_ANY, DETAIL_ANY);
}

static int opened(int fd, int flags)
{
    set_role(fd, (flags & O_ACCMODE) == O_WRONLY ? ROLE_LOG : ROLE_ANY);
    return fd;
}

int open(const char *path, int flags, ...)
{
    REAL("open", open_fn *)
    int error = open_fault(path);
    va_list more;

    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return error != 0 ? fail_with(error) : opened(real(path, flags, mode), flags);
}

int __open_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
    REAL("__open_2", open_2_fn *)
    int error = open_fault(path);

    return error != 0 ? fail_with(error) : opened(real(path, flags), flags);
}

/* The detail is the descriptor. */
ssize_t write(int fd, const void *bytes, size_t len)
{
    REAL("write", write_fn *)
    int error = fault(CALL_WRITE, role_of(fd), fd);

    return error != 0 ? fail_with(error) : real(fd, bytes, len);
}

/* --- threads, time --- */

typedef int pthread_create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int clock_gettime_fn(clockid_t, struct timespec *);

/* As the C library passes on what clone(2) says. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    REAL("pthread_create", pthread_create_fn *)
    int error = fault(CALL_CLONE, ROLE_ANY, DETAIL_ANY);

    if (error != 0)
        return error == ENOMEM ? EAGAIN : error;
    return real(thread, attributes, run, argument);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL("clock_gettime", clock_gettime_fn *)
    int result = real(clock, now);

    if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)
        now->tv_sec += atomic_load(&shared->ahead_s);
    return result;
}
