/* When what is tried while a client waits for a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "router/conn/pace.h"

static void share_is_even(void **state)
{
    (void)state;
    assert_int_equal(pace_share_ms(3000, 1), 3000);
    assert_int_equal(pace_share_ms(3000, 2), 1500);
    assert_int_equal(pace_share_ms(30000, 4), 7500);
}

/* Forty servers, 150 ms away: the first ones get the time that an answer takes. */
static void share_has_a_floor(void **state)
{
    (void)state;
    assert_int_equal(pace_share_ms(3000, 40), 1000);
    assert_int_equal(pace_share_ms(2500, 4), 1250);
    assert_int_equal(pace_share_ms(1899, 4), 1899);
    assert_int_equal(pace_share_ms(300, 2), 300);
    assert_int_equal(pace_share_ms(0, 3), 0);
}

/* Three silent servers have their second each in three, although each timer is late by a little. */
static void late_timers_take_no_share(void **state)
{
    (void)state;
    assert_int_equal(pace_share_ms(3000, 4), 1000);
    assert_int_equal(pace_share_ms(1998, 3), 999);
    assert_int_equal(pace_share_ms(997, 2), 997);
    assert_int_equal(pace_share_ms(1900, 2), 950);
}

/* One after the other, all of them within the budget, and none below the floor. */
static void shares_fill_the_budget(void **state)
{
    (void)state;
    for (uint64_t budget = 1000; budget < 20000; budget += 37) {
        for (uint64_t servers = 1; servers <= 10; servers++) {
            uint64_t left = budget, used = 0;
            for (uint64_t s = servers; s > 0 && left > 0; s--) {
                uint64_t share = pace_share_ms(left, s);
                assert_true(share + PACE_SHARE_LATE_MS >= PACE_SHARE_MIN_MS && share <= left);
                used += share;
                left -= share;
            }
            assert_int_equal(used, budget);
        }
    }
}

static void next_address_in_a_quarter_of_a_second(void **state)
{
    (void)state;
    assert_int_equal(pace_next_ms(3000, 1), 250);
    assert_int_equal(pace_next_ms(500, 1), 250);
    assert_int_equal(pace_next_ms(UINT32_MAX, 7), 250);
}

/* Eight addresses in a second: each begins within it, and has some time left. */
static void every_address_has_its_try(void **state)
{
    uint64_t left = 1000;

    (void)state;
    for (uint32_t more = 7; more > 0; more--) {
        uint32_t pause = pace_next_ms(left, more);
        assert_true(pause < left);
        left -= pause;
    }
    assert_true(left >= 100);
    assert_int_equal(pace_next_ms(0, 3), PACE_NEXT_MIN_MS);
}

static void knocks_become_seldom(void **state)
{
    static const uint32_t most[] = {20, 40, 80, 160, 320, 640, 1000, 1000, 1000};

    (void)state;
    for (uint32_t k = 0; k < sizeof most / sizeof most[0]; k++) {
        for (uint64_t salt = 0; salt < 1000; salt++) {
            uint32_t pause = pace_knock_ms(k + 1, salt, 7 * salt);
            assert_in_range(pause, most[k] / 2, most[k] + PACE_KNOCK_TICK_MS - 1);
            assert_int_equal((7 * salt + pause) % PACE_KNOCK_TICK_MS, 0);
        }
    }
    assert_in_range(pace_knock_ms(255, 1, 5), 500, 1015);
}

/* Those who have waited equally long do not knock together: spread over the whole range. */
static void knocks_are_spread(void **state)
{
    uint32_t quarters[4] = {0};

    (void)state;
    for (uint64_t salt = 0; salt < 4000; salt++)
        quarters[(pace_knock_ms(7, salt, 0) - 500) * 4 / 516]++;
    for (int q = 0; q < 4; q++)
        assert_in_range(quarters[q], 750, 1250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_is_even),
        cmocka_unit_test(share_has_a_floor),
        cmocka_unit_test(late_timers_take_no_share),
        cmocka_unit_test(shares_fill_the_budget),
        cmocka_unit_test(next_address_in_a_quarter_of_a_second),
        cmocka_unit_test(every_address_has_its_try),
        cmocka_unit_test(knocks_become_seldom),
        cmocka_unit_test(knocks_are_spread),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
