/* Parts: the order in which they start and stop, and a part that cannot start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "router/control/part.h"

#define PARTS 3

/* Writes what happens to it into a journal; one that is late stops when the test says so. */
struct witness {
    struct part part;
    char *journal;
    int code; /* of its start */
    bool late;
    void (*on_stopped)(struct part *part);
};

struct row {
    const char *what;
    int failing; /* which part cannot start; -1: none */
    int late;    /* which one takes its time to stop; -1: none */
    const char *journal;
};

static const struct row rows[] = {
    {"all start and stop", -1, -1, "+0 +1 +2 -2 -1 -0 end"},
    {"the first stops late", -1, 0, "+0 +1 +2 -2 -1 -0 wait end"},
    {"the middle one stops late", -1, 1, "+0 +1 +2 -2 -1 wait -0 end"},
    {"the last stops late", -1, 2, "+0 +1 +2 -2 wait -1 -0 end"},
    {"the first cannot start", 0, -1, "!0 end"},
    {"the middle one cannot start", 1, -1, "+0 !1 -0 end"},
    {"the last cannot start", 2, -1, "+0 +1 !2 -1 -0 end"},
    {"the last cannot start, the first stops late", 2, 0, "+0 +1 !2 -1 -0 wait end"},
};

static void note(char *journal, const char *sign, const char *name)
{
    size_t len = strlen(journal);

    snprintf(journal + len, 64 - len, "%s%s%s", len > 0 ? " " : "", sign, name);
}

static int start(struct part *part)
{
    struct witness *witness = part->self;

    assert_int_equal(part->state, PART_RUNNING);
    part_assert_own(part);
    note(witness->journal, witness->code == 0 ? "+" : "!", part->name);
    return witness->code;
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct witness *witness = part->self;

    assert_int_equal(part->state, PART_STOPPING);
    note(witness->journal, "-", part->name);
    witness->on_stopped = on_stopped;
    if (!witness->late)
        on_stopped(part);
}

static void on_end(void *context)
{
    note(context, "", "end");
}

static void play(const struct row *row)
{
    static const char *const names[PARTS] = {"0", "1", "2"};
    struct witness witnesses[PARTS];
    struct part *list[PARTS];
    struct parts parts;
    char journal[64] = "";

    for (int i = 0; i < PARTS; i++) {
        witnesses[i] = (struct witness){
            .part = {.name = names[i], .self = &witnesses[i], .start = start, .stop = stop},
            .journal = journal,
            .code = i == row->failing ? 71 : 0,
            .late = i == row->late,
        };
        list[i] = &witnesses[i].part;
    }
    parts_init(&parts, list, PARTS, on_end, journal);
    assert_int_equal(parts_start(&parts), row->failing >= 0 ? 71 : 0);
    if (row->failing < 0)
        parts_stop(&parts);
    if (row->late >= 0) {
        note(journal, "", "wait");
        witnesses[row->late].on_stopped(list[row->late]);
    }
    if (strcmp(journal, row->journal) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", row->what, journal, row->journal);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(list[i]->state, PART_STOPPED);
}

static void parts_start_in_order_and_stop_in_reverse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        play(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_start_in_order_and_stop_in_reverse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
