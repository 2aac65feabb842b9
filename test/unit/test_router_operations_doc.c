/* docs/operations.md lists every reason, and what bytes look like, as the tables in the code do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/log/reason.h"
#include "sni/looks.h"

static char *read_document(void)
{
    char path[1024];
    const char *slash = strstr(__FILE__, "test/unit/");
    size_t size = 1u << 20;
    char *text = malloc(size);

    assert_non_null(slash);
    assert_non_null(text);
    snprintf(path, sizeof path, "%.*sdocs/operations.md", (int)(slash - __FILE__), __FILE__);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, size - 1, file);
    fclose(file);
    assert_in_range(len, 1, size - 2);
    text[len] = '\0';
    return text;
}

static const char *alert_text(enum tls_alert alert)
{
    switch (alert) {
    case TLS_ALERT_NONE:
        return "|";
    case TLS_ALERT_HANDSHAKE_FAILURE:
        return "| handshake_failure (40) |";
    case TLS_ALERT_ILLEGAL_PARAMETER:
        return "| illegal_parameter (47) |";
    case TLS_ALERT_ACCESS_DENIED:
        return "| access_denied (49) |";
    case TLS_ALERT_DECODE_ERROR:
        return "| decode_error (50) |";
    case TLS_ALERT_PROTOCOL_VERSION:
        return "| protocol_version (70) |";
    case TLS_ALERT_INTERNAL_ERROR:
        return "| internal_error (80) |";
    case TLS_ALERT_MISSING_EXTENSION:
        return "| missing_extension (109) |";
    case TLS_ALERT_UNRECOGNIZED_NAME:
        return "| unrecognized_name (112) |";
    }
    return NULL;
}

static void every_reason_is_documented(void **state)
{
    char *document = read_document();

    (void)state;
    for (unsigned r = 0; r < REASON_COUNT; r++) {
        const struct reason_info *info = reason_info((enum reason)r);
        const char *alert = alert_text(info->alert);
        char row[512];

        snprintf(row, sizeof row, "\n| `%s` | `%s` %s %s%s |\n", info->word, info->letters,
                 info->alert == TLS_ALERT_NONE ? "| |" : alert, info->sentence, "");
        if (strstr(document, row) == NULL)
            fail_msg("docs/operations.md lacks the row:%s", row);
    }
    free(document);
}

static void no_other_reason_is_documented(void **state)
{
    char *document = read_document();
    unsigned rows = 0;

    (void)state;
    char *at = strstr(document, "| `reason` | `term` |");
    assert_non_null(at);
    at = strstr(at, "\n|---|");
    assert_non_null(at);
    for (at = strchr(at + 1, '\n'); at != NULL && at[1] == '|'; at = strchr(at + 1, '\n'))
        rows++;
    assert_int_equal(rows, REASON_COUNT);
    free(document);
}

static void every_look_is_documented(void **state)
{
#define LOOKS_ROW(kind, text, told_by) "\n| `" text "` | " told_by " |"
    static const char rows[] = LOOKS_TABLE(LOOKS_ROW) "\n\n";
#undef LOOKS_ROW
    char *document = read_document();

    (void)state;
    if (strstr(document, rows) == NULL)
        fail_msg("docs/operations.md lacks the rows:%s", rows);
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_documented),
        cmocka_unit_test(no_other_reason_is_documented),
        cmocka_unit_test(every_look_is_documented),
    };

    return cmocka_run_group_tests_name("operations_doc", tests, NULL, NULL);
}
