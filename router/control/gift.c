#include "router/control/gift.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "router/control/activation.h"

/* --- putting it together --- */

static bool same_socket(int a, int b)
{
    struct stat one, other;

    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_ino == other.st_ino;
}

/* Several workers may have the same socket. */
static bool is_there(const struct gift *gift, int fd)
{
    for (uint32_t i = 0; i < gift->count; i++) {
        if (same_socket(gift->fds[i], fd))
            return true;
    }
    return false;
}

static bool add_fd(struct gift *gift, int fd)
{
    if (gift->count == gift->room) {
        uint32_t room = gift->room == 0 ? 16 : 2 * gift->room;
        int *fds = realloc(gift->fds, room * sizeof *fds);
        if (fds == NULL)
            return false;
        gift->fds = fds;
        gift->room = room;
    }
    gift->fds[gift->count++] = fd;
    return true;
}

/* NULL: no memory. */
static __attribute__((format(printf, 1, 2))) char *print(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

/* *text with more behind it; false: no memory, and it is as before. */
static bool append(char **text, const char *between, const char *more)
{
    char *longer = print("%s%s%s", *text == NULL ? "" : *text, *text == NULL ? "" : between, more);

    if (longer == NULL)
        return false;
    free(*text);
    *text = longer;
    return true;
}

bool gift_add(struct gift *gift, int fd, const char *name, bool kept)
{
    const char letter[] = {kept ? ACTIVATION_KEPT : ACTIVATION_OURS, '\0'};
    char text[ACTIVATION_NAME_SIZE];

    if (is_there(gift, fd))
        return true;
    activation_name(name, text);
    if (!append(&gift->names, ":", text) || !append(&gift->letters, "", letter) ||
        !add_fd(gift, fd))
        return false;
    gift->sockets++;
    return true;
}

bool gift_close(struct gift *gift, int channel)
{
    return add_fd(gift, channel);
}

void gift_free(struct gift *gift)
{
    free(gift->fds);
    free(gift->names);
    free(gift->letters);
    *gift = (struct gift){0};
}

/* --- running --- */

#define VARIABLES 5

static bool print_environment(const struct gift *gift, const struct notify *notify,
                              char *environment[VARIABLES + 1])
{
    unsigned long long watchdog = notify->watchdog_us;

    environment[0] = print("LISTEN_FDS=%u", gift->sockets);
    environment[1] = print("LISTEN_FDNAMES=%s", gift->names == NULL ? "" : gift->names);
    environment[2] = print("SNI_ROUTER_UPGRADE=%u:%s", ACTIVATION_FIRST_FD + gift->sockets,
                           gift->letters == NULL ? "" : gift->letters);
    environment[3] = print("NOTIFY_SOCKET=%s", notify->socket == NULL ? "" : notify->socket);
    environment[4] =
        watchdog == 0 ? print("WATCHDOG_USEC=") : print("WATCHDOG_USEC=%llu", watchdog);
    environment[VARIABLES] = NULL;
    for (size_t i = 0; i < VARIABLES; i++) {
        if (environment[i] == NULL)
            return false;
    }
    return true;
}

pid_t gift_run(const struct gift *gift, const struct program *program, const struct notify *notify,
               int *error, const char **step)
{
    const char *pid_names[] = {"LISTEN_PID", notify->watchdog_us == 0 ? NULL : "WATCHDOG_PID",
                               NULL};
    char *environment[VARIABLES + 1];
    pid_t pid = -1;

    assert(gift->count == gift->sockets + 1);
    *error = ENOMEM;
    *step = "malloc";
    if (print_environment(gift, notify, environment))
        pid = program_run(program,
                          &(struct program_start){.fds = gift->fds,
                                                  .fd_count = gift->count,
                                                  .environment = (const char *const *)environment,
                                                  .pid_names = pid_names},
                          error, step);
    for (size_t i = 0; i < VARIABLES; i++)
        free(environment[i]);
    return pid;
}
