/* When it is told that a server begins and ceases to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/state/trouble.h"

/* A loop's clock is never at 0. */
#define START 1000u

static bool fails(struct trouble *trouble, uint64_t now_ms, uint32_t failures, uint64_t lasted_ms)
{
    struct trouble_news news = {0};
    bool told = trouble_failed(trouble, now_ms, true, &news);

    assert_false(trouble_is_over(trouble));
    assert_int_equal(news.failures, told ? failures : 0);
    assert_int_equal(news.lasted_ms, told ? lasted_ms : 0);
    return told;
}

static bool works(struct trouble *trouble, uint64_t now_ms, uint32_t failures, uint64_t lasted_ms)
{
    struct trouble_news news = {0};
    bool told = trouble_worked(trouble, now_ms, true, &news);

    assert_true(trouble_is_over(trouble));
    if (told) {
        assert_int_equal(news.failures, failures);
        assert_int_equal(news.lasted_ms, lasted_ms);
    }
    return told;
}

static void a_server_dies_and_comes_back(void **state)
{
    struct trouble trouble = {0};

    (void)state;
    assert_true(trouble_is_over(&trouble));
    assert_true(fails(&trouble, START, 1, 0));
    for (uint32_t i = 1; i < 500; i++)
        assert_false(fails(&trouble, START + 1000 * i, 0, 0));
    assert_true(works(&trouble, START + 500000, 500, 500000));
    assert_false(works(&trouble, START + 500001, 0, 0));
}

/* One beginning in TROUBLE_EVERY_MS, and an end for each that was told. */
static void one_that_flaps_is_no_flood(void **state)
{
    struct trouble trouble = {0};
    unsigned begun = 0, ended = 0;

    (void)state;
    for (uint32_t ms = 0; ms < 10 * TROUBLE_EVERY_MS; ms += 10) {
        struct trouble_news news;
        begun += trouble_failed(&trouble, START + ms, true, &news);
        ended += trouble_worked(&trouble, START + ms + 5, true, &news);
    }
    assert_int_equal(begun, 10);
    assert_int_equal(ended, 10);
}

/* Trouble that is not told at first, since the last was told just before, is told if it lasts. */
static void what_lasts_is_told(void **state)
{
    struct trouble trouble = {0};

    (void)state;
    assert_true(fails(&trouble, START, 1, 0));
    assert_true(works(&trouble, START + 1, 1, 1));
    assert_false(fails(&trouble, START + 2000, 0, 0));
    assert_false(fails(&trouble, START + TROUBLE_EVERY_MS - 1, 0, 0));
    assert_true(fails(&trouble, START + TROUBLE_EVERY_MS, 3, TROUBLE_EVERY_MS - 2000));
    assert_true(works(&trouble, START + 2 * TROUBLE_EVERY_MS, 3, 2 * TROUBLE_EVERY_MS - 2000));
}

static void what_was_not_told_ends_untold(void **state)
{
    struct trouble trouble = {0};

    (void)state;
    assert_true(fails(&trouble, START, 1, 0));
    assert_true(works(&trouble, START + 1, 1, 1));
    assert_false(fails(&trouble, START + 2, 0, 0));
    assert_false(works(&trouble, START + 3, 0, 0));
    assert_true(fails(&trouble, START + TROUBLE_EVERY_MS, 1, 0)); /* counted anew */
}

/* Who may not tell leaves it to the next. */
static void what_may_not_be_told_is_told_later(void **state)
{
    struct trouble trouble = {0};
    struct trouble_news news;

    (void)state;
    assert_false(trouble_failed(&trouble, START, false, &news));
    assert_false(trouble_failed(&trouble, START + 10, false, &news));
    assert_true(fails(&trouble, START + 20, 3, 20));
    assert_false(trouble_worked(&trouble, START + 30, false, &news));
    assert_false(trouble_is_over(&trouble));
    assert_true(works(&trouble, START + 40, 3, 40));
    assert_false(trouble_failed(&trouble, START + TROUBLE_EVERY_MS + 20, false, &news));
    assert_false(trouble_worked(&trouble, START + TROUBLE_EVERY_MS + 30, false, &news));
    assert_true(trouble_is_over(&trouble)); /* nobody was told of it */
}

/* Another worker's clock may be a moment behind. */
static void clocks_that_differ(void **state)
{
    struct trouble trouble = {0};
    struct trouble_news news;

    (void)state;
    assert_true(fails(&trouble, START, 1, 0));
    assert_false(fails(&trouble, START - 1, 0, 0));
    assert_true(trouble_worked(&trouble, START - 1, true, &news));
    assert_int_equal(news.lasted_ms, 0);
    assert_int_equal(news.failures, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_dies_and_comes_back),
        cmocka_unit_test(one_that_flaps_is_no_flood),
        cmocka_unit_test(what_lasts_is_told),
        cmocka_unit_test(what_was_not_told_ends_untold),
        cmocka_unit_test(what_may_not_be_told_is_told_later),
        cmocka_unit_test(clocks_that_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
