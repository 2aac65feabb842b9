#include "router/control/upgrade.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "router/control/gift.h"
#include "router/log/log.h"

/* How long the new process may take until its workers accept. */
#define PATIENCE_MS 30000u
/* How often it is looked after. */
#define LOOK_MS 50u

/* What one worker lends. */
struct upgrade_loan {
    struct upgrade *upgrade;
    struct lending lending;
    bool lent;
};

/* --- states --- */

bool upgrade_is_running(const struct upgrade *upgrade)
{
    return upgrade->state == UPGRADE_LENDING || upgrade->state == UPGRADE_STARTING ||
           upgrade->state == UPGRADE_ENDING;
}

static void free_loans(struct upgrade *upgrade)
{
    uint32_t workers = upgrade->publisher->workers->count;

    for (uint32_t w = 0; upgrade->loans != NULL && w < workers; w++) {
        struct lending *lending = &upgrade->loans[w].lending;
        for (uint32_t i = 0; i < lending->count; i++)
            close(lending->list[i].fd);
        free(lending->list);
    }
    free(upgrade->loans);
    upgrade->loans = NULL;
}

/* Nothing came of it; what there is to say was said. */
static void fail(struct upgrade *upgrade)
{
    free_loans(upgrade);
    upgrade->state = UPGRADE_IDLE;
    upgrade->pid = 0;
    if (upgrade->part.state == PART_RUNNING)
        upgrade->owner.on_failed(upgrade->owner.context);
}

/* --- the channel, and the look-out --- */

static void on_channel_closed(uv_handle_t *handle)
{
    struct upgrade *upgrade = handle->data;

    upgrade->open--;
    if (upgrade->open == 0 && upgrade->on_stopped != NULL)
        upgrade->on_stopped(&upgrade->part);
}

static void close_channel(struct upgrade *upgrade)
{
    if (upgrade->channel_fd < 0)
        return;
    if (upgrade->is_polled)
        uv_close((uv_handle_t *)&upgrade->channel, on_channel_closed);
    upgrade->is_polled = false;
    close(upgrade->channel_fd);
    upgrade->channel_fd = -1;
}

static void stop_looking(struct upgrade *upgrade)
{
    uv_timer_stop(&upgrade->timer);
    if (upgrade->part.state == PART_STOPPING && !uv_is_closing((uv_handle_t *)&upgrade->timer))
        uv_close((uv_handle_t *)&upgrade->timer, on_channel_closed);
}

