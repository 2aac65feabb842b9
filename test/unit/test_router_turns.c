/*
 * The run queue: who goes when, and how long the rest of the loop waits. Linked with
 * --wrap=uv_hrtime: time passes when the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "router/net/turns.h"

#define OWNERS_MAX 8

uint64_t __wrap_uv_hrtime(void);

static uint64_t now_ns;

uint64_t __wrap_uv_hrtime(void)
{
    return now_ns;
}

/* A letter; with each turn it is written down. */
struct owner {
    struct turn turn;
    struct rig *rig;
    char letter;
    unsigned again;   /* so often it queues again in its own turn */
    uint64_t turn_ns; /* how long its turn takes */
    struct owner *removes;
};

struct rig {
    uv_loop_t loop;
    struct turns turns;
    struct owner owners[OWNERS_MAX]; /* a, b, c ... */
    char order[128];
    size_t length;
};

static void on_turn(struct turn *turn)
{
    struct owner *owner = (struct owner *)((char *)turn - offsetof(struct owner, turn));
    struct rig *rig = owner->rig;

    assert_true(rig->length < sizeof rig->order - 1);
    rig->order[rig->length++] = owner->letter;
    now_ns += owner->turn_ns;
    if (owner->removes != NULL)
        turns_remove(&rig->turns, &owner->removes->turn);
    if (owner->again > 0) {
        owner->again--;
        turns_add(&rig->turns, &owner->turn);
    }
}

static int setup(void **state)
{
    static struct rig rig;

    memset(&rig, 0, sizeof rig);
    now_ns = 1000;
    assert_int_equal(uv_loop_init(&rig.loop), 0);
    turns_init(&rig.turns, &rig.loop);
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        rig.owners[i] =
            (struct owner){.turn = {.on_turn = on_turn}, .rig = &rig, .letter = (char)('a' + i)};
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    for (unsigned i = 0; i < OWNERS_MAX; i++)
        turns_remove(&rig->turns, &rig->owners[i].turn);
    turns_stop(&rig->turns);
    assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    return 0;
}

static struct owner *owner(struct rig *rig, char letter)
{
    return &rig->owners[letter - 'a'];
}

static void add(struct rig *rig, const char *letters)
{
    for (; *letters != '\0'; letters++)
        turns_add(&rig->turns, &owner(rig, *letters)->turn);
}

/* So many iterations of the loop: in each, `others_ns` pass outside the queue. */
static void iterate(struct rig *rig, unsigned times, uint64_t others_ns)
{
    for (unsigned i = 0; i < times; i++) {
        now_ns += others_ns;
        uv_run(&rig->loop, UV_RUN_NOWAIT);
    }
}

static void expect(struct rig *rig, const char *order)
{
    assert_string_equal(rig->order, order);
}

/* Everybody has had a turn lately: nobody is fresh from now on. */
static void make_old(struct rig *rig, const char *letters, unsigned again)
{
    add(rig, letters);
    iterate(rig, (unsigned)strlen(letters), 0);
    for (; *letters != '\0'; letters++) {
        owner(rig, *letters)->turn.round = rig->turns.round;
        owner(rig, *letters)->again = again;
    }
    memset(rig->order, 0, sizeof rig->order);
    rig->length = 0;
}

static void one_turn_then_everything_else(void **state)
{
    struct rig *rig = *state;

    add(rig, "abc");
    iterate(rig, 1, 0);
    expect(rig, "a");
    iterate(rig, 1, 0);
    expect(rig, "ab");
    iterate(rig, 5, 0);
    expect(rig, "abc");
    assert_false(uv_is_active((uv_handle_t *)&rig->turns.idle));
}

static void a_place_is_one_place(void **state)
{
    struct rig *rig = *state;

    add(rig, "aabab");
    iterate(rig, 8, 0);
    expect(rig, "ab");
}

static void who_queues_again_goes_to_the_end(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abc", 2);
    add(rig, "abc");
    iterate(rig, 20, 0);
    expect(rig, "abcabcabc");
}

static void who_is_fresh_goes_first(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abc", 9);
    add(rig, "abc");
    iterate(rig, 4, 0);
    expect(rig, "abca");
    add(rig, "d");
    iterate(rig, 3, 0);
    expect(rig, "abcadbc");
}

