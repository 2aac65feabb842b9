/* Bytes from one thread to another, whole and in order, or refused whole. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "router/log/log_ring.h"

#define CAPACITY 64

static int setup(void **state)
{
    static struct log_ring ring;

    assert_true(log_ring_init(&ring, CAPACITY));
    *state = &ring;
    return 0;
}

static int teardown(void **state)
{
    log_ring_close(*state);
    return 0;
}

/* Takes all that is there, in as many pieces as it comes in. */
static size_t take_all(struct log_ring *ring, char *into, size_t size)
{
    const char *bytes;
    size_t len, total = 0;

    while ((len = log_ring_peek(ring, &bytes)) > 0) {
        assert_true(total + len <= size);
        memcpy(into + total, bytes, len);
        log_ring_take(ring, len);
        total += len;
    }
    return total;
}

static void empty(void **state)
{
    const char *bytes;

    assert_int_equal(log_ring_peek(*state, &bytes), 0);
}

static void put_and_take(void **state)
{
    char got[CAPACITY];

    assert_true(log_ring_put(*state, "one\n", 4));
    assert_true(log_ring_put(*state, "two\n", 4));
    assert_int_equal(take_all(*state, got, sizeof got), 8);
    assert_memory_equal(got, "one\ntwo\n", 8);
    const char *bytes;
    assert_int_equal(log_ring_peek(*state, &bytes), 0);
}

/* Lines of every length at every place of the ring. */
static void wraps_around(void **state)
{
    char line[CAPACITY], got[CAPACITY];

    for (size_t len = 1; len <= CAPACITY; len++) {
        for (int i = 0; i < 2 * CAPACITY; i++) {
            memset(line, 'a' + i % 26, len);
            assert_true(log_ring_put(*state, line, len));
            assert_int_equal(take_all(*state, got, sizeof got), len);
            assert_memory_equal(got, line, len);
        }
    }
}

static void a_piece_ends_at_the_end(void **state)
{
    const char *bytes;

    assert_true(log_ring_put(*state, "12345678901234567890123456789012345678901234567890", 50));
    log_ring_take(*state, 50);
    assert_true(log_ring_put(*state, "abcdefghijklmnopqrst", 20));
    assert_int_equal(log_ring_peek(*state, &bytes), 14);
    assert_memory_equal(bytes, "abcdefghijklmn", 14);
    log_ring_take(*state, 10); /* not all of the piece */
    assert_int_equal(log_ring_peek(*state, &bytes), 4);
    log_ring_take(*state, 4);
    assert_int_equal(log_ring_peek(*state, &bytes), 6);
    assert_memory_equal(bytes, "opqrst", 6);
}

static void full(void **state)
{
    char line[CAPACITY + 1], got[CAPACITY];

    memset(line, 'x', sizeof line);
    assert_false(log_ring_put(*state, line, CAPACITY + 1));
    assert_true(log_ring_put(*state, line, CAPACITY - 3));
    assert_false(log_ring_put(*state, "four", 4)); /* whole or not at all */
    assert_true(log_ring_put(*state, "xxx", 3));
    assert_false(log_ring_put(*state, "x", 1));
    assert_int_equal(take_all(*state, got, sizeof got), CAPACITY);
    assert_memory_equal(got, line, CAPACITY);
    assert_true(log_ring_put(*state, line, CAPACITY));
}

#define LINES 20000

static void *put_lines(void *argument)
{
    struct log_ring *ring = argument;
    char line[32];

    for (unsigned i = 0; i < LINES; i++) {
        int len = snprintf(line, sizeof line, "%u %.*s\n", i, (int)(i % 17), "abcdefghijklmnopq");
        while (!log_ring_put(ring, line, (size_t)len))
            sched_yield();
    }
    return NULL;
}

static void check_lines(struct log_ring *ring)
{
    char line[64];
    size_t at = 0;
    unsigned next = 0;

    while (next < LINES) {
        const char *bytes;
        size_t len = log_ring_peek(ring, &bytes);
        if (len == 0)
            sched_yield();
        for (size_t i = 0; i < len; i++) {
            line[at++] = bytes[i];
            assert_true(at < sizeof line);
            if (bytes[i] != '\n')
                continue;
            char expected[32];
            int length = snprintf(expected, sizeof expected, "%u %.*s\n", next, (int)(next % 17),
                                  "abcdefghijklmnopq");
            assert_int_equal(at, length);
            assert_memory_equal(line, expected, at);
            next++;
            at = 0;
        }
        log_ring_take(ring, len);
    }
}

static void two_threads(void **state)
{
    pthread_t writer;

    assert_int_equal(pthread_create(&writer, NULL, put_lines, *state), 0);
    check_lines(*state);
    assert_int_equal(pthread_join(writer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty, setup, teardown),
        cmocka_unit_test_setup_teardown(put_and_take, setup, teardown),
        cmocka_unit_test_setup_teardown(wraps_around, setup, teardown),
        cmocka_unit_test_setup_teardown(a_piece_ends_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(full, setup, teardown),
        cmocka_unit_test_setup_teardown(two_threads, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
