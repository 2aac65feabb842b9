/* Endpoints over changes of the configuration: which sockets stay, and what a failure undoes. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/control/endpoints.h"
#include "test/support/descriptors.h"

#define WORKERS 2
#define ANY     "{\"name\":\"any\",\"address\":\"127.0.0.1:0\"}"

struct place {
    char directory[32], path[48];
    struct endpoints endpoints;
    struct config *current;
    int given[64]; /* what the workers would have: the test closes it */
    int given_count;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    strcpy(place->directory, "/tmp/endpoints.XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/s", place->directory);
    endpoints_init(&place->endpoints, WORKERS);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    endpoints_close(&place->endpoints);
    for (int i = 0; i < place->given_count; i++)
        close(place->given[i]);
    config_free(place->current);
    assert_int_equal(rmdir(place->directory), 0); /* the path is gone as well */
    free(place);
    return 0;
}

/* PATH in `listeners` stands for the path. */
static struct config *config_with(const struct place *place, const char *listeners)
{
    char text[1024];
    struct diagnostics found = {0};
    const char *gap = strstr(listeners, "PATH");
    int before = gap == NULL ? (int)strlen(listeners) : (int)(gap - listeners);
    int len =
        snprintf(text, sizeof text,
                 "{\"listeners\":[%.*s%s%s],\"routes\":[{\"host\":\"a.test\",\"backend\":"
                 "\"b\"}],\"backends\":{\"b\":{\"servers\":[\"127.0.0.1:9\"]}}}",
                 before, listeners, gap == NULL ? "" : place->path, gap == NULL ? "" : gap + 4);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);

    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

/* Opens and commits, and takes the sockets as workers do. Returns how many were handed over. */
static int change(struct place *place, const char *listeners)
{
    struct config *config = config_with(place, listeners);
    struct listen_error why;
    uint32_t count;
    int handed_over = 0;

    assert_true(endpoints_open(&place->endpoints, config, &why));
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct handed_listener *handed = endpoints_offer(&place->endpoints, config, w, &count);
        assert_non_null(handed);
        for (uint32_t i = 0; i < count; i++) {
            handed_release(&handed[i]);
            if (handed[i].fd < 0)
                continue;
            place->given[place->given_count++] = handed[i].fd;
            handed_over++;
        }
        free(handed);
    }
    endpoints_commit(&place->endpoints, config);
    config_free(place->current);
    place->current = config;
    return handed_over;
}

static unsigned mode_of(const char *path)
{
    struct stat found;

    assert_int_equal(stat(path, &found), 0);
    return found.st_mode & 0777u;
}