/* Six of them to two others: three, two, one go before each of these, as they become fewer. */
static void fresh_ones_starve_nobody(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "ab", 99);
    add(rig, "ab");
    for (char letter = 'c'; letter <= 'h'; letter++)
        add(rig, (char[]){letter, '\0'});
    iterate(rig, 10, 0);
    expect(rig, "cdaefbgahb");
}

static unsigned count_of(const struct rig *rig, size_t from, char letter)
{
    unsigned count = 0;

    for (size_t i = from; i < rig->length; i++)
        count += rig->order[i] == letter;
    return count;
}

/* One always has more, seven come back a while after each turn: all get the same. */
static void who_comes_and_goes_gets_as_much(void **state)
{
    struct rig *rig = *state;
    char left = '\0'; /* had its turn in the iteration before, and comes back after this one */

    owner(rig, 'a')->again = 999;
    add(rig, "abcdefgh");
    for (unsigned i = 0; i < 120; i++) {
        char back = left;
        iterate(rig, 1, 0);
        left = rig->order[rig->length - 1];
        if (back != '\0' && back != 'a')
            turns_add(&rig->turns, &owner(rig, back)->turn);
    }
    assert_int_equal(rig->length, 120);
    for (char letter = 'a'; letter <= 'h'; letter++)
        assert_in_range(count_of(rig, 40, letter), 7, 14); /* of 80 */
}

/* Waiting for one round is not enough to be fresh again; for two it is. */
static void fresh_after_a_whole_round_without(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abc", 0);
    owner(rig, 'a')->again = owner(rig, 'b')->again = 99;
    add(rig, "abc");
    iterate(rig, 4, 0);
    expect(rig, "abca");
    add(rig, "c");
    iterate(rig, 3, 0);
    expect(rig, "abcabac");
    iterate(rig, 5, 0);
    expect(rig, "abcabacbabab");
    add(rig, "c");
    iterate(rig, 1, 0);
    expect(rig, "abcabacbababc");
}

static void who_leaves_gets_no_turn(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abc", 9);
    add(rig, "abcd");
    owner(rig, 'a')->removes = owner(rig, 'b');
    iterate(rig, 4, 0);
    expect(rig, "daca");
    turns_remove(&rig->turns, &owner(rig, 'a')->turn);
    turns_remove(&rig->turns, &owner(rig, 'a')->turn);
    iterate(rig, 2, 0);
    expect(rig, "dacacc");
    turns_remove(&rig->turns, &owner(rig, 'c')->turn);
    assert_int_equal(rig->turns.count, 0);
    iterate(rig, 2, 0); /* nobody is left: the loop sleeps again */
    expect(rig, "dacacc");
    assert_false(uv_is_active((uv_handle_t *)&rig->turns.idle));
}

/* Everything else took 0.9 ms: so may the queue, in turns of 0.3 ms. */
static void the_queue_gets_as_long_as_everything_else(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abcdefgh", 9);
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        rig->owners[i].turn_ns = 300 * 1000;
    add(rig, "abcdefgh");
    iterate(rig, 1, 900 * 1000);
    expect(rig, "abc");
    iterate(rig, 1, 0);
    expect(rig, "abcd");
    iterate(rig, 1, 400 * 1000);
    expect(rig, "abcdef");
}

/* A process that was stopped for a minute does not serve its queue for a minute. */
static void but_no_longer_than_some_turns(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abcdefgh", 9);
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        rig->owners[i].turn_ns = 300 * 1000;
    add(rig, "abcdefgh");
    iterate(rig, 1, UINT64_C(60) * 1000 * 1000 * 1000);
    expect(rig, "abcdefg");
}

/* However much time there is, each has one turn before the rest of the loop is looked at. */
static void nobody_has_two_turns_at_once(void **state)
{
    struct rig *rig = *state;

    make_old(rig, "abc", 9);
    add(rig, "abc");
    iterate(rig, 1, 900 * 1000);
    expect(rig, "abc");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_turn_then_everything_else),
        TEST(a_place_is_one_place),
        TEST(who_queues_again_goes_to_the_end),
        TEST(who_is_fresh_goes_first),
        TEST(fresh_ones_starve_nobody),
        TEST(who_comes_and_goes_gets_as_much),
        TEST(fresh_after_a_whole_round_without),
        TEST(who_leaves_gets_no_turn),
        TEST(the_queue_gets_as_long_as_everything_else),
        TEST(but_no_longer_than_some_turns),
        TEST(nobody_has_two_turns_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
