/*
 * The worker does not run for longer than every timeout, as in a machine that is paused: what has
 * arrived meanwhile counts, what has not arrived is given a moment.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* More sockets than are looked at in one go. */
#define PAIRS  80
#define HELLOS 40

#define TIMEOUTS                                                                                   \
    "\"timeouts\":{\"hello\":\"3s\",\"connect\":\"3s\",\"idle\":\"3s\",\"half_close\":\"3s\"}"
/* Longer than those. */
#define STOP_MS 3300

/* No synchronisation: that time passes is what these tests are about. */
static void stay_stopped(void)
{
    poll(NULL, 0, STOP_MS);
}

static void what_has_arrived_counts(void **state)
{
    struct rig *rig = *state;
    int client[PAIRS], server[PAIRS], late[HELLOS];
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);

    rig_server(rig);
    rig_start(rig, TIMEOUTS);
    for (int i = 0; i < PAIRS; i++)
        rig_pair(rig, &client[i], &server[i]);
    for (int i = 0; i < HELLOS; i++) {
        late[i] = rig_client(rig, NULL);
        io_send(late[i], hello, 100);
    }
    rig_settle(rig);
    rig_hold(rig);
    for (int i = 0; i < PAIRS; i++)
        io_send_text(i % 2 == 0 ? client[i] : server[i], "still here");
    for (int i = 0; i < HELLOS; i++)
        io_send(late[i], hello + 100, len - 100);
    stay_stopped();
    rig_release(rig);
    for (int i = 0; i < PAIRS; i++)
        io_expect_text(i % 2 == 0 ? server[i] : client[i], "still here");
    for (int i = 0; i < HELLOS; i++)
        io_expect_hello(rig_accept(rig, 0), "a.test");
}

static void ends_that_have_arrived_are_ends(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, TIMEOUTS);
    rig_pair(rig, &client, &server);
    io_end(client);
    io_expect_end(server);
    rig_settle(rig);
    rig_hold(rig);
    io_send_text(server, "the answer");
    io_end(server);
    stay_stopped();
    rig_release(rig);
    io_expect_text(client, "the answer");
    io_expect_end(client);
    rig_expect_reason(rig, "closed");
}

/* The server's queue is full at first: the kernel completes the connect while the worker stands. */
static void a_connect_that_has_succeeded_is_used(void **state)
{
    struct rig *rig = *state;
    uint32_t silent = rig_silent_server(rig);

    rig_start(rig, TIMEOUTS);
    rig_hello_client(rig, "a.test");
    rig_settle(rig);
    rig_hold(rig);
    rig_accept(rig, silent); /* what has filled the queue */
    int server = rig_accept(rig, silent);
    stay_stopped();
    rig_release(rig);
    io_expect_hello(server, "a.test");
}

/* What it said just before the worker was stopped must not look old either. */
static void a_moment_is_given_once(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_server(rig);
    rig_start(rig, TIMEOUTS);
    rig_pair(rig, &client, &server);
    rig_settle(rig);
    rig_hold(rig);
    stay_stopped();
    rig_release(rig);
    rig_settle(rig);
    io_send_text(client, "was still under way");
    io_expect_text(server, "was still under way");
    rig_expect_reason(rig, "idle_timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROW(what_has_arrived_counts, copy),
        RIG_ROW(what_has_arrived_counts, splice),
        RIG_ROW(ends_that_have_arrived_are_ends, auto),
        RIG_ROW(a_connect_that_has_succeeded_is_used, auto),
        RIG_ROW(a_moment_is_given_once, auto),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