static void an_equal_listener_keeps_its_sockets(void **state)
{
    struct place *place = *state;

    assert_int_equal(change(place, ANY), WORKERS);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    assert_int_equal(change(place, ANY), 0);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

static void an_endpoint_follows_its_listener_to_another_index(void **state)
{
    struct place *place = *state;

    change(place, ANY);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    assert_int_equal(change(place, "{\"name\":\"new\",\"address\":\"127.0.0.1:0\"}," ANY), WORKERS);
    assert_int_equal(endpoints_of(&place->endpoints, 1)->id, id);
    assert_int_not_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

static void a_listener_that_is_gone_loses_its_path(void **state)
{
    struct place *place = *state;

    assert_int_equal(change(place, "{\"address\":\"unix:PATH\"}," ANY), 2 * WORKERS);
    assert_int_equal(access(place->path, F_OK), 0);
    assert_int_equal(change(place, ANY), 0);
    assert_int_equal(access(place->path, F_OK), -1);
}

static void a_mode_is_applied_and_the_socket_stays(void **state)
{
    struct place *place = *state;

    assert_int_equal(change(place, "{\"address\":\"unix:PATH\",\"mode\":\"0600\"}"), WORKERS);
    assert_int_equal(mode_of(place->path), 0600);
    assert_int_equal(change(place, "{\"address\":\"unix:PATH\",\"mode\":\"0660\"}"), 0);
    assert_int_equal(mode_of(place->path), 0660);
}

/* A port of somebody else's comes last: what came before it must be undone. */
static void a_listener_that_fails_changes_nothing(void **state)
{
    struct place *place = *state;
    struct sockaddr_storage taken;
    socklen_t len = sizeof taken;
    struct listen_error why;
    char listeners[256], mode[] = "{\"address\":\"unix:PATH\",\"mode\":\"0600\"}";
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(other >= 0 && listen(other, 1) == 0);
    assert_int_equal(getsockname(other, (struct sockaddr *)&taken, &len), 0);
    change(place, mode);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    int before = descriptors_count();

    snprintf(listeners, sizeof listeners,
             ANY ",{\"address\":\"unix:PATH\",\"mode\":\"0666\"},{\"address\":\"127.0.0.1:%u\"}",
             ntohs(((struct sockaddr_in *)&taken)->sin_port));
    struct config *config = config_with(place, listeners);
    assert_false(endpoints_open(&place->endpoints, config, &why));
    assert_ptr_equal(why.listener, &config->listeners[2]);
    assert_string_equal(why.step, "bind");
    assert_int_equal(why.error, EADDRINUSE);
    config_free(config);

    assert_int_equal(descriptors_count(), before);
    assert_int_equal(mode_of(place->path), 0600);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
    assert_int_equal(change(place, mode), 0); /* and it can be asked for again */
    close(other);
}

static void what_was_opened_can_be_cancelled(void **state)
{
    struct place *place = *state;
    struct listen_error why;

    change(place, ANY);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    int before = descriptors_count();
    struct config *config = config_with(place, "{\"address\":\"unix:PATH\"}");
    assert_true(endpoints_open(&place->endpoints, config, &why));
    assert_int_equal(access(place->path, F_OK), 0);
    endpoints_cancel(&place->endpoints);
    config_free(config);
    assert_int_equal(access(place->path, F_OK), -1);
    assert_int_equal(descriptors_count(), before);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

/* --- whose port it is --- */

/* A process's listening socket that others with SO_REUSEPORT may join. */
static int stranger_at(const char *ip, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(inet_pton(AF_INET, ip, &address.sin_addr), 1);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Listeners at one port, "A B" each, before and after a reload; a stranger is at `stranger`. */
struct neighbours {
    const char *stranger;
    const char *before[2], *after[2];
    bool starts;  /* with `before` */
    bool reloads; /* to `after` */
};

static const struct neighbours neighbours[] = {
    /* at start */
    {"127.0.0.1", {"127.0.0.1"}, {0}, false, false},
    {"127.0.0.1", {"127.0.0.2", "127.0.0.1"}, {0}, false, false},
    {"127.0.0.1", {"127.0.0.2", "0.0.0.0"}, {0}, false, false},
    {"127.0.0.1", {"127.0.0.2", "[::]"}, {0}, false, false},
    {"127.0.0.1", {"[::1]", "0.0.0.0"}, {0}, false, false},
    {"0.0.0.0", {"127.0.0.2"}, {0}, false, false},
    {"127.0.0.1", {"127.0.0.2", "[::1]"}, {0}, true, false},
    /* at a reload, when sockets of our own are in the way of trying */
    {"127.0.0.1", {"127.0.0.2"}, {"127.0.0.2", "127.0.0.1"}, true, false},
    {"127.0.0.1", {"127.0.0.2"}, {"127.0.0.2", "0.0.0.0"}, true, false},
    {"127.0.0.1", {"127.0.0.2"}, {"0.0.0.0"}, true, false},
    {"127.0.0.1", {"127.0.0.2"}, {"[::]"}, true, false},
    {"127.0.0.1", {"127.0.0.2"}, {"127.0.0.2", "[::1]"}, true, true},
    {"127.0.0.1", {"127.0.0.2"}, {"127.0.0.3"}, true, true},
    /* nobody but ourselves */
    {NULL, {"127.0.0.2"}, {"0.0.0.0"}, true, true},
    {NULL, {"0.0.0.0"}, {"127.0.0.2"}, true, true},
    {NULL, {"127.0.0.2", "0.0.0.0"}, {"0.0.0.0", "127.0.0.3"}, true, true},
    {NULL, {"[::]"}, {"0.0.0.0"}, true, true},
    {NULL, {"[::]", "127.0.0.1"}, {"[::1]"}, true, true},
};

static void print_neighbours(const char *const addresses[2], uint16_t port, char text[256])
{
    int len = snprintf(text, 256, "{\"address\":\"%s:%u\"}", addresses[0], port);

    if (addresses[1] != NULL)
        snprintf(text + len, 256 - (size_t)len, ",{\"address\":\"%s:%u\"}", addresses[1], port);
}

static bool opens(struct place *place, const char *const addresses[2], uint16_t port)
{
    struct listen_error why;
    char listeners[256];

    print_neighbours(addresses, port, listeners);
    struct config *config = config_with(place, listeners);
    bool open = endpoints_open(&place->endpoints, config, &why);
    if (open) {
        endpoints_cancel(&place->endpoints);
        change(place, listeners);
    } else if (why.error != EADDRINUSE) {
        fail_msg("%s: %s: %s", listeners, why.step, strerror(why.error));
    }
    config_free(config);
    return open;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static bool needs_ipv6(const struct neighbours *row)
{
    const char *const all[] = {row->before[0], row->before[1], row->after[0], row->after[1]};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != NULL && all[i][0] == '[')
            return true;
    }
    return false;
}

static void only_our_own_sockets_excuse_a_port(void **state)
{
    bool ipv6 = has_ipv6();

    (void)state;
    for (size_t i = 0; i < sizeof neighbours / sizeof neighbours[0]; i++) {
        const struct neighbours *row = &neighbours[i];
        void *own;
        uint16_t port = 0;
        if (needs_ipv6(row) && !ipv6)
            continue;
        /* Without a stranger: a port that was free a moment ago. */
        int stranger = stranger_at(row->stranger != NULL ? row->stranger : "0.0.0.0", &port);
        if (row->stranger == NULL)
            close(stranger);
        setup(&own);
        if (opens(own, row->before, port) != row->starts)
            fail_msg("row %zu: it %s", i, row->starts ? "does not start" : "starts");
        if (row->starts && row->after[0] != NULL && opens(own, row->after, port) != row->reloads)
            fail_msg("row %zu: it %s", i, row->reloads ? "does not reload" : "reloads");
        teardown(&own);
        if (row->stranger != NULL)
            close(stranger);
    }
}

/* --- a port that two processes want at the same moment --- */

/* Replaced by the linker. */
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __real_bind(int fd, const struct sockaddr *address, socklen_t len);

static int binds;           /* so far */
static int listens_at_bind; /* before this one ... */
static int listens_fd = -1; /* ... this socket begins to listen */
static int refused_joins;   /* so many sockets that share their port are refused */

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    int shares = 0;
    socklen_t size = sizeof shares;

    if (++binds == listens_at_bind)
        assert_int_equal(listen(listens_fd, 5), 0);
    getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, &size);
    if (shares != 0 && refused_joins > 0) {
        refused_joins--;
        errno = EADDRINUSE;
        return -1;
    }
    return __real_bind(fd, address, len);
}

/* A socket that shares its port, and does not listen yet. */
static int bound_stranger(uint16_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    assert_int_equal(__real_bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

/* The port was free when it was tried, and another process begins to listen before we do. */
static void another_process_is_faster(void **state)
{
    struct place *place = *state;
    struct listen_error why;
    char listeners[64];
    uint16_t port;

    listens_fd = bound_stranger(&port);
    snprintf(listeners, sizeof listeners, "{\"address\":\"127.0.0.1:%u\"}", port);
    struct config *config = config_with(place, listeners);
    binds = 0;
    listens_at_bind = 2; /* the first one tries whether it is free */
    assert_false(endpoints_open(&place->endpoints, config, &why));
    assert_int_equal(why.error, EADDRINUSE);
    assert_true(binds >= 2);
    listens_at_bind = 0;
    close(listens_fd);
    config_free(config);
    assert_int_equal(change(place, listeners), WORKERS);
}

/* As gVisor has it. */
static void a_socket_that_listens_cannot_be_joined(void **state)
{
    struct place *place = *state;

    refused_joins = 1;
    assert_int_equal(change(place, ANY), WORKERS);
    assert_int_equal(refused_joins, 0);
}

/* --- what keeps a socket --- */

static void a_renamed_listener_keeps_its_port(void **state)
{
    struct place *place = *state;

    change(place, ANY ",{\"name\":\"b\",\"address\":\"127.0.0.1:0\"}");
    uint64_t any = endpoints_of(&place->endpoints, 0)->id;
    uint64_t b = endpoints_of(&place->endpoints, 1)->id;
    assert_int_equal(change(place, "{\"name\":\"c\",\"address\":\"127.0.0.1:0\"}," ANY), 0);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, b);
    assert_int_equal(endpoints_of(&place->endpoints, 1)->id, any);
    assert_int_equal(change(place, ANY), 0);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, any);
}

static void a_backlog_keeps_its_sockets(void **state)
{
    struct place *place = *state;

    change(place, ANY);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    assert_int_equal(change(place, "{\"name\":\"any\",\"address\":\"127.0.0.1:0\",\"backlog\":7}"),
                     0);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

/* --- errors --- */

static void an_address_that_nobody_has(void **state)
{
    struct place *place = *state;
    struct listen_error why;
    char text[512];
    struct config *config = config_with(place, "{\"name\":\"a\",\"address\":\"192.0.2.1:0\"}");

    assert_false(endpoints_open(&place->endpoints, config, &why));
    assert_string_equal(why.step, "bind");
    assert_int_equal(why.error, EADDRNOTAVAIL);
    listen_error_explain(&why, text, sizeof text);
    assert_string_equal(text, "cannot listen on 192.0.2.1:0 (a): bind: Cannot assign requested "
                              "address: no interface has this address (with \"freebind\": true the "
                              "listener does not need one)");
    config_free(config);
    assert_int_equal(change(place, "{\"address\":\"192.0.2.1:0\",\"freebind\":true}"), WORKERS);
}

/* Made by bind(), and then its mode cannot be set: the path does not stay behind. */
static bool no_chmod;
int __wrap_chmod(const char *path, mode_t mode);
int __real_chmod(const char *path, mode_t mode);
int __wrap_chmod(const char *path, mode_t mode)
{
    if (!no_chmod)
        return __real_chmod(path, mode);
    errno = EPERM;
    return -1;
}

static void a_path_that_fails_does_not_stay(void **state)
{
    struct place *place = *state;
    struct listen_error why;
    struct config *config = config_with(place, "{\"address\":\"unix:PATH\"}");

    no_chmod = true;
    assert_false(endpoints_open(&place->endpoints, config, &why));
    no_chmod = false;
    assert_string_equal(why.step, "chmod");
    assert_int_equal(why.error, EPERM);
    assert_int_equal(access(place->path, F_OK), -1);
    config_free(config);
}

/* Another process has put its own socket at the path: its mode is not ours to change. */
static void a_mode_is_not_applied_to_what_is_not_ours(void **state)
{
    struct place *place = *state;

    change(place, "{\"address\":\"unix:PATH\",\"mode\":\"0600\"}");
    assert_int_equal(unlink(place->path), 0);
    FILE *other = fopen(place->path, "w");
    assert_non_null(other);
    fclose(other);
    assert_int_equal(chmod(place->path, 0640), 0);
    change(place, "{\"address\":\"unix:PATH\",\"mode\":\"0666\"}");
    assert_int_equal(mode_of(place->path), 0640);
    assert_int_equal(unlink(place->path), 0);
}

/* Sockets that listen at one address; the first `count` of `fds`. */
static void listen_together(int *fds, uint32_t count, bool shared)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int on = 1;

    for (uint32_t i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        if (shared)
            assert_int_equal(setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
        assert_int_equal(bind(fds[i], (const struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(fds[i], 16), 0);
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&at, &len), 0);
    }
}

/* How many workers have the socket. */
static uint32_t workers_with(const struct endpoint *endpoint, int fd)
{
    struct stat wanted, found;
    uint32_t count = 0;

    assert_int_equal(fstat(fd, &wanted), 0);
    for (uint32_t slot = 0; slot < endpoint_slots(endpoint); slot++) {
        if (!endpoint->sockets[slot].open)
            continue;
        assert_int_equal(fstat(endpoint->sockets[slot].fd, &found), 0);
        count += found.st_ino == wanted.st_ino;
    }
    return count;
}

static uint32_t sockets_of(const struct endpoint *endpoint, uint32_t worker)
{
    uint32_t count = 0;

    for (uint32_t round = 0; round < endpoint->rounds; round++)
        count += endpoint->sockets[round * endpoint->workers + worker].open;
    return count;
}

static void deal_out(const struct config *config, uint32_t sockets, uint32_t workers, bool joinable)
{
    struct endpoint *endpoint = endpoint_new(&config->listeners[0], 1, workers);
    int fds[8];
    bool few = joinable && sockets < workers;

    listen_together(fds, sockets, sockets > 1 || joinable);
    assert_non_null(endpoint);
    assert_int_equal(
        endpoint_adopt(endpoint, &config->listeners[0], fds, sockets, !joinable, false), 0);
    for (uint32_t i = 0; i < sockets; i++) {
        uint32_t having = workers_with(endpoint, fds[i]);
        assert_true(having == 1 || (having == workers && !few));
    }
    for (uint32_t w = 0; w < workers; w++) {
        /* all have the same number, but for those that get a socket later */
        assert_int_equal(sockets_of(endpoint, w),
                         few ? w < sockets : sockets / workers + sockets % workers);
    }
    assert_int_equal(endpoint_is_deaf(endpoint), few);
    endpoint_free(endpoint);
}

static void passed_sockets_are_dealt_out(void **state)
{
    struct config *config = config_with(*state, ANY);

    for (uint32_t sockets = 1; sockets <= 7; sockets++) {
        for (uint32_t workers = 1; workers <= 7; workers++) {
            deal_out(config, sockets, workers, true);
            deal_out(config, sockets, workers, false);
        }
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_equal_listener_keeps_its_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(an_endpoint_follows_its_listener_to_another_index, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_listener_that_is_gone_loses_its_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mode_is_applied_and_the_socket_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_listener_that_fails_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_opened_can_be_cancelled, setup, teardown),
        cmocka_unit_test(only_our_own_sockets_excuse_a_port),
        cmocka_unit_test_setup_teardown(another_process_is_faster, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_listens_cannot_be_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(a_renamed_listener_keeps_its_port, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backlog_keeps_its_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_that_nobody_has, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_fails_does_not_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(passed_sockets_are_dealt_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mode_is_not_applied_to_what_is_not_ours, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
