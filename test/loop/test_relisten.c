/*
 * Listening sockets that break and paths that are removed: control opens them again. The parts of
 * control run on this test's loop, with two workers of their own.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
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
#include "router/control/log_part.h"
#include "router/control/publisher.h"
#include "router/control/relisten.h"
#include "router/control/workers.h"

#define WORKERS     2
#define PATIENCE_MS 40000

struct scene {
    uv_loop_t loop;
    struct parts parts;
    struct part *list[3];
    struct log_part log;
    struct workers workers;
    struct stats stats;
    struct publisher publisher;
    struct relisten relisten;
    bool stopped;
    char directory[32], path[48], elsewhere[48];
};

static void on_wake(void *context)
{
    struct scene *scene = context;

    publisher_sweep(&scene->publisher);
}

static void on_broken(void *context, const struct broken_listener *broken)
{
    struct scene *scene = context;

    relisten_note(&scene->relisten, broken);
}

static void on_stopped(void *context)
{
    struct scene *scene = context;

    scene->stopped = true;
}

static int setup(void **state)
{
    struct scene *scene = aligned_alloc(_Alignof(struct scene), sizeof *scene);
    struct shared shared = {.connection_cap = 100, .relay_mode = RELAY_COPY};

    assert_non_null(scene);
    memset(scene, 0, sizeof *scene);
    log_set_level(LOG_LEVEL_ERROR);
    strcpy(scene->directory, "/tmp/relisten.XXXXXX");
    assert_non_null(mkdtemp(scene->directory));
    snprintf(scene->path, sizeof scene->path, "%s/s", scene->directory);
    snprintf(scene->elsewhere, sizeof scene->elsewhere, "%s-elsewhere", scene->directory);
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    log_part_init(&scene->log, WORKERS, "/dev/null");
    shared.writer = &scene->log.writer;
    shared.stats = &scene->stats;
    assert_true(stats_init(&scene->stats, WORKERS));
    workers_init(&scene->workers, &scene->loop, WORKERS, &shared, on_wake, scene);
    workers_tell_broken(&scene->workers, on_broken);
    publisher_init(&scene->publisher, &scene->workers, &scene->stats, &scene->log.writer);
    relisten_init(&scene->relisten, &scene->loop, &scene->publisher);
    scene->list[0] = &scene->log.part;
    scene->list[1] = &scene->workers.part;
    scene->list[2] = &scene->relisten.part;
    parts_init(&scene->parts, scene->list, 3, on_stopped, scene);
    assert_int_equal(parts_start(&scene->parts), 0);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    publisher_retire(&scene->publisher);
    parts_stop(&scene->parts);
    while (!scene->stopped)
        uv_run(&scene->loop, UV_RUN_ONCE);
    publisher_close(&scene->publisher);
    workers_free(&scene->workers);
    stats_close(&scene->stats);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    assert_int_equal(rmdir(scene->directory), 0); /* no path is left */
    free(scene);
    return 0;
}

/* PATH in `address` stands for the path. */
static void publish(struct scene *scene, const char *address)
{
    char text[1024], sentence[PUBLISHER_SENTENCE_MAX] = "";
    struct diagnostics found = {0};
    bool path = strcmp(address, "PATH") == 0;
    int len = snprintf(text, sizeof text,
                       "{\"listeners\":[{\"address\":\"%s%s\"}],\"routes\":[{\"host\":\"a.test\","
                       "\"backend\":\"b\"}],\"backends\":{\"b\":{\"servers\":[\"127.0.0.1:9\"]}},"
                       "\"log\":{\"access\":{\"path\":\"off\"},\"level\":\"error\"}}",
                       path ? "unix:" : address, path ? scene->path : "");
    struct config *config = config_load_text(text, (size_t)len, "test", &found);

    diagnostics_free(&found);
    assert_non_null(config);
    struct snapshot *snapshot = publisher_prepare(&scene->publisher, config);
    assert_non_null(snapshot);
    if (publisher_publish(&scene->publisher, snapshot, sentence) != 0)
        fail_msg("%s", sentence);
    relisten_published(&scene->relisten);
}

