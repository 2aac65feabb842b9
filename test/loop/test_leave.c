/*
 * Listening sockets that are left: whoever has connected is served, also one that has said nothing
 * yet and is held back by the kernel (TCP_DEFER_ACCEPT).
 */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/net/diag.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

#define LISTENER(name, members) "{\"name\":\"" name "\",\"address\":\"127.0.0.1:0\"" members "}"

/* Replaced by the linker: the kernel may be asked, or not, and how often it was is counted. */
bool __wrap_diag_connecting(bool only_v4,
                            bool (*visit)(void *context, const struct diag_socket *found),
                            void *context);
bool __real_diag_connecting(bool only_v4,
                            bool (*visit)(void *context, const struct diag_socket *found),
                            void *context);

static atomic_bool kernel_tells = true;
static atomic_uint questions;

bool __wrap_diag_connecting(bool only_v4,
                            bool (*visit)(void *context, const struct diag_socket *found),
                            void *context)
{
    atomic_fetch_add(&questions, 1);
    return kernel_tells && __real_diag_connecting(only_v4, visit, context);
}

/* The client speaks now, and is served. */
static void speak(struct rig *rig, int client, const char *listener)
{
    uint8_t hello[IO_HELLO_MAX];
    char text[64];

    io_send(client, hello, io_hello("a.test", hello));
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    rig_end_pair(rig, client, server);
    snprintf(text, sizeof text, "\"listener\":\"%s\"", listener);
    rig_expect_in_line(rig, text);
}

/* --- a reload that keeps the socket --- */

static void keeps_its_socket(struct rig *rig, const char *before, const char *after,
                             const char *listener)
{
    struct target was, is;

    rig->listeners = before;
    rig_server(rig);
    rig_start(rig, "");
    rig_address(rig, "public", &was);
    uint64_t id = endpoints_of(&rig->endpoints, 0)->id;
    int silent = rig_client(rig, "public");
    rig->listeners = after;
    rig_reload(rig, 0, "");
    rig_settle(rig);
    rig_address(rig, listener, &is);
    assert_memory_equal(&was, &is, sizeof was);
    assert_int_equal(endpoints_of(&rig->endpoints, 0)->id, id);
    speak(rig, silent, listener);
    speak(rig, rig_client(rig, listener), listener);
}

static void another_backlog(void **state)
{
    keeps_its_socket(*state, LISTENER("public", ""), LISTENER("public", ",\"backlog\":7"),
                     "public");
}

static void another_name_at_port_0(void **state)
{
    keeps_its_socket(*state, LISTENER("public", ""), LISTENER("other", ""), "other");
}

static void the_queue_has_the_new_length(void **state)
{
    struct rig *rig = *state;

    rig->listeners = LISTENER("public", ",\"backlog\":5");
    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    rig->listeners = LISTENER("public", ",\"backlog\":2");
    rig_reload(rig, 0, "");
    rig_settle(rig);
    rig_hold(rig);
    assert_int_equal(LIST_FIRST(&rig->worker.listeners.list)->backlog, 2);
    rig_release(rig);
    speak(rig, rig_client(rig, NULL), "public");
}

/* --- a reload that closes the socket --- */

/* Two listeners; the second has a silent client, and goes. */
static int lose_second(struct rig *rig, struct target *second)
{
    rig->listeners = LISTENER("public", "") "," LISTENER("second", "");
    rig_server(rig);
    rig_start(rig, "");
    rig_address(rig, "second", second);
    int silent = rig_client(rig, "second");
    rig->listeners = LISTENER("public", "");
    rig_reload(rig, 0, "");
    rig_settle(rig);
    return silent;
}

static void removed_and_the_client_speaks_soon(void **state)
{
    struct rig *rig = *state;
    struct target second;
    int silent = lose_second(rig, &second);

    speak(rig, silent, "second");
    rig_wait_refused(rig, &second.address, second.len);
}

static void removed_and_the_client_speaks_later(void **state)
{
    struct rig *rig = *state;
    struct target second;
    int silent = lose_second(rig, &second);

    rig_wait_refused(rig, &second.address, second.len);
    speak(rig, silent, "second");
    rig_wait_refs(rig, 0, 0);
}

/* While somebody is held back, newcomers are still welcome. */
static void removed_and_another_client_comes(void **state)
{
    struct rig *rig = *state;
    struct target second;
    int silent = lose_second(rig, &second);
    int newcomer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    io_bound(newcomer);
    assert_int_equal(connect(newcomer, (struct sockaddr *)&second.address, second.len), 0);
    uint8_t hello[IO_HELLO_MAX];
    io_send(newcomer, hello, io_hello("a.test", hello));
    int server = rig_accept(rig, 0);
    io_expect_hello(server, "a.test");
    io_end(newcomer);
    io_expect_end(server);
    io_end(server);
    io_expect_end(newcomer);
    rig_expect_reason(rig, "closed");
    close(newcomer);
    speak(rig, silent, "second");
}

static void moved_to_another_address(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int silent = rig_client(rig, NULL);
    rig->listeners = "{\"name\":\"public\",\"address\":\"127.0.0.2:0\"}";
    rig_reload(rig, 0, "");
    rig_settle(rig);
    speak(rig, rig_client(rig, NULL), "public");
    speak(rig, silent, "public");
}

