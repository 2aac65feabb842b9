/*
 * Many fast sockets and one thread: each gets its turn. No real socket is always ready, so this
 * program is linked with --wrap: what is received and sent is made up here, and who did it is
 * noted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "bench/client.h"
#include "bench/serve.h"

#define STREAMS 3
#define TURNS   64

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);

/* Whose turn it was: the descriptors, in order, one for each turn. */
static int turns[TURNS];
static size_t turn_count;
static size_t moved[STREAMS]; /* by each in the present turn */

static const int first_fd = 1000; /* of stream 0 */
static bool is_silent;            /* nobody sends to us */

static void note(int fd, size_t len)
{
    if (turn_count == 0 || turns[turn_count - 1] != fd) {
        assert_true(turn_count < TURNS);
        turns[turn_count++] = fd;
        moved[fd - first_fd] = 0;
    }
    moved[fd - first_fd] += len;
    assert_true(moved[fd - first_fd] <= POLLER_TURN_BYTES);
}

/* Every call is served whole. */
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    (void)bytes;
    (void)flags;
    if (is_silent) {
        errno = EAGAIN;
        return -1;
    }
    note(fd, len);
    return (ssize_t)len;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    (void)bytes;
    (void)flags;
    note(fd, len);
    return (ssize_t)len;
}

/* Every stream had this many turns, one after the other. */
static void check_turns(size_t rounds)
{
    assert_int_equal(turn_count, rounds * STREAMS);
    for (size_t i = 0; i < turn_count; i++)
        assert_int_equal(turns[i], first_fd + (int)(i % STREAMS));
    turn_count = 0;
}

/*
 * Lets all be ready at once, then has events keep coming for the last two streams: they have no
 * more turns for it.
 */
static void play(struct poller *poller, struct pollable *pollables[STREAMS])
{
    turn_count = 0;
    for (int i = 0; i < STREAMS; i++)
        poller->ready[i] = (struct epoll_event){.events = EPOLLIN, .data.ptr = pollables[i]};
    poller->ready_count = STREAMS;
    poller_dispatch(poller); /* the events, then the run queue */
    check_turns(2);
    for (int round = 0; round < 4; round++) {
        for (int i = 1; i < STREAMS; i++)
            poller->ready[i] = (struct epoll_event){.events = EPOLLIN, .data.ptr = pollables[i]};
        poller->ready_next = 1;
        poller->ready_count = STREAMS;
        poller_dispatch(poller);
        check_turns(1);
    }
}

/* --- the generator --- */

struct generator {
    struct options options;
    struct load load;
    struct load_thread thread;
    struct client clients[STREAMS];
    uint8_t scratch[LOAD_SCRATCH_BYTES];
};

static struct generator generator;

static void play_generator(const struct traffic *traffic, enum wire_mode mode)
{
    struct pollable *pollables[STREAMS];

    memset(&generator, 0, sizeof generator);
    generator.load = (struct load){.options = &generator.options,
                                   .traffic = traffic,
                                   .request = {.mode = mode, .down_bytes = UINT64_MAX}};
    generator.thread = (struct load_thread){.load = &generator.load,
                                            .streaming = true,
                                            .scratch = generator.scratch,
                                            .payload = generator.scratch};
    assert_int_equal(poller_init(&generator.thread.poller), 0);
    for (int i = 0; i < STREAMS; i++) {
        struct client *client = &generator.clients[i];
        client->pollable.on_events = client_on_events;
        client->stream = (struct stream){.fd = first_fd + i, .is_tcp = true};
        client->thread = &generator.thread;
        client->phase = CLIENT_READY;
        client->busy = true;
        pollables[i] = &client->pollable;
    }
    play(&generator.thread.poller, pollables);
    poller_close(&generator.thread.poller);
}

static void test_streams_down(void **state)
{
    (void)state;
    play_generator(&traffic_bulk, WIRE_SOURCE);
}

static void test_streams_up(void **state)
{
    (void)state;
    play_generator(&traffic_bulk, WIRE_SINK);
}

static void test_long_answers_of_new_connections(void **state)
{
    (void)state;
    play_generator(&traffic_conn, WIRE_SOURCE);
}

static void test_long_answers_of_kept_connections(void **state)
{
    (void)state;
    play_generator(&traffic_latency, WIRE_REQUEST);
}

/* --- the backend --- */

struct backend_thread {
    struct options options;
    struct serve serve;
    struct backend backend;
    struct serve_thread thread;
    uint8_t scratch[SERVE_SCRATCH_BYTES];
};

static struct backend_thread played;

static void on_backend_events(struct pollable *pollable, uint32_t events)
{
    (void)events;
    serve_act_on_events((struct serve_conn *)pollable);
}

static void play_backend(enum wire_mode mode)
{
    struct serve_conn conns[STREAMS];
    struct pollable *pollables[STREAMS];

    memset(&played, 0, sizeof played);
    memset(conns, 0, sizeof conns);
    played.serve.options = &played.options;
    played.backend.serve = &played.serve;
    played.thread = (struct serve_thread){
        .serve = &played.serve, .scratch = played.scratch, .payload = played.scratch};
    assert_int_equal(poller_init(&played.thread.poller), 0);
    for (int i = 0; i < STREAMS; i++) {
        struct serve_conn *conn = &conns[i];
        conn->pollable.on_events = on_backend_events;
        conn->stream = (struct stream){.fd = first_fd + i, .is_tcp = true};
        conn->thread = &played.thread;
        conn->backend = &played.backend;
        conn->phase = SERVE_ACTING;
        conn->request.mode = mode;
        conn->to_send = mode == WIRE_SOURCE ? UINT64_MAX : 0;
        pollables[i] = &conn->pollable;
    }
    is_silent = mode == WIRE_SOURCE;
    play(&played.thread.poller, pollables);
    is_silent = false;
    poller_close(&played.thread.poller);
}

static void test_backend_takes(void **state)
{
    (void)state;
    play_backend(WIRE_SINK);
}

static void test_backend_sends(void **state)
{
    (void)state;
    play_backend(WIRE_SOURCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_down),
        cmocka_unit_test(test_streams_up),
        cmocka_unit_test(test_long_answers_of_new_connections),
        cmocka_unit_test(test_long_answers_of_kept_connections),
        cmocka_unit_test(test_backend_takes),
        cmocka_unit_test(test_backend_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