/* Runs control's loop until so many endpoints are deaf. */
static void wait_deaf(struct scene *scene, uint32_t deaf)
{
    for (int tries = 0; endpoints_deaf(&scene->publisher.endpoints) != deaf; tries++) {
        if (tries == PATIENCE_MS)
            fail_msg("%u endpoints are deaf", endpoints_deaf(&scene->publisher.endpoints));
        uv_run(&scene->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
}

static const struct endpoint *endpoint_of(const struct scene *scene)
{
    return endpoints_of(&scene->publisher.endpoints, 0);
}

/* 0, or why one cannot connect there. What is connected is closed at once. */
static int try_to_connect(const struct target *to)
{
    int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    int error = connect(fd, (const struct sockaddr *)&to->address, to->len) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/* As many times as makes it sure that each worker's socket gets some. */
static void expect_all_listen(const struct scene *scene)
{
    for (int i = 0; i < 50; i++)
        assert_int_equal(try_to_connect(&endpoint_of(scene)->where), 0);
}

/* Whether it is a listening socket of the endpoint. */
static bool listens_there(const struct scene *scene, int fd)
{
    const struct target *where = &endpoint_of(scene)->where;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    int listens = 0;
    socklen_t size = sizeof listens;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           getsockname(fd, (struct sockaddr *)&bound, &len) == 0 && len == where->len &&
           memcmp(&bound, &where->address, len) == 0;
}

/* The process's listening sockets of the endpoint, as many as there is room for. */
static int find_listening(const struct scene *scene, int *fds, int room)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    int count = 0;

    assert_non_null(directory);
    while (count < room && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.' && listens_there(scene, atoi(entry->d_name)))
            fds[count++] = atoi(entry->d_name);
    }
    closedir(directory);
    return count;
}

/* Shuts listening sockets of the endpoint down, as a stranger could. */
static void shut_down(const struct scene *scene, int how_many)
{
    int fds[WORKERS];

    assert_int_equal(find_listening(scene, fds, how_many), how_many);
    for (int i = 0; i < how_many; i++)
        assert_int_equal(shutdown(fds[i], SHUT_RDWR), 0);
}

/* Until each worker has one that listens: it may take one a while to see that its own is broken. */
static void wait_all_listen(struct scene *scene)
{
    int fds[WORKERS];

    for (int tries = 0; find_listening(scene, fds, WORKERS) < WORKERS; tries++) {
        assert_in_range(tries, 0, PATIENCE_MS);
        uv_run(&scene->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
}

/* --- descriptors --- */

/* Each worker needs one for each listener: that many connections less, at two descriptors each. */
static void more_listeners_leave_less_for_connections(void **state)
{
    struct scene *scene = *state;
    const atomic_uint *cap = &scene->workers.shared.connection_cap;

    publish(scene, "127.0.0.1:0");
    assert_int_equal(atomic_load(cap), 100); /* as at the start */
    publish(scene, "127.0.0.1:0");
    unsigned one = atomic_load(cap);
    publish(scene, "127.0.0.1:0\"},{\"address\":\"127.0.0.2:0");
    assert_int_equal(atomic_load(cap), one - WORKERS / 2);
    publish(scene, "127.0.0.1:0");
    assert_int_equal(atomic_load(cap), one);
}

/* --- broken sockets --- */

static void one_worker_loses_its_socket(void **state)
{
    struct scene *scene = *state;

    publish(scene, "127.0.0.1:0");
    shut_down(scene, 1);
    wait_deaf(scene, 1);
    wait_deaf(scene, 0);
    expect_all_listen(scene);
}

static void all_workers_lose_their_sockets(void **state)
{
    struct scene *scene = *state;

    publish(scene, "127.0.0.1:0");
    for (int i = 0; i < 3; i++) {
        struct target where = endpoint_of(scene)->where;
        shut_down(scene, WORKERS);
        wait_deaf(scene, 1);
        wait_all_listen(scene);
        wait_deaf(scene, 0);
        assert_memory_equal(&where, &endpoint_of(scene)->where, sizeof where);
        expect_all_listen(scene);
    }
}

/* Somebody takes the port meanwhile: it is not shared with them, and ours again when they go. */
static void the_port_is_taken_meanwhile(void **state)
{
    struct scene *scene = *state;
    int on = 1, other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    publish(scene, "127.0.0.1:0");
    struct target where = endpoint_of(scene)->where;
    setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    shut_down(scene, WORKERS);
    wait_deaf(scene, 1);
    assert_int_equal(bind(other, (struct sockaddr *)&where.address, where.len), 0);
    assert_int_equal(listen(other, 8), 0);
    uint32_t wait_ms = endpoint_of(scene)->retry.wait_ms;
    for (int tries = 0; endpoint_of(scene)->retry.wait_ms <= 2 * wait_ms; tries++) {
        assert_in_range(tries, 0, PATIENCE_MS);
        uv_run(&scene->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
    assert_int_equal(endpoints_deaf(&scene->publisher.endpoints), 1);
    close(other);
    wait_deaf(scene, 0);
    expect_all_listen(scene);
}

/* The reload that follows does not wait for the back-off to pass. */
static void a_reload_tries_at_once(void **state)
{
    struct scene *scene = *state;

    publish(scene, "127.0.0.1:0");
    shut_down(scene, WORKERS);
    wait_deaf(scene, 1);
    while (endpoint_of(scene)->sockets[0].open || endpoint_of(scene)->sockets[1].open)
        uv_run(&scene->loop, UV_RUN_NOWAIT);
    publish(scene, "127.0.0.1:0");
    assert_int_equal(endpoints_deaf(&scene->publisher.endpoints), 0);
    expect_all_listen(scene);
}

/* A reload takes the listener away before its broken socket was opened again. */
static void broken_and_then_removed(void **state)
{
    struct scene *scene = *state;

    publish(scene, "127.0.0.1:0");
    struct target where = endpoint_of(scene)->where;
    shut_down(scene, WORKERS);
    publish(scene, "127.0.0.2:0");
    wait_deaf(scene, 0);
    expect_all_listen(scene);
    assert_int_equal(try_to_connect(&where), ECONNREFUSED);
}

static void waits_twice_as_long_each_time(void **state)
{
    static const uint32_t waits[] = {100,  200,   400,   800,   1600, 3200,
                                     6400, 12800, 25600, 30000, 30000};
    uint32_t wait_ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        wait_ms = relisten_backoff(wait_ms);
        assert_int_equal(wait_ms, waits[i]);
    }
}

/* --- paths --- */

static void a_path_is_removed(void **state)
{
    struct scene *scene = *state;

    publish(scene, "PATH");
    for (int i = 0; i < 2; i++) {
        uint32_t generation = endpoint_of(scene)->sockets[0].generation;
        assert_int_equal(unlink(scene->path), 0);
        for (int tries = 0; endpoint_of(scene)->sockets[0].generation == generation; tries++) {
            assert_in_range(tries, 0, PATIENCE_MS); /* it is seen without being asked to look */
            uv_run(&scene->loop, UV_RUN_NOWAIT);
            poll(NULL, 0, 1);
        }
        wait_deaf(scene, 0);
        expect_all_listen(scene);
    }
}

static void a_path_is_removed_before_a_reload(void **state)
{
    struct scene *scene = *state;
    struct stat found;

    publish(scene, "PATH");
    assert_int_equal(unlink(scene->path), 0);
    publish(scene, "PATH");
    expect_all_listen(scene);
    assert_int_equal(stat(scene->path, &found), 0);
    assert_int_equal(found.st_mode & 0777u, 0666);
}

/* All workers share the one socket: all of them get the next one. */
static void a_unix_socket_is_shut_down(void **state)
{
    struct scene *scene = *state;

    publish(scene, "PATH");
    for (int i = 0; i < 2; i++) {
        shut_down(scene, 1);
        wait_deaf(scene, 1);
        wait_deaf(scene, 0);
        expect_all_listen(scene);
    }
}

/* What another process has put there is left alone, until it is gone. */
static void a_path_is_taken(void **state)
{
    struct scene *scene = *state;
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    publish(scene, "PATH");
    struct target where = endpoint_of(scene)->where;
    assert_int_equal(unlink(scene->path), 0);
    assert_int_equal(bind(other, (struct sockaddr *)&where.address, where.len), 0);
    assert_int_equal(listen(other, 8), 0);
    publish(scene, "PATH");
    assert_int_equal(endpoints_deaf(&scene->publisher.endpoints), 1);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&where.address, where.len), 0);
    int taken = accept4(other, NULL, NULL, SOCK_CLOEXEC);
    assert_true(taken >= 0); /* it is still theirs */
    close(taken);
    close(client);
    close(other); /* it died, and its path is still there */
    wait_deaf(scene, 0);
    expect_all_listen(scene);
}

/* Its directory is not there for a while. */
static void a_path_is_put_back(void **state)
{
    struct scene *scene = *state;

    publish(scene, "PATH");
    uint32_t generation = endpoint_of(scene)->sockets[0].generation;
    assert_int_equal(rename(scene->directory, scene->elsewhere), 0);
    wait_deaf(scene, 1);
    uv_run(&scene->loop, UV_RUN_NOWAIT);
    assert_int_equal(rename(scene->elsewhere, scene->directory), 0);
    wait_deaf(scene, 0);
    assert_int_equal(endpoint_of(scene)->sockets[0].generation, generation);
    expect_all_listen(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(more_listeners_leave_less_for_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(one_worker_loses_its_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(all_workers_lose_their_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(the_port_is_taken_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_tries_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_and_then_removed, setup, teardown),
        cmocka_unit_test(waits_twice_as_long_each_time),
        cmocka_unit_test_setup_teardown(a_path_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_is_removed_before_a_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_shut_down, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_is_put_back, setup, teardown),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
