/* What is kept of a hello and a decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "router/conn/passage.h"
#include "sni/build.h"

#define HELLO_MAX 70000

static struct passage started(void)
{
    struct peer peer = {.ip = {10, 0, 0, 1}, .port = 5000, .known = true};
    struct passage passage;

    passage_start(&passage, &peer, 2, 7, 1000);
    return passage;
}

/* The protocols, joined with commas. */
static const char *protocols(const struct passage *passage)
{
    static char text[2048];
    const uint8_t *name;
    uint8_t len;
    size_t at = 0, used = 0;

    text[0] = '\0';
    while (passage_alpn_next(passage, &at, &name, &len))
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", used > 0 ? "," : "",
                                 (int)len, (const char *)name);
    return text;
}

static void keep(struct passage *passage, const char *host, const char *const *alpn, size_t count)
{
    static uint8_t bytes[HELLO_MAX];
    struct hello_spec spec;
    struct client_hello hello;

    hello_spec_init(&spec, host);
    spec.alpn = count > 0 ? alpn : NULL;
    spec.alpn_count = count;
    size_t len = hello_build(&spec, bytes, sizeof bytes);
    assert_int_equal(hello_parse(bytes, len, HELLO_LIMIT_DEFAULT, &hello), HELLO_OK);
    passage_keep_hello(passage, &hello, 1025);
    memset(bytes, 0xee, sizeof bytes); /* nothing that is kept may point there */
}

static void nothing_is_known_at_first(void **state)
{
    struct passage passage = started();

    (void)state;
    assert_int_equal(passage.listener, 2);
    assert_int_equal(passage.number, 7);
    assert_int_equal(passage.peer.port, 5000);
    assert_null(passage_host(&passage));
    assert_string_equal(protocols(&passage), "");
    assert_int_equal(passage.route, ROUTE_NONE);
    assert_int_equal(passage.backend, CONFIG_NONE);
    assert_null(passage.server);
    assert_int_equal(passage.policy, POLICY_CASES);
    assert_int_equal(passage.hello_ms, PASSAGE_TIME_NONE);
    passage_end(&passage);
}

static void a_hello_is_kept(void **state)
{
    static const char *const alpn[] = {"h2", "http/1.1", "acme-tls/1"};
    struct passage passage = started();

    (void)state;
    keep(&passage, "Shop.Example.COM.", alpn, 3);
    assert_string_equal(passage_host(&passage), "shop.example.com");
    assert_string_equal(protocols(&passage), "h2,http/1.1,acme-tls/1");
    assert_int_equal(passage.hello_ms, 25);
    assert_true(passage.hello_bytes > 0);
    assert_int_equal(passage.tls_version, 0x0304);
    passage_end(&passage);
    passage_end(&passage); /* once is enough, twice does no harm */
}

static void a_hello_without_texts_costs_nothing(void **state)
{
    struct passage passage = started();

    (void)state;
    keep(&passage, NULL, NULL, 0);
    assert_null(passage.names);
    assert_null(passage_host(&passage));
    assert_string_equal(protocols(&passage), "");
    passage_end(&passage);
}

static void protocols_without_a_host(void **state)
{
    static const char *const alpn[] = {"h2"};
    struct passage passage = started();

    (void)state;
    keep(&passage, NULL, alpn, 1);
    assert_null(passage_host(&passage));
    assert_string_equal(protocols(&passage), "h2");
    passage_end(&passage);
}

/* A long list is cut between names, whatever their lengths. */
static void a_long_list_is_cut(void **state)
{
    static char names[40][256];
    const char *alpn[40];

    (void)state;
    for (size_t len = 1; len <= 255; len++) {
        struct passage passage = started();
        const uint8_t *name;
        uint8_t name_len;
        size_t at = 0, count = 0;
        for (size_t i = 0; i < 40; i++) {
            memset(names[i], 'a' + (int)(i % 9), len); /* "jj" would be GREASE */
            names[i][len] = '\0';
            alpn[i] = names[i];
        }
        keep(&passage, "a.test", alpn, 40);
        assert_true(passage.names->alpn_len <= PASSAGE_ALPN_MAX);
        while (passage_alpn_next(&passage, &at, &name, &name_len)) {
            assert_int_equal(name_len, len);
            assert_memory_equal(name, names[count], len);
            count++;
        }
        assert_int_equal(count,
                         PASSAGE_ALPN_MAX / (1 + len) < 40 ? PASSAGE_ALPN_MAX / (1 + len) : 40);
        passage_end(&passage);
    }
}

static void decisions_are_kept(void **state)
{
    struct decision by_route = {
        .route = 4, .backend = 1, .which = POLICY_CASES, .reason = REASON_NONE};
    struct decision by_policy = {
        .route = ROUTE_NONE, .backend = 2, .which = POLICY_NO_SNI, .reason = REASON_NO_SNI};
    struct decision refused = {.route = ROUTE_NONE,
                               .backend = CONFIG_NONE,
                               .which = POLICY_NOT_TLS,
                               .reason = REASON_NOT_TLS};
    struct passage passage = started();

    (void)state;
    passage_keep_decision(&passage, &by_route);
    assert_int_equal(passage.route, 4);
    assert_int_equal(passage.backend, 1);
    assert_int_equal(passage.policy, POLICY_CASES);
    passage = started();
    passage_keep_decision(&passage, &by_policy);
    assert_int_equal(passage.route, ROUTE_NONE);
    assert_int_equal(passage.backend, 2);
    assert_int_equal(passage.policy, POLICY_NO_SNI);
    passage = started();
    passage_keep_decision(&passage, &refused);
    assert_int_equal(passage.backend, CONFIG_NONE);
    assert_int_equal(passage.policy, POLICY_CASES); /* no backend was named */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(a_hello_is_kept),
        cmocka_unit_test(a_hello_without_texts_costs_nothing),
        cmocka_unit_test(protocols_without_a_host),
        cmocka_unit_test(a_long_list_is_cut),
        cmocka_unit_test(decisions_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
