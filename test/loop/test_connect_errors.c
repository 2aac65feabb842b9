/*
 * Every errno that socket(2), connect(2) and SO_ERROR may give for an attempt to connect: whether
 * another address is tried, and what the access log says when there is none. And what the kernel
 * does only now and then: a connect that is interrupted, a full queue, a socket that connects to
 * itself.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/net/connect_error.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* This program is linked with --wrap: the worker's calls come here first. */
int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len);

/* What happens to the worker's next calls. */
enum fault {
    FAULT_NONE,
    FAULT_SOCKET,      /* socket() fails */
    FAULT_CONNECT,     /* connect() fails */
    FAULT_RESULT,      /* it fails later: SO_ERROR */
    FAULT_INTERRUPTED, /* connect() begins, and says EINTR */
    FAULT_ITSELF       /* the port that the system hands out is the server's */
};

static pthread_t test_thread;
static atomic_int fault, fault_error, faults_left;
static atomic_int sockets, connects; /* the worker's, so far */

/* Whether this call is to go wrong. */
static bool goes_wrong(enum fault which)
{
    if (pthread_equal(pthread_self(), test_thread) || atomic_load(&fault) != (int)which)
        return false;
    return atomic_load(&faults_left) > 0 && atomic_fetch_sub(&faults_left, 1) > 0;
}

static void count(atomic_int *calls)
{
    if (!pthread_equal(pthread_self(), test_thread))
        atomic_fetch_add(calls, 1);
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

int __wrap_socket(int family, int type, int protocol)
{
    count(&sockets);
    if (goes_wrong(FAULT_SOCKET))
        return fail_with(atomic_load(&fault_error));
    return __real_socket(family, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int on = 1;

    count(&connects);
    if (goes_wrong(FAULT_CONNECT))
        return fail_with(atomic_load(&fault_error));
    if (goes_wrong(FAULT_INTERRUPTED)) {
        (void)__real_connect(fd, address, len);
        return fail_with(EINTR);
    }
    if (goes_wrong(FAULT_ITSELF)) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, address, len) != 0)
            abort();
    }
    return __real_connect(fd, address, len);
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    if (level == SOL_SOCKET && option == SO_ERROR && goes_wrong(FAULT_RESULT)) {
        *(int *)value = atomic_load(&fault_error);
        return 0;
    }
    return __real_getsockopt(fd, level, option, value, len);
}

static void arrange(enum fault which, int error, int times)
{
    atomic_store(&fault, which);
    atomic_store(&fault_error, error);
    atomic_store(&faults_left, times);
    atomic_store(&sockets, 0);
    atomic_store(&connects, 0);
}

static int setup(void **state)
{
    test_thread = pthread_self();
    arrange(FAULT_NONE, 0, 0);
    return rig_setup(state);
}

static const struct connect_error errors[] = {
#define ROW(number, reason, blame, meaning) {number, REASON_##reason, BLAME_##blame, meaning},
    CONNECT_ERROR_TABLE(ROW)
#undef ROW
};
#define ERRORS (sizeof errors / sizeof errors[0])

static void expect_refused(struct rig *rig, int client, const char *reason)
{
    io_expect_alert(client, 80);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, reason);
}

static void expect_served(struct rig *rig, int client, uint32_t by)
{
    int server = rig_accept(rig, by);

    io_expect_hello(server, "a.test");
    io_end(client);
    io_expect_end(server);
    io_end(server);
    io_expect_end(client);
    rig_close(rig, client);
    rig_close(rig, server);
    rig_expect_reason(rig, "closed");
}

/* --- every errno --- */

/* The first address fails so, the second would serve. */
static void then_another_address(struct rig *rig, enum fault which)
{
    rig->one_name = true;
    rig_refusing_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < ERRORS; i++) {
        arrange(which, errors[i].error, 1);
        int client = rig_hello_client(rig, "a.test");
        if (errors[i].blame == BLAME_ROUTER && which != FAULT_RESULT)
            expect_refused(rig, client, "resource");
        else
            expect_served(rig, client, 1);
        assert_int_equal(atomic_load(&faults_left), 0);
    }
}

static void then_none(struct rig *rig, enum fault which)
{
    rig_refusing_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < ERRORS; i++) {
        arrange(which, errors[i].error, 1);
        expect_refused(rig, rig_hello_client(rig, "a.test"), reason_info(errors[i].reason)->word);
        assert_int_equal(atomic_load(&faults_left), 0);
    }
}

static void socket_fails_then_another_address(void **state)
{
    then_another_address(*state, FAULT_SOCKET);
}

static void connect_fails_then_another_address(void **state)
{
    then_another_address(*state, FAULT_CONNECT);
}

static void attempt_fails_then_another_address(void **state)
{
    then_another_address(*state, FAULT_RESULT);
}

static void socket_fails_and_there_is_no_other(void **state)
{
    then_none(*state, FAULT_SOCKET);
}

static void connect_fails_and_there_is_no_other(void **state)
{
    then_none(*state, FAULT_CONNECT);
}

static void attempt_fails_and_there_is_no_other(void **state)
{
    then_none(*state, FAULT_RESULT);
}

