/* The table of reasons: everything that speaks of reasons is made from it. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "router/log/reason.h"

static void words_are_unique(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(reason_info((enum reason)i)->word,
                                    reason_info((enum reason)j)->word);
    }
}

/* Words are metric labels and log values: no quoting may ever be needed. */
static void words_are_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *word = reason_info((enum reason)i)->word;
        assert_true(strlen(word) > 0);
        for (size_t at = 0; word[at] != '\0'; at++)
            assert_true(islower((unsigned char)word[at]) || word[at] == '_');
    }
}

static void letters_are_two(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *letters = reason_info((enum reason)i)->letters;
        assert_int_equal(strlen(letters), 2);
        assert_non_null(strchr("CSPRILUDKcs-", letters[0]));
        assert_non_null(strchr("RQCHDLTK-", letters[1]));
    }
}

static void sentences_are_sentences(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *sentence = reason_info((enum reason)i)->sentence;
        assert_true(strlen(sentence) > 10);
        assert_true(islower((unsigned char)sentence[0]));
        assert_int_not_equal(sentence[strlen(sentence) - 1], '.');
    }
}

/* The words are an interface; this list is the documented one. */
static void words_as_documented(void **state)
{
    static const char *const documented[] = {"closed",
                                             "client_abort",
                                             "server_abort",
                                             "idle_timeout",
                                             "half_close_timeout",
                                             "max_duration",
                                             "hello_timeout",
                                             "hello_abort",
                                             "not_tls",
                                             "malformed",
                                             "too_large",
                                             "no_sni",
                                             "no_route",
                                             "denied",
                                             "limit",
                                             "connect_refused",
                                             "connect_timeout",
                                             "unreachable",
                                             "no_server",
                                             "dns_failed",
                                             "loop",
                                             "resource",
                                             "drain_timeout",
                                             "admin_kill",
                                             "backend_down",
                                             "internal"};

    (void)state;
    assert_int_equal(REASON_COUNT, sizeof documented / sizeof documented[0]);
    for (unsigned i = 0; i < REASON_COUNT; i++)
        assert_string_equal(reason_info((enum reason)i)->word, documented[i]);
}

/* What a client reads when the policy of its case says "alert" (RFC 8446 section 6.2). */
static void alerts_as_documented(void **state)
{
    static const struct {
        enum reason reason;
        int alert;
    } documented[] = {
        {REASON_NO_SNI, 112},
        {REASON_NO_ROUTE, 112},
        {REASON_NOT_TLS, 70},
        {REASON_MALFORMED, 50},
        {REASON_TOO_LARGE, 47},
        {REASON_HELLO_TIMEOUT, 80},
        {REASON_DENIED, 49},
        {REASON_LIMIT, 80},
        {REASON_NO_SERVER, 80},
        {REASON_CONNECT_REFUSED, 80},
        {REASON_CONNECT_TIMEOUT, 80},
        {REASON_UNREACHABLE, 80},
        {REASON_DNS_FAILED, 80},
        {REASON_RESOURCE, 80},
        {REASON_INTERNAL, 80},
        {REASON_CLOSED, 0},
        {REASON_CLIENT_ABORT, 0},
        {REASON_SERVER_ABORT, 0},
        {REASON_IDLE_TIMEOUT, 0},
        {REASON_HALF_CLOSE_TIMEOUT, 0},
        {REASON_MAX_DURATION, 0},
        {REASON_HELLO_ABORT, 0},
        {REASON_DRAIN_TIMEOUT, 0},
        {REASON_ADMIN_KILL, 0},
        {REASON_LOOP, 80},
        {REASON_BACKEND_DOWN, 0},
    };

    (void)state;
    assert_int_equal(REASON_COUNT, sizeof documented / sizeof documented[0]);
    for (size_t i = 0; i < REASON_COUNT; i++)
        assert_int_equal(reason_info(documented[i].reason)->alert, documented[i].alert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_unique),    cmocka_unit_test(words_are_words),
        cmocka_unit_test(letters_are_two),     cmocka_unit_test(sentences_are_sentences),
        cmocka_unit_test(words_as_documented), cmocka_unit_test(alerts_as_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
