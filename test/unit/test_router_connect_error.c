/* What the errnos of connecting mean, and that docs/operations.md says the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/net/connect_error.h"

struct row {
    const char *name;
    struct connect_error known;
};

static const struct row rows[] = {
#define ROW(number, reason, blame, meaning)                                                        \
    {#number, {number, REASON_##reason, BLAME_##blame, meaning}},
    CONNECT_ERROR_TABLE(ROW)
#undef ROW
};
#define ROWS (sizeof rows / sizeof rows[0])

static void every_row_is_found_by_its_errno(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const struct connect_error *found = connect_error_find(rows[i].known.error);
        assert_int_equal(found->error, rows[i].known.error); /* and it has one row */
        assert_int_equal(found->reason, rows[i].known.reason);
        assert_int_equal(found->blame, rows[i].known.blame);
        assert_string_equal(found->meaning, rows[i].known.meaning);
    }
}

/* Only what the router lacks itself is its own trouble. */
static void only_descriptors_and_memory_are_the_routers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(rows[i].known.blame == BLAME_ROUTER,
                         rows[i].known.reason == REASON_RESOURCE);
    for (int error = 1; error < 134; error++) {
        bool own = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
                   error == ENOSPC;
        assert_int_equal(connect_error_find(error)->blame == BLAME_ROUTER, own);
    }
}

/* An errno that nobody thought of is no reason to stop. */
static void unknown_errno_is_unreachable(void **state)
{
    (void)state;
    assert_int_equal(connect_error_find(EKEYEXPIRED)->reason, REASON_UNREACHABLE);
    assert_int_equal(connect_error_find(EKEYEXPIRED)->blame, BLAME_HOST);
}

static void every_errno_is_documented(void **state)
{
    static const char *const whose[] = {"the server's", "this host's", "the router's"};
    const char *below = strstr(__FILE__, "test/unit/");
    char path[1024];
    size_t size = 1u << 20;
    char *text = calloc(1, size);

    (void)state;
    assert_non_null(below);
    assert_non_null(text);
    snprintf(path, sizeof path, "%.*sdocs/operations.md", (int)(below - __FILE__), __FILE__);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_in_range(fread(text, 1, size - 1, file), 1, size - 2);
    fclose(file);
    for (size_t i = 0; i < ROWS; i++) {
        char row[512];
        snprintf(row, sizeof row, "\n| `%s` | `%s` | %s | %s |\n", rows[i].name,
                 reason_info(rows[i].known.reason)->word, whose[rows[i].known.blame],
                 rows[i].known.meaning);
        if (strstr(text, row) == NULL)
            fail_msg("docs/operations.md lacks the row:%s", row);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_errno),
        cmocka_unit_test(only_descriptors_and_memory_are_the_routers),
        cmocka_unit_test(unknown_errno_is_unreachable),
        cmocka_unit_test(every_errno_is_documented),
    };

    return cmocka_run_group_tests_name("connect_error", tests, NULL, NULL);
}
