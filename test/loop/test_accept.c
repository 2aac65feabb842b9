/*
 * Accepts that fail: each errno, sockets that break under the worker, and that none of it keeps a
 * worker from ending.
 *
 * accept4() and uv_poll_start() are replaced: an accept of the router fails as the test says, and
 * the loop says of a listener that it cannot be watched.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "router/worker/accept_error.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __real_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb cb);
int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb cb);

/* What the replaced functions go by. */
static struct {
    atomic_int error; /* an accept of the router fails so */
    atomic_int times; /* so often */
    atomic_int calls; /* accepts of the router so far */
    _Atomic(uv_poll_t *) unwatched;
    struct {
        _Atomic(uv_poll_t *) poll;
        uv_poll_cb cb;
    } watched[8];
} faults;

#define FOR_EVER 1000000000

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    if ((flags & SOCK_NONBLOCK) == 0) /* the test's own */
        return __real_accept4(fd, address, len, flags);
    atomic_fetch_add(&faults.calls, 1);
    if (atomic_load(&faults.times) > 0) {
        atomic_fetch_sub(&faults.times, 1);
        errno = atomic_load(&faults.error);
        return -1;
    }
    return __real_accept4(fd, address, len, flags);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    size_t i = 0;

    while (faults.watched[i].poll != poll)
        i++;
    if (atomic_load(&faults.unwatched) == poll)
        faults.watched[i].cb(poll, UV_EBADF, 0);
    else
        faults.watched[i].cb(poll, status, events);
}

int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb cb)
{
    size_t i = 0;

    while (faults.watched[i].poll != NULL && faults.watched[i].poll != poll)
        i++;
    assert_true(i < sizeof faults.watched / sizeof faults.watched[0]);
    faults.watched[i].poll = poll;
    faults.watched[i].cb = cb;
    return __real_uv_poll_start(poll, events, on_poll);
}

static int setup(void **state)
{
    memset(&faults, 0, sizeof faults);
    return rig_setup(state);
}

static void fail_accepts(int error, int times)
{
    atomic_store(&faults.error, error);
    atomic_store(&faults.calls, 0);
    atomic_store(&faults.times, times);
}

/* --- what the worker reports --- */

struct reports {
    struct broken_listener last;
    int count;
};

static void on_broken(void *context, const struct broken_listener *broken)
{
    struct reports *reports = context;

    reports->last = *broken;
    reports->count++;
}

static struct broken_listener next_report(struct rig *rig)
{
    struct reports reports = {.count = 0};

    for (int tries = 0; reports.count == 0; tries++) {
        if (tries == RIG_PATIENCE_MS)
            fail_msg("nothing is reported");
        order_answer_all(&rig->answers, on_broken, &reports);
        poll(NULL, 0, 1);
    }
    assert_int_equal(reports.count, 1);
    return reports.last;
}

static void expect_no_report(struct rig *rig)
{
    struct reports reports = {.count = 0};

    rig_settle(rig);
    order_answer_all(&rig->answers, on_broken, &reports);
    assert_int_equal(reports.count, 0);
}

/* In control's place: opens the endpoint again and hands the socket over. */
static void mend(struct rig *rig, const struct broken_listener *broken)
{
    const struct config *config = rig->snapshots[rig->snapshot_count - 1]->config;
    struct endpoint *endpoint = endpoints_note_broken(&rig->endpoints, broken);
    struct order *order = order_new(ORDER_LISTEN);
    struct listen_error why;

    assert_non_null(endpoint);
    assert_int_equal(endpoints_deaf(&rig->endpoints), 1);
    assert_null(endpoints_note_broken(&rig->endpoints, broken)); /* told twice: known already */
    assert_true(endpoints_open_again(&rig->endpoints, endpoint, config, &why));
    assert_non_null(order);
    order->listen.handed = malloc(sizeof *order->listen.handed);
    assert_non_null(order->listen.handed);
    assert_true(endpoints_hand(endpoint, endpoint->index, 16, 0, order->listen.handed));
    endpoint->sockets[0].fd = -1;
    worker_post(&rig->worker, order);
    assert_int_equal(endpoints_deaf(&rig->endpoints), 0);
}

static void serve(struct rig *rig)
{
    int client, server;

    rig_pair(rig, &client, &server);
    rig_end_pair(rig, client, server);
}

static uint64_t figure(const stats_figure *which)
{
    return stats_figure_read(which);
}

/* --- situations --- */

static void the_clients_own_trouble(void **state)
{
    static const int errors[] = {EINTR,       ECONNABORTED, EPROTO,     EPERM,     EACCES,
                                 ENETDOWN,    ENOPROTOOPT,  EHOSTDOWN,  ENONET,    EHOSTUNREACH,
                                 ENETUNREACH, EOPNOTSUPP,   ECONNRESET, ETIMEDOUT, 9999};
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        fail_accepts(errors[i], 1);
        serve(rig);
        assert_int_equal(figure(&rig->worker.conns.stats->accept_failures), i + 1);
    }
    assert_int_equal(figure(&rig->worker.conns.stats->accept_pauses), 0);
    expect_no_report(rig);
}

static void a_shortage_for_a_moment(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSR};
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        fail_accepts(errors[i], 1);
        serve(rig);
        assert_int_equal(figure(&rig->worker.conns.stats->accept_pauses), i + 1);
    }
    assert_int_equal(figure(&rig->worker.conns.stats->accept_failures), 0);
    expect_no_report(rig);
}

/* However long it lasts, the socket stays, and a look every moment is all that it costs. */
static void a_shortage_that_lasts(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    fail_accepts(ENFILE, (int)ACCEPT_ROW_BROKEN + 5);
    serve(rig);
    assert_int_equal(figure(&rig->worker.conns.stats->accept_pauses), ACCEPT_ROW_BROKEN + 5);
    expect_no_report(rig);
}

