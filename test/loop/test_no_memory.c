/* Without memory: what cannot be kept is given up, what can go on goes on. */
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

#include "router/conn/conn_attempt.h"
#include "sni/build.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* This program is linked with --wrap: every allocation of it and of the router comes here. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static atomic_bool no_malloc;
static atomic_size_t no_calloc_of; /* this size fails */
static atomic_int failures;        /* so often, so far */

void *__wrap_malloc(size_t size)
{
    return atomic_load(&no_malloc) ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return atomic_load(&no_malloc) ? NULL : __real_realloc(old, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (count * size != atomic_load(&no_calloc_of))
        return __real_calloc(count, size);
    atomic_fetch_add(&failures, 1);
    return NULL;
}

static int setup(void **state)
{
    return rig_setup(state);
}

static int teardown(void **state)
{
    atomic_store(&no_malloc, false);
    atomic_store(&no_calloc_of, 0);
    return rig_teardown(state);
}

static void expect_served(struct rig *rig)
{
    int client, server;

    rig_pair(rig, &client, &server);
    rig_end_pair(rig, client, server);
}

static void no_memory_for_a_connection(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    atomic_store(&no_calloc_of, sizeof(struct conn));
    int client = rig_hello_client(rig, "a.test");
    io_expect_gone(client);
    rig_wait_figure(&rig->worker.conns.stats->closed[REASON_RESOURCE], 1);
    rig->unlogged = 1;
    atomic_store(&no_calloc_of, 0);
    expect_served(rig);
}

static void no_memory_for_the_texts(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    rig_settle(rig);
    atomic_store(&no_malloc, true);
    expect_served(rig);
    atomic_store(&no_malloc, false);
    rig_expect_in_line(rig, "\"route\":\"a.test\"");
    assert_null(strstr(rig->line, "\"sni\""));
    expect_served(rig);
    rig_expect_in_line(rig, "\"sni\":\"a.test\"");
}

/* A rest that cannot be kept ends the connection: a byte that is missing would be worse. */
static void no_memory_for_a_rest(void **state)
{
    static uint8_t bytes[256 * 1024];
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "", &client, &server);
    atomic_store(&no_malloc, true);
    while (send(client, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        continue;
    assert_true(errno == ECONNRESET || errno == EPIPE);
    atomic_store(&no_malloc, false);
    rig_expect_reason(rig, "resource");
    expect_served(rig);
}

/* A hello in pieces: the first or a later piece of it cannot be kept. */
static void no_memory_for_a_hello_in_pieces(void **state)
{
    static const size_t kept[] = {0, 1, 1500};
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    struct hello_spec spec;

    rig_server(rig);
    rig_start(rig, "");
    hello_spec_init(&spec, "a.test");
    spec.total_bytes = 4000;
    assert_true(hello_build(&spec, hello, sizeof hello) > 4000);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        int client = rig_client(rig, NULL);
        if (kept[i] > 0)
            io_send(client, hello, kept[i]);
        rig_settle(rig);
        atomic_store(&no_malloc, true);
        io_send(client, hello + kept[i], 2000);
        io_expect_gone(client);
        atomic_store(&no_malloc, false);
        rig_expect_reason(rig, "resource");
        rig_expect_in_line(rig, "\"bytes_in\":0,");
        expect_served(rig);
    }
}

/* What a worker needs for a listener comes with the order, so that it cannot fail to open one. */
static void no_memory_for_a_listener(void **state)
{
    struct rig *rig = *state;
    struct listen_error why;
    uint32_t count;

    rig_server(rig);
    rig_start(rig, "");
    expect_served(rig);
    struct endpoints others;
    endpoints_init(&others, 1);
    assert_true(endpoints_open(&others, rig->snapshots[0]->config, &why));
    atomic_store(&no_calloc_of, sizeof(struct listener));
    assert_null(endpoints_offer(&others, rig->snapshots[0]->config, 0, &count));
    atomic_store(&no_calloc_of, 0);
    endpoints_cancel(&others);
    endpoints_close(&others);
    expect_served(rig);
    rig_reload(rig, 0, "");
    expect_served(rig);
}

/* A further address of the server cannot be tried for now: the first one is waited for. */
static void no_memory_for_a_further_address(void **state)
{
    struct rig *rig = *state;

    rig->one_name = true;
    rig_silent_server(rig);
    rig_server(rig);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    rig_settle(rig);
    atomic_store(&failures, 0);
    atomic_store(&no_calloc_of, sizeof(struct attempt));
    int client = rig_hello_client(rig, "a.test");
    for (int tries = 0; atomic_load(&failures) == 0; tries++) {
        assert_in_range(tries, 0, RIG_PATIENCE_MS);
        poll(NULL, 0, 1);
    }
    atomic_store(&no_calloc_of, 0);
    int server = rig_accept(rig, 1);
    io_expect_hello(server, "a.test");
    rig_close(rig, server);
    io_expect_end(client);
}

#define ROW(situation, path)                                                                       \
    {                                                                                              \
#situation " [" #path "]", situation, setup, teardown, (void *)&rig_##path                 \
    }
#define ROWS(situation) ROW(situation, copy), ROW(situation, splice), ROW(situation, auto)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROWS(no_memory_for_a_connection), ROWS(no_memory_for_the_texts),
        ROWS(no_memory_for_a_rest),       ROWS(no_memory_for_a_hello_in_pieces),
        ROWS(no_memory_for_a_listener),   ROW(no_memory_for_a_further_address, auto),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