/* One that never finishes its handshake holds the socket for some seconds at most. */
static void half_open_client(void **state)
{
    static struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog deaf = {.len = 1, .filter = nothing};
    struct rig *rig = *state;
    struct target public;
    int half_open = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    rig_address(rig, NULL, &public);
    assert_int_equal(setsockopt(half_open, SOL_SOCKET, SO_ATTACH_FILTER, &deaf, sizeof deaf), 0);
    assert_int_equal(connect(half_open, (struct sockaddr *)&public.address, public.len), -1);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    rig_join(rig);
    close(half_open);
}

/* The kernel walks through all its sockets for an answer: one is enough, however many leave. */
static void many_leave_at_once(void **state)
{
    enum { LEAVING = 40 };
    struct rig *rig = *state;
    struct target last;
    char listeners[LEAVING * 64 + 64];
    size_t len = (size_t)snprintf(listeners, sizeof listeners, "%s", LISTENER("public", ""));

    for (unsigned i = 0; i < LEAVING; i++)
        len += (size_t)snprintf(listeners + len, sizeof listeners - len,
                                "," LISTENER("leaving%u", ""), i);
    rig->listeners = listeners;
    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    rig_address(rig, "leaving0", &last);
    atomic_store(&questions, 0);
    rig->listeners = LISTENER("public", "");
    rig_reload(rig, 0, "");
    rig_settle(rig);
    rig_wait_refused(rig, &last.address, last.len);
    assert_in_range(atomic_load(&questions), 1, LEAVING - 1);
    speak(rig, rig_client(rig, NULL), "public");
}

/* --- the end --- */

static void drain_and_the_client_speaks_soon(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int silent = rig_client(rig, NULL);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    speak(rig, silent, "public");
    rig_join(rig);
}

static void drain_and_the_client_speaks_later(void **state)
{
    struct rig *rig = *state;
    struct target public;

    rig_server(rig);
    rig_start(rig, "");
    rig_address(rig, NULL, &public);
    int silent = rig_client(rig, NULL);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    rig_wait_refused(rig, &public.address, public.len);
    speak(rig, silent, "public");
    rig_join(rig);
}

static void drain_is_over_while_a_client_is_silent(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int silent = rig_client(rig, NULL);
    rig_order_end(rig, ORDER_DRAIN, 1);
    rig_join(rig);
    uint8_t hello[IO_HELLO_MAX];
    io_send(silent, hello, io_hello("a.test", hello));
    io_expect_gone(silent);
}

static void stop_does_not_wait_for_silent_clients(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_client(rig, NULL);
    rig_order_end(rig, ORDER_STOP, 0);
    rig_join(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->accepted), 0);
}

/* A reload has begun to close a listener when the drain begins. */
static void drain_while_a_listener_leaves(void **state)
{
    struct rig *rig = *state;
    struct target second;
    int silent = lose_second(rig, &second);

    rig_order_end(rig, ORDER_DRAIN, 60000);
    speak(rig, silent, "second");
    rig_join(rig);
}

/* It may not be asked: then the socket stays as long as held back clients need. */
static void the_kernel_does_not_tell(void **state)
{
    struct rig *rig = *state;

    kernel_tells = false;
    rig_server(rig);
    rig_start(rig, "");
    int silent = rig_client(rig, NULL);
    rig_order_end(rig, ORDER_DRAIN, 60000);
    speak(rig, silent, "public");
    rig_join(rig);
    kernel_tells = true;
}

/* --- unix sockets --- */

static void unix_clients_that_wait(void **state)
{
    struct rig *rig = *state;
    char listeners[128];

    snprintf(listeners, sizeof listeners,
             "{\"name\":\"public\",\"address\":\"unix:@sni-router-leave-%d\"}", (int)getpid());
    rig->listeners = listeners;
    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    rig_hold(rig);
    int waiting = rig_client(rig, NULL);
    struct order *drain = order_new(ORDER_DRAIN);
    assert_non_null(drain);
    drain->drain.ms = 60000;
    worker_post(&rig->worker, drain);
    rig->hold_ending = true; /* this hold is the last one */
    rig->holdable = false;
    rig_release(rig);
    speak(rig, waiting, "public");
    rig_join(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROW(another_backlog, auto),
        RIG_ROW(another_name_at_port_0, auto),
        RIG_ROW(the_queue_has_the_new_length, auto),
        RIG_ROW(removed_and_the_client_speaks_soon, auto),
        RIG_ROW(removed_and_the_client_speaks_later, auto),
        RIG_ROW(removed_and_another_client_comes, auto),
        RIG_ROW(moved_to_another_address, auto),
        RIG_ROW(half_open_client, auto),
        RIG_ROW(many_leave_at_once, auto),
        RIG_ROW(drain_and_the_client_speaks_soon, auto),
        RIG_ROW(drain_and_the_client_speaks_later, auto),
        RIG_ROW(drain_is_over_while_a_client_is_silent, auto),
        RIG_ROW(stop_does_not_wait_for_silent_clients, auto),
        RIG_ROW(drain_while_a_listener_leaves, auto),
        RIG_ROW(the_kernel_does_not_tell, auto),
        RIG_ROW(unix_clients_that_wait, auto),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