static void a_socket_that_is_broken(void **state)
{
    static const int errors[] = {EINVAL, EBADF, ENOTSOCK, EFAULT, ENOSYS};
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct target where;
        rig_address(rig, NULL, &where);
        fail_accepts(errors[i], 1);
        int client = rig_hello_client(rig, "a.test");
        struct broken_listener broken = next_report(rig);
        assert_int_equal(broken.error, errors[i]);
        assert_int_equal(broken.worker, 0);
        assert_string_equal(broken.step, "accept4");
        rig_wait_refused(rig, &where.address, where.len);
        io_expect_gone(client);
        mend(rig, &broken);
        rig_settle(rig);
        serve(rig); /* on the port that it had */
    }
}

/* A filter forbids accepting: no spinning, and soon the socket counts as broken. */
static void accepting_is_forbidden(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    fail_accepts(EPERM, FOR_EVER);
    rig_hello_client(rig, "a.test");
    struct broken_listener broken = next_report(rig);
    assert_int_equal(broken.error, EPERM);
    assert_int_equal(atomic_load(&faults.calls), ACCEPT_ROW_BROKEN);
    assert_int_equal(figure(&rig->worker.conns.stats->accept_pauses),
                     ACCEPT_ROW_BROKEN - ACCEPT_ROW_PAUSE);
    fail_accepts(0, 0);
    mend(rig, &broken);
    rig_settle(rig);
    serve(rig);
}

static struct listener *first_listener(struct rig *rig)
{
    return LIST_FIRST(&rig->worker.listeners.list); /* held: the worker does not touch it */
}

static void shut_down_under_the_worker(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    assert_int_equal(shutdown(first_listener(rig)->fd, SHUT_RDWR), 0);
    rig_release(rig);
    struct broken_listener broken = next_report(rig);
    assert_int_equal(broken.error, EINVAL);
    mend(rig, &broken);
    rig_settle(rig);
    serve(rig);
}

/* It says that nobody waits, for ever, and is readable all the time. */
static void a_unix_socket_is_shut_down(void **state)
{
    static const int how[] = {SHUT_RD, SHUT_RDWR};
    struct rig *rig = *state;
    char listeners[128];

    snprintf(listeners, sizeof listeners,
             "{\"name\":\"public\",\"address\":\"unix:@sni-router-accept-%d\"}", (int)getpid());
    rig->listeners = listeners;
    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
        rig_hold(rig);
        int client = rig_hello_client(rig, "a.test"); /* has connected before, and is served */
        assert_int_equal(shutdown(first_listener(rig)->fd, how[i]), 0);
        rig_release(rig);
        int server = rig_accept(rig, 0);
        io_expect_hello(server, "a.test");
        rig_end_pair(rig, client, server);
        struct broken_listener broken = next_report(rig);
        assert_int_equal(broken.error, EINVAL);
        mend(rig, &broken);
        rig_settle(rig);
        serve(rig);
    }
}

static void the_loop_cannot_watch_it(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    atomic_store(&faults.unwatched, &first_listener(rig)->poll);
    rig_release(rig);
    rig_client(rig, NULL);
    rig_hello_client(rig, "a.test");
    struct broken_listener broken = next_report(rig);
    assert_string_equal(broken.step, "poll");
    assert_int_equal(broken.error, EBADF);
    atomic_store(&faults.unwatched, NULL);
    mend(rig, &broken);
    rig_settle(rig);
    serve(rig);
}

/* --- the end --- */

/* Told to end while accepting fails for ever, with a client that waits: it ends all the same. */
static void ends_while_accepting_fails(void **state, int error)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    fail_accepts(error, FOR_EVER);
    int client = rig_hello_client(rig, "a.test");
    struct order *drain = order_new(ORDER_DRAIN);
    assert_non_null(drain);
    drain->drain.ms = 60000;
    worker_post(&rig->worker, drain);
    rig->hold_ending = true; /* this hold is the last one */
    rig->holdable = false;
    rig_release(rig);
    io_expect_gone(client);
    rig_join(rig);
}

static void ends_while_accepting_is_forbidden(void **state)
{
    ends_while_accepting_fails(state, EPERM);
}

static void ends_while_the_socket_is_broken(void **state)
{
    ends_while_accepting_fails(state, EINVAL);
}

/* There is no room for who waits, ever: the end of the drain is the end. */
static void stops_while_there_is_a_shortage(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    fail_accepts(EMFILE, FOR_EVER);
    int client = rig_hello_client(rig, "a.test");
    rig_wait_figure(&rig->worker.conns.stats->accept_pauses, 1);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    rig_order_end(rig, ORDER_STOP, 0);
    io_expect_gone(client);
    rig_join(rig);
}

/* Shut down, and told to end before it has noticed. */
static void ends_with_a_socket_that_was_shut_down(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_hold(rig);
    assert_int_equal(shutdown(first_listener(rig)->fd, SHUT_RDWR), 0);
    rig_release(rig);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    rig_join(rig);
}

#define ROW(situation)                                                                             \
    {                                                                                              \
#situation, situation, setup, rig_teardown, (void *)&rig_auto                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(the_clients_own_trouble),
        ROW(a_shortage_for_a_moment),
        ROW(a_shortage_that_lasts),
        ROW(a_socket_that_is_broken),
        ROW(accepting_is_forbidden),
        ROW(shut_down_under_the_worker),
        ROW(a_unix_socket_is_shut_down),
        ROW(the_loop_cannot_watch_it),
        ROW(ends_while_accepting_is_forbidden),
        ROW(ends_while_the_socket_is_broken),
        ROW(stops_while_there_is_a_shortage),
        ROW(ends_with_a_socket_that_was_shut_down),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
