/*
 * Connections that always have more to carry: they get their turns from the run queue, and others
 * go before them.
 *
 * No real socket is endless, so this program is linked with --wrap: what an endless client sends
 * and its server takes is made up here. So is the time, which stands still: the run queue is served
 * one turn at a time.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
uint64_t __wrap_uv_hrtime(void);

#define ENDLESS_MAX 8
#define TURN_BYTES  UINT64_C(1048576)

/* Ports whose peers never run dry, and one that takes everything; 0 = none. */
static atomic_uint endless_ports[ENDLESS_MAX];
static atomic_uint greedy_port;
static atomic_uint_fast64_t made_up_bytes;
/* A client by its port, 0 = none, and what had been made up when the router first read from it. */
static atomic_uint newcomer_port;
static atomic_uint_fast64_t newcomer_read_at;
/* What the router sends next, once; 0 = nobody asks, or nothing was sent so far. */
static atomic_bool ask_sent;
static atomic_size_t sent_len;

uint64_t __wrap_uv_hrtime(void)
{
    return 1;
}

static unsigned port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;

    if (name(fd, (struct sockaddr *)&address, &len) != 0 || address.sin_family != AF_INET)
        return 0;
    return ntohs(address.sin_port);
}

static int peer_name(int fd, struct sockaddr *address, socklen_t *len)
{
    return getpeername(fd, address, len);
}

static int own_name(int fd, struct sockaddr *address, socklen_t *len)
{
    return getsockname(fd, address, len);
}

static bool is_endless(int fd)
{
    unsigned port = port_of(fd, peer_name);

    for (int i = 0; i < ENDLESS_MAX; i++) {
        if (port != 0 && atomic_load(&endless_ports[i]) == port)
            return true;
    }
    return false;
}

/* The first read from the newcomer's socket. */
static void note_read(int fd)
{
    unsigned port = atomic_load(&newcomer_port);

    if (port != 0 && port_of(fd, peer_name) == port) {
        atomic_store(&newcomer_read_at, atomic_load(&made_up_bytes));
        atomic_store(&newcomer_port, 0);
    }
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    note_read(fd);
    if (!is_endless(fd))
        return __real_recv(fd, bytes, len, flags);
    memset(bytes, 'e', len);
    return (ssize_t)len;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    unsigned port = atomic_load(&greedy_port);

    if (atomic_exchange(&ask_sent, false))
        atomic_store(&sent_len, len);
    if (port == 0 || port_of(fd, peer_name) != port)
        return __real_send(fd, bytes, len, flags);
    atomic_fetch_add(&made_up_bytes, len);
    return (ssize_t)len;
}

static int setup(void **state)
{
    atomic_store(&made_up_bytes, 0);
    return rig_setup(state);
}

static int teardown(void **state)
{
    atomic_store(&greedy_port, 0);
    for (int i = 0; i < ENDLESS_MAX; i++)
        atomic_store(&endless_ports[i], 0);
    return rig_teardown(state);
}

static void wait_for_turns(unsigned turns)
{
    uint64_t enough = atomic_load(&made_up_bytes) + turns * TURN_BYTES;

    rig_wait_figure(&made_up_bytes, enough);
}

/* Connections to server 0 whose clients never run dry from now on. */
static void make_endless(struct rig *rig, int *clients, int *servers, int count)
{
    for (int i = 0; i < count; i++) {
        clients[i] = rig_hello_client(rig, "a.test");
        servers[i] = rig_accept(rig, 0);
        io_expect_hello(servers[i], "a.test");
    }
    rig_hold(rig);
    for (int i = 0; i < count; i++) {
        atomic_store(&endless_ports[i], port_of(clients[i], own_name));
        io_send(clients[i], "!", 1); /* wakes the worker; it is never really read */
    }
    atomic_store(&greedy_port, rig->ports[0]);
    rig_release(rig);
    wait_for_turns(10);
}

static void others_get_their_turn(void **state)
{
    struct rig *rig = *state;
    int clients[2], servers[2];

    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"hello\":\"60s\"}");
    make_endless(rig, clients, servers, 2);
    for (int i = 0; i < 20; i++) {
        int client = rig_hello_client(rig, "unknown.test");
        io_expect_alert(client, 112);
        io_expect_end(client);
        rig_close(rig, client);
        rig_expect_reason(rig, "no_route");
    }
    rig_settle(rig);
    wait_for_turns(10);
}

