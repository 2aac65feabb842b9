/* docs/configuration.md is what the field table says now. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"

/* The first ```json block of the reference must load without a word. */
static void check_example(const char *reference)
{
    static const char BEGIN[] = "```json\n";
    const char *start = strstr(reference, BEGIN);

    assert_non_null(start);
    start += strlen(BEGIN);
    const char *end = strstr(start, "```");
    assert_non_null(end);
    struct diagnostics found = {0};
    struct config *config = config_load_text(start, (size_t)(end - start), "reference", &found);
    diagnostics_print(&found, "reference", stderr, false);
    assert_non_null(config);
    assert_int_equal(found.warnings, 0);
    config_free(config);
    diagnostics_free(&found);
}

static void test_reference_is_current(void **state)
{
    char *printed = NULL, path[1024];
    size_t len;
    const char *below = strstr(__FILE__, "test/unit/");

    (void)state;
    assert_non_null(below);
    FILE *to = open_memstream(&printed, &len);
    config_reference_print(to);
    fclose(to);
    snprintf(path, sizeof path, "%.*sdocs/configuration.md", (int)(below - __FILE__), __FILE__);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *written = calloc(1, len + 2);
    size_t written_len = fread(written, 1, len + 1, file);
    fclose(file);
    if (written_len != len || memcmp(written, printed, len) != 0)
        fail_msg("docs/configuration.md is not what config_reference_print() prints");
    check_example(printed);
    free(written);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference_is_current)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
