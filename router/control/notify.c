#include "router/control/notify.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "router/log/log.h"

/* How often the counts are told. */
#define STATUS_MS 5000u
/* How long a message waits for room in the manager's queue. */
#define ROOM_US 20000
/* Longest datagram. */
#define MESSAGE_SIZE (NOTIFY_STATUS_SIZE + 128)

/* --- sending --- */

static void say_failed(struct notify *notify, const char *step)
{
    if (!notify->failure_said)
        log_line(LOG_LEVEL_WARNING, "cannot tell the service manager (NOTIFY_SOCKET): %s: %s", step,
                 strerror(errno));
    notify->failure_said = true;
}

static void send_text(struct notify *notify, const char *text)
{
    const struct timeval patience = {.tv_usec = ROOM_US};

    if (notify->to_len == 0)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        say_failed(notify, "socket");
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&notify->to,
               notify->to_len) < 0)
        say_failed(notify, "sendto");
    close(fd);
}

/* A message, with the status behind it. */
static void say(struct notify *notify, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof text - NOTIFY_STATUS_SIZE);
    notify->owner.status(notify->owner.context, notify->said);
    snprintf(text + len, sizeof text - (size_t)len, "%sSTATUS=%s", len == 0 ? "" : "\n",
             notify->said);
    send_text(notify, text);
}

void notify_ready(struct notify *notify)
{
    say(notify, "READY=1");
}

void notify_ready_as_main(struct notify *notify)
{
    say(notify, "READY=1\nMAINPID=%d", (int)getpid());
}

void notify_reloading(struct notify *notify)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    say(notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
        (unsigned long long)now.tv_sec * 1000000u + (unsigned long long)now.tv_nsec / 1000u);
}

void notify_stopping(struct notify *notify)
{
    say(notify, "STOPPING=1");
}

void notify_main_is(struct notify *notify, pid_t pid)
{
    say(notify, "MAINPID=%d", (int)pid);
    notify->to_len = 0;
}

void notify_status(struct notify *notify)
{
    char now[NOTIFY_STATUS_SIZE];

    notify->owner.status(notify->owner.context, now);
    if (strcmp(now, notify->said) != 0)
        say(notify, "%s", "");
}

/* --- the timer --- */

/* How long until the next message at most. */
static uint64_t period_ms(const struct notify *notify)
{
    uint64_t half_ms = notify->watchdog_us / 2000u;

    if (half_ms == 0)
        return notify->watchdog_us == 0 ? STATUS_MS : 1;
    return half_ms < STATUS_MS ? half_ms : STATUS_MS;
}

static void on_timer(uv_timer_t *timer)
{
    struct notify *notify = timer->data;

    part_assert_own(&notify->part);
    notify_status(notify);
    if (notify->watchdog_us == 0 || uv_now(notify->loop) < notify->watchdog_ms)
        return;
    if (!notify->owner.workers_turn(notify->owner.context))
        return; /* asked again at the next turn */
    send_text(notify, "WATCHDOG=1");
    notify->watchdog_ms = uv_now(notify->loop) + notify->watchdog_us / 2000u;
}

/* --- the part --- */

static int start(struct part *part)
{
    struct notify *notify = part->self;
    int error = uv_timer_init(notify->loop, &notify->timer);

    assert(part == &notify->part);
    assert(error == 0);
    notify->timer.data = notify;
    if (notify->to_len != 0)
        uv_timer_start(&notify->timer, on_timer, period_ms(notify), period_ms(notify));
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct notify *notify = handle->data;

    notify->on_stopped(&notify->part);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct notify *notify = part->self;

    assert(part == &notify->part);
    notify->on_stopped = on_stopped;
    uv_close((uv_handle_t *)&notify->timer, on_timer_closed);
}

/* --- the environment --- */

/* "/path" or "@abstract"; anything else is nobody. */
static void read_socket(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);

    if (len == 0)
        return;
    if (len < 2 || (path[0] != '/' && path[0] != '@') || len >= sizeof notify->to.sun_path) {
        log_line(LOG_LEVEL_WARNING, "NOTIFY_SOCKET is no unix socket: the service manager is not "
                                    "told anything");
        return;
    }
    notify->to.sun_family = AF_UNIX;
    memcpy(notify->to.sun_path, path, len);
    if (path[0] == '@')
        notify->to.sun_path[0] = '\0';
    notify->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    notify->socket = strdup(path);
}

/* Whether the watchdog is for this process, and how patient it is. */
static void read_watchdog(struct notify *notify)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;

    if (us == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
        return;
    errno = 0;
    unsigned long long value = strtoull(us, &end, 10);
    if (us[0] < '0' || us[0] > '9' || *end != '\0' || errno != 0 || value == 0)
        log_line(LOG_LEVEL_WARNING, "WATCHDOG_USEC is no time: the watchdog is not fed");
    else
        notify->watchdog_us = value;
}

void notify_init(struct notify *notify, uv_loop_t *loop, struct notify_owner owner)
{
    *notify = (struct notify){
        .part = {.name = "notify", .self = notify, .start = start, .stop = stop},
        .loop = loop,
        .owner = owner,
    };
    read_socket(notify);
    read_watchdog(notify);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_free(struct notify *notify)
{
    free(notify->socket);
    notify->socket = NULL;
}