/* --- a server that answers --- */

/* The usual way costs one socket and one connect; no error is asked for. */
static void server_answers(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (int i = 0; i < 3; i++) {
        arrange(FAULT_RESULT, ENOMEM, 1);
        expect_served(rig, rig_hello_client(rig, "a.test"), 0);
        assert_int_equal(atomic_load(&sockets), 1);
        assert_int_equal(atomic_load(&connects), 1);
        assert_int_equal(atomic_load(&faults_left), 1);
    }
}

/* --- now and then --- */

static void connect_is_interrupted(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    arrange(FAULT_INTERRUPTED, 0, 1);
    expect_served(rig, rig_hello_client(rig, "a.test"), 0);
    assert_int_equal(atomic_load(&connects), 2);
}

/* A server that nobody has taken the port of: another socket may be bound to it as well. */
static uint32_t free_server(struct rig *rig)
{
    uint32_t server = rig_refusing_server(rig);
    int on = 1;

    assert_int_equal(setsockopt(rig->servers[server], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    return server;
}

static void socket_connects_to_itself(void **state)
{
    struct rig *rig = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};

    free_server(rig);
    rig_start(rig, "");
    arrange(FAULT_ITSELF, 0, 1);
    expect_refused(rig, rig_hello_client(rig, "a.test"), "connect_refused");
    assert_int_equal(atomic_load(&faults_left), 0);
    /* The port is free at once, for a server that comes back. */
    rig_close(rig, rig->servers[0]);
    address.sin_port = htons(rig->ports[0]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int back = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(back >= 0);
    rig->sockets[rig->socket_count++] = back;
    assert_int_equal(bind(back, (struct sockaddr *)&address, sizeof address), 0);
}

static void socket_connects_to_itself_then_next_server(void **state)
{
    struct rig *rig = *state;

    free_server(rig);
    rig_server(rig);
    rig_start(rig, "");
    arrange(FAULT_ITSELF, 0, 1);
    expect_served(rig, rig_hello_client(rig, "a.test"), 1);
    rig_expect_in_line(rig, "\"retries\":1");
}

/* A listening unix socket, its name in `spare`, as the rig's first server. */
static void unix_server(struct rig *rig, char spare[64])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    rig->sockets[rig->socket_count++] = fd;
    /* Only a family: the kernel picks a name of the abstract name space, five digits. */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(spare, 64, "unix:@%.5s", address.sun_path + 1);
    rig->spare = spare;
    rig->servers[rig->server_count] = fd;
}

/* It is knocked at again with the same socket, until there is room. */
static void full_queue_has_room_in_the_end(void **state)
{
    struct rig *rig = *state;
    char spare[64];

    unix_server(rig, spare);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    arrange(FAULT_CONNECT, EAGAIN, 5);
    int client = rig_hello_client(rig, "a.test");
    int server = accept4(rig->servers[0], NULL, NULL, SOCK_CLOEXEC);
    assert_true(server >= 0);
    rig->sockets[rig->socket_count++] = server;
    io_bound(server);
    io_expect_hello(server, "a.test");
    rig_close(rig, server);
    io_expect_end(client);
    assert_int_equal(atomic_load(&connects), 6);
    assert_int_equal(atomic_load(&sockets), 1);
}

static void full_queue_has_no_room(void **state)
{
    struct rig *rig = *state;
    char spare[64];

    unix_server(rig, spare);
    rig_start(rig, "\"timeouts\":{\"connect\":\"1s\"}");
    arrange(FAULT_CONNECT, EAGAIN, 1000000);
    expect_refused(rig, rig_hello_client(rig, "a.test"), "connect_timeout");
    /* 10 ms, 20, 40, ... at least: no more than so many can have been in a second. */
    assert_in_range(atomic_load(&connects), 1, 8);
    assert_int_equal(atomic_load(&sockets), 1);
}

static void queue_is_gone_while_it_is_waited_for(void **state)
{
    struct rig *rig = *state;
    char spare[64];

    unix_server(rig, spare);
    rig_close(rig, rig->servers[0]);
    rig_start(rig, "\"timeouts\":{\"connect\":\"60s\"}");
    arrange(FAULT_CONNECT, EAGAIN, 2);
    expect_refused(rig, rig_hello_client(rig, "a.test"), "connect_refused");
    assert_int_equal(atomic_load(&connects), 3);
}

#define TEST(situation)                                                                            \
    {                                                                                              \
#situation, situation, setup, rig_teardown, (void *)&rig_auto                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(socket_fails_then_another_address),
        TEST(connect_fails_then_another_address),
        TEST(attempt_fails_then_another_address),
        TEST(socket_fails_and_there_is_no_other),
        TEST(connect_fails_and_there_is_no_other),
        TEST(attempt_fails_and_there_is_no_other),
        TEST(server_answers),
        TEST(connect_is_interrupted),
        TEST(socket_connects_to_itself),
        TEST(socket_connects_to_itself_then_next_server),
        TEST(full_queue_has_room_in_the_end),
        TEST(full_queue_has_no_room),
        TEST(queue_is_gone_while_it_is_waited_for),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