static void say_ended(const struct upgrade *upgrade, int status)
{
    int pid = (int)upgrade->pid;

    if (upgrade->timed_out)
        log_line(
            LOG_LEVEL_ERROR,
            "upgrade failed: process %d was not ready within %u s and was killed: this process "
            "goes on",
            pid, PATIENCE_MS / 1000);
    else if (upgrade->cancelled)
        log_line(LOG_LEVEL_INFO, "upgrade cancelled: process %d was killed", pid);
    else if (WIFSIGNALED(status))
        log_line(LOG_LEVEL_ERROR,
                 "upgrade failed: process %d was ended by signal %d (%s) before it was ready: this "
                 "process goes on",
                 pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        log_line(LOG_LEVEL_ERROR,
                 "upgrade failed: process %d ended with exit status %d before it was ready: this "
                 "process goes on",
                 pid, WEXITSTATUS(status));
}

/* True: it has ended, and that was said. */
static bool reap(struct upgrade *upgrade)
{
    int status = 0;
    pid_t ended = waitpid(upgrade->pid, &status, WNOHANG);

    if (ended == 0 || (ended < 0 && errno == EINTR))
        return false;
    say_ended(upgrade, status);
    (void)kill(-upgrade->pid, SIGKILL); /* whoever it has started has the sockets too */
    stop_looking(upgrade);
    close_channel(upgrade);
    fail(upgrade);
    return true;
}

static void end_it(struct upgrade *upgrade)
{
    if (upgrade->state != UPGRADE_STARTING)
        return;
    upgrade->state = UPGRADE_ENDING;
    (void)kill(-upgrade->pid, SIGKILL);
    (void)kill(upgrade->pid, SIGKILL);
}

static void replaced(struct upgrade *upgrade)
{
    char yours = UPGRADE_YOURS;

    upgrade->state = UPGRADE_REPLACED;
    upgrade->owner.on_replaced(upgrade->owner.context, upgrade->pid);
    (void)!write(upgrade->channel_fd, &yours, 1);
    stop_looking(upgrade);
    close_channel(upgrade);
}

/* Whether it has said that it is ready: then this process is replaced. */
static bool hear(struct upgrade *upgrade)
{
    char said = 0;

    if (upgrade->state != UPGRADE_STARTING || upgrade->channel_fd < 0)
        return false;
    ssize_t n = read(upgrade->channel_fd, &said, 1);
    if (n == 1 && said == UPGRADE_READY) {
        replaced(upgrade);
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (upgrade->is_polled)
        uv_poll_stop(&upgrade->channel); /* it is ending, or has closed what it needs to say so */
    return false;
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
    struct upgrade *upgrade = poll->data;

    (void)status;
    (void)events;
    part_assert_own(&upgrade->part);
    if (upgrade->state == UPGRADE_STARTING && !hear(upgrade))
        (void)reap(upgrade);
}

static void on_timer(uv_timer_t *timer)
{
    struct upgrade *upgrade = timer->data;

    part_assert_own(&upgrade->part);
    if (hear(upgrade) || reap(upgrade))
        return;
    if (upgrade->state == UPGRADE_STARTING && uv_now(upgrade->loop) >= upgrade->until_ms) {
        upgrade->timed_out = true;
        end_it(upgrade);
    }
}

/* --- starting --- */

/* What the workers have lent, each socket once; then the channel. */
static bool fill_gift(struct upgrade *upgrade, struct gift *gift, int channel)
{
    const struct config *config = publisher_config(upgrade->publisher);

    for (uint32_t w = 0; w < upgrade->publisher->workers->count; w++) {
        const struct lending *lending = &upgrade->loans[w].lending;
        for (uint32_t i = 0; i < lending->count; i++) {
            const struct endpoint *e = upgrade->publisher->endpoints.first;
            while (e != NULL && e->id != lending->list[i].endpoint_id)
                e = e->next;
            assert(e != NULL); /* nothing is published meanwhile */
            if (!gift_add(gift, lending->list[i].fd, config->listeners[e->index].name, e->kept))
                return false;
        }
    }
    return gift_close(gift, channel);
}

static void say_failed(const struct upgrade *upgrade, const char *step, int error)
{
    log_line(LOG_LEVEL_ERROR, "upgrade failed: cannot run %s: %s: %s: this process goes on",
             upgrade->program.path == NULL ? "the program" : upgrade->program.path, step,
             strerror(error));
}

/* Runs it with a channel to it. False: it does not run, and that was said. */
static bool start_process(struct upgrade *upgrade)
{
    struct gift gift = {0};
    const char *step = "socketpair";
    int ends[2] = {-1, -1}, error = 0;

    upgrade->pid = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        error = errno;
    } else if (!fill_gift(upgrade, &gift, ends[1])) {
        error = ENOMEM;
        step = "malloc";
    } else {
        upgrade->pid = gift_run(&gift, &upgrade->program, upgrade->notify, &error, &step);
    }
    if (ends[1] >= 0)
        close(ends[1]);
    if (upgrade->pid > 0) {
        upgrade->channel_fd = ends[0];
        log_line(LOG_LEVEL_INFO, "upgrade: %s starts as process %d, with %u listening socket%s",
                 upgrade->program.path, (int)upgrade->pid, gift.sockets,
                 gift.sockets == 1 ? "" : "s");
    } else {
        if (ends[0] >= 0)
            close(ends[0]);
        say_failed(upgrade, step, error);
    }
    gift_free(&gift);
    return upgrade->pid > 0;
}

static void begin_waiting(struct upgrade *upgrade)
{
    int error = uv_poll_init(upgrade->loop, &upgrade->channel, upgrade->channel_fd);

    upgrade->state = UPGRADE_STARTING;
    upgrade->timed_out = false;
    upgrade->until_ms = uv_now(upgrade->loop) + PATIENCE_MS;
    uv_timer_start(&upgrade->timer, on_timer, LOOK_MS, LOOK_MS);
    if (error != 0)
        return; /* the timer hears it as well, a little later */
    upgrade->channel.data = upgrade;
    upgrade->open++;
    upgrade->is_polled = true;
    uv_poll_start(&upgrade->channel, UV_READABLE, on_channel);
}

/* --- lending --- */

/* All workers have answered. */
static void on_all_lent(struct upgrade *upgrade)
{
    uint32_t workers = upgrade->publisher->workers->count;
    int error = 0;

    for (uint32_t w = 0; w < workers && error == 0; w++)
        error = upgrade->loans[w].lent ? upgrade->loans[w].lending.error : ECANCELED;
    uv_update_time(upgrade->loop);
    if (upgrade->cancelled) {
        fail(upgrade);
    } else if (error != 0) {
        say_failed(upgrade, "dup", error);
        fail(upgrade);
    } else if (start_process(upgrade)) {
        free_loans(upgrade);
        begin_waiting(upgrade);
    } else {
        fail(upgrade);
    }
}

static void on_lent(void *context, bool lent)
{
    struct upgrade_loan *loan = context;
    struct upgrade *upgrade = loan->upgrade;

    assert(upgrade->state == UPGRADE_LENDING && upgrade->awaited > 0);
    loan->lent = lent;
    upgrade->awaited--;
    if (upgrade->awaited == 0)
        on_all_lent(upgrade);
}

/* How many sockets a worker has at most. */
static uint32_t count_rounds(const struct endpoints *endpoints)
{
    uint32_t count = 0;

    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        count += e->rounds;
    return count;
}

static bool ask_to_lend(struct upgrade *upgrade)
{
    struct workers *workers = upgrade->publisher->workers;
    uint32_t room = count_rounds(&upgrade->publisher->endpoints);

    upgrade->loans = calloc(workers->count, sizeof *upgrade->loans);
    for (uint32_t w = 0; upgrade->loans != NULL && w < workers->count; w++) {
        struct upgrade_loan *loan = &upgrade->loans[w];
        loan->upgrade = upgrade;
        loan->lending.list = calloc(room + 1u, sizeof *loan->lending.list);
        loan->lending.room = room;
        if (loan->lending.list == NULL)
            return false;
    }
    return upgrade->loans != NULL;
}

/* Orders to all, or none: false. */
static bool post_orders(struct upgrade *upgrade)
{
    struct workers *workers = upgrade->publisher->workers;
    struct order *orders = NULL, *next;
    uint32_t made = 0;

    for (; made < workers->count; made++) {
        struct order *order = order_new(ORDER_LEND);
        if (order == NULL)
            break;
        order->lend.lending = &upgrade->loans[made].lending;
        order->lend.on_answer = on_lent;
        order->lend.context = &upgrade->loans[made];
        order->next = orders;
        orders = order;
    }
    bool complete = made == workers->count;
    for (; orders != NULL; orders = next) {
        next = orders->next;
        made--;
        if (complete)
            worker_post(&workers->list[made], orders);
        else
            order_free(orders);
    }
    return complete;
}

static const char *refusal(const struct upgrade *upgrade)
{
    if (upgrade->state == UPGRADE_REPLACED || upgrade->part.state != PART_RUNNING)
        return "this process is ending";
    if (upgrade->state != UPGRADE_IDLE)
        return "another one is under way";
    if (getpid() == 1)
        return "this is the first process of a container, which ends when it ends";
    return NULL;
}

void upgrade_begin(struct upgrade *upgrade)
{
    const char *why = refusal(upgrade);

    if (why != NULL) {
        log_line(LOG_LEVEL_WARNING, "USR2: no upgrade: %s", why);
        return;
    }
    part_assert_own(&upgrade->part);
    upgrade->cancelled = false;
    upgrade->state = UPGRADE_LENDING;
    upgrade->awaited = upgrade->publisher->workers->count;
    if (ask_to_lend(upgrade) && post_orders(upgrade))
        return;
    say_failed(upgrade, "malloc", ENOMEM);
    fail(upgrade);
}

void upgrade_cancel(struct upgrade *upgrade)
{
    if (hear(upgrade))
        return;
    upgrade->cancelled = true;
    end_it(upgrade);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct upgrade *upgrade = part->self;
    int error = uv_timer_init(upgrade->loop, &upgrade->timer);

    assert(part == &upgrade->part);
    assert(error == 0);
    upgrade->timer.data = upgrade;
    upgrade->open = 1;
    return 0;
}

/* A process that is ending is waited for: it was killed, so that does not take long. */
static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct upgrade *upgrade = part->self;

    assert(part == &upgrade->part);
    upgrade->on_stopped = on_stopped;
    upgrade_cancel(upgrade);
    if (upgrade->state != UPGRADE_ENDING)
        stop_looking(upgrade);
}

void upgrade_init(struct upgrade *upgrade, uv_loop_t *loop, struct publisher *publisher,
                  const struct notify *notify, struct upgrade_owner owner)
{
    *upgrade = (struct upgrade){
        .part = {.name = "upgrade", .self = upgrade, .start = start, .stop = stop},
        .loop = loop,
        .publisher = publisher,
        .notify = notify,
        .owner = owner,
        .channel_fd = -1,
    };
    program_init(&upgrade->program);
}

void upgrade_free(struct upgrade *upgrade)
{
    free_loans(upgrade);
    program_free(&upgrade->program);
}
