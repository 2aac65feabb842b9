/* Runs --reload-cmd beside the streams, one shell at a time. */

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/verify.h"

/*
 * The command must not inherit the blocked signals of the loop. It leads a process group, so that
 * all its processes can be killed.
 */
static pid_t spawn_shell(const char *command)
{
    char *arguments[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t pid = 0;

    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    int error = posix_spawn(&pid, "/bin/sh", NULL, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (error == 0)
        return pid;
    fprintf(stderr, "sni-bench: --reload-cmd: cannot run /bin/sh: %s\n", strerror(error));
    return 0;
}

static void take_status(struct verify *verify, int status)
{
    verify->reload_pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        verify->reloads++;
        return;
    }
    verify->reloads_failed++;
    if (verify->reloads_failed > 1)
        return;
    if (WIFEXITED(status))
        fprintf(stderr, "sni-bench: --reload-cmd ended with exit code %d\n", WEXITSTATUS(status));
    else
        fprintf(stderr, "sni-bench: --reload-cmd was ended by signal %d\n", WTERMSIG(status));
}

/* Looks whether the command has ended. */
static void look_after(struct verify *verify)
{
    int status = 0;
    pid_t ended = verify->reload_pid == 0 ? 0 : waitpid(verify->reload_pid, &status, WNOHANG);

    if (ended > 0)
        take_status(verify, status);
}

bool verify_await_process(pid_t pid, uint64_t most_ns, int *status)
{
    static const struct timespec pause = {0, (long)(10 * NS_PER_MS)};
    uint64_t until_ns = clock_now_ns() + most_ns;

    while (waitpid(pid, status, WNOHANG) == 0) {
        if (clock_now_ns() >= until_ns)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

uint64_t verify_reload_every_ns(const struct options *options)
{
    uint64_t given = options->verify.reload_every_ns;

    return given == UINT64_MAX ? NS_PER_S : given;
}

void verify_reload_tick(struct verify *verify, uint64_t now_ns)
{
    const char *command = verify->options->verify.reload_cmd;

    look_after(verify);
    if (command == NULL || now_ns < verify->reload_ns)
        return;
    verify->reload_ns += verify_reload_every_ns(verify->options);
    if (verify->reload_pid != 0) {
        verify->reloads_late++;
        return;
    }
    verify->reload_pid = spawn_shell(command);
    verify->reloads_failed += verify->reload_pid == 0;
}

void verify_reload_end(struct verify *verify)
{
    int status = 0;
    pid_t pid = verify->reload_pid;

    if (pid == 0)
        return;
    if (!verify_await_process(pid, verify->options->load.timeout_ns, &status)) {
        fprintf(stderr, "sni-bench: --reload-cmd does not end: ended\n");
        (void)kill(-pid, SIGTERM);
        if (!verify_await_process(pid, NS_PER_S, &status)) {
            (void)kill(-pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
        }
    }
    take_status(verify, status);
}
