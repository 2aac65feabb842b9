/* How a client is found to be the router itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/conn/loop_guard.h"

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct loop_guard));
    return *state == NULL;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static uint32_t come(struct loop_guard *guard, const char *hello, uint64_t now_ms)
{
    return loop_guard_count(guard, (const uint8_t *)hello, strlen(hello), now_ms);
}

static struct peer peer_of(uint8_t last, uint16_t port)
{
    return (struct peer){.ip = {127, 0, 0, last}, .port = port, .known = true};
}

static void the_same_hello_is_counted(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 20; i++) {
        assert_int_equal(come(*state, "one", 1000 + i), i);
        assert_int_equal(come(*state, i % 2 == 0 ? "two" : "three", 1000 + i), (i + 1) / 2);
    }
}

/* A client that comes back now and then with the same hello is no loop. */
static void a_pause_begins_anew(void **state)
{
    assert_int_equal(come(*state, "one", 1000), 1);
    assert_int_equal(come(*state, "one", 1000 + LOOP_WINDOW_MS), 2);
    assert_int_equal(come(*state, "one", 1000 + 3 * LOOP_WINDOW_MS), 1);
    assert_int_equal(come(*state, "one", 1001 + 3 * LOOP_WINDOW_MS), 2);
}

/* For ever: the count comes back to the suspicion again and again, never to none. */
static void suspicion_comes_again(void **state)
{
    uint32_t suspected = 0;

    for (uint32_t i = 1; i <= 10000; i++) {
        uint32_t count = come(*state, "one", 1000);
        assert_true(count > 0 && (i < LOOP_SUSPECT || count >= LOOP_SUSPECT));
        suspected += loop_guard_suspects(count);
    }
    assert_int_equal(suspected, 10000 / 8);
    assert_false(loop_guard_suspects(1));
    assert_true(loop_guard_suspects(LOOP_SUSPECT));
}

static void a_noted_socket_is_known(void **state)
{
    struct peer from = peer_of(1, 40000), to = peer_of(1, 443);
    struct peer other_port = peer_of(1, 40001), other_ip = peer_of(2, 40000);
    struct peer nobody = {.known = false};

    assert_false(loop_guard_knows_from(*state, &from));
    loop_guard_note(*state, &from, &to);
    assert_true(loop_guard_knows_from(*state, &from));
    assert_true(loop_guard_knows(*state, &from, &to));
    assert_false(loop_guard_knows_from(*state, &other_port));
    assert_false(loop_guard_knows_from(*state, &other_ip));
    assert_false(loop_guard_knows_from(*state, &nobody));
    assert_false(loop_guard_knows(*state, &to, &from));
    assert_false(loop_guard_knows(*state, &from, &other_ip)); /* the same port, another server */
    assert_false(loop_guard_knows(*state, &from, &nobody));
}

static void the_last_ones_are_known(void **state)
{
    for (uint16_t i = 0; i < 3 * LOOP_SOCKETS; i++) {
        struct peer from = peer_of(1, (uint16_t)(40000 + i)), to = peer_of(1, 443);
        loop_guard_note(*state, &from, &to);
    }
    for (uint16_t i = 0; i < 3 * LOOP_SOCKETS; i++) {
        struct peer from = peer_of(1, (uint16_t)(40000 + i));
        assert_int_equal(loop_guard_knows_from(*state, &from), i >= 2 * LOOP_SOCKETS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_hello_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pause_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(suspicion_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_noted_socket_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_ones_are_known, setup, teardown),
    };

    return cmocka_run_group_tests_name("loop_guard", tests, NULL, NULL);
}