/* Eight streams are always ready: a new client waits for one or two turns, not for a round. */
static void newcomer_goes_before_streams(void **state)
{
    struct rig *rig = *state;
    int clients[ENDLESS_MAX], servers[ENDLESS_MAX];

    rig_server(rig);
    rig_start(rig, "");
    make_endless(rig, clients, servers, ENDLESS_MAX);
    for (int i = 0; i < 5; i++) {
        rig_hold(rig);
        int client = rig_hello_client(rig, "unknown.test");
        uint64_t before = atomic_load(&made_up_bytes);
        atomic_store(&newcomer_port, port_of(client, own_name));
        rig_release(rig);
        io_expect_alert(client, 112);
        io_expect_end(client);
        assert_in_range(atomic_load(&newcomer_read_at), before, before + 3 * TURN_BYTES);
        rig_close(rig, client);
        rig_expect_reason(rig, "no_route");
    }
}

/* Carries so much as one piece. */
static void carry(struct rig *rig, int client, int server, size_t len)
{
    static const uint8_t bytes[60000];

    assert_true(len <= sizeof bytes);
    rig_hold(rig);
    io_send(client, bytes, len);
    rig_release(rig);
    io_expect(server, bytes, len);
}

/* A bulky stream and a short exchange have news at once, the stream first. */
static void short_exchange_goes_before_stream(void **state)
{
    static const uint8_t bytes[60000];
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    int bulky = rig_hello_client(rig, "a.test");
    int bulky_server = rig_accept(rig, 0);
    io_expect_hello(bulky_server, "a.test");
    int chatty = rig_hello_client(rig, "a.test");
    int chatty_server = rig_accept(rig, 0);
    io_expect_hello(chatty_server, "a.test");
    for (int i = 0; i < 4; i++)
        carry(rig, bulky, bulky_server, sizeof bytes);
    rig_settle(rig);
    rig_hold(rig);
    io_send(bulky, bytes, sizeof bytes);
    io_send(chatty, "ping", 4);
    atomic_store(&ask_sent, true);
    rig_release(rig);
    io_expect_text(chatty_server, "ping");
    io_expect(bulky_server, bytes, sizeof bytes);
    assert_int_equal(atomic_load(&sent_len), 4);
}

/* The two share: neither waits for the other to end. */
static void endless_ones_take_turns(void **state)
{
    struct rig *rig = *state;
    int clients[2], servers[2];

    rig_server(rig);
    rig_start(rig, "");
    make_endless(rig, clients, servers, 2);
    atomic_store(&endless_ports[0], 0); /* the first one runs dry: it ends like any other */
    io_end(clients[0]);
    rig_settle(rig);
    wait_for_turns(10);
    atomic_store(&endless_ports[1], 0);
    rig_settle(rig);
}

static void stopped_while_queued(void **state)
{
    struct rig *rig = *state;
    int clients[2], servers[2];

    rig_server(rig);
    rig_start(rig, "");
    make_endless(rig, clients, servers, 2);
    rig_order_end(rig, ORDER_STOP, 0);
    rig_join(rig);
    assert_int_equal(stats_figure_read(&rig->worker.conns.stats->closed[REASON_DRAIN_TIMEOUT]), 2);
}

/* It ends in the very turn that puts it into the queue again: the other direction has failed. */
static void failed_while_queued(void **state)
{
    struct rig *rig = *state;
    int clients[2], servers[2];

    rig_server(rig);
    rig_start(rig, "");
    make_endless(rig, clients, servers, 2);
    rig_reset(rig, servers[0]);
    rig_expect_reason(rig, "server_abort");
    wait_for_turns(10); /* the other one goes on */
    rig_reset(rig, servers[1]);
    rig_expect_reason(rig, "server_abort");
    rig_settle(rig);
}

#define ROW(situation)                                                                             \
    {                                                                                              \
#situation " [copy]", situation, setup, teardown, (void *)&rig_copy                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(others_get_their_turn),
        ROW(newcomer_goes_before_streams),
        ROW(short_exchange_goes_before_stream),
        ROW(endless_ones_take_turns),
        ROW(stopped_while_queued),
        ROW(failed_while_queued),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
