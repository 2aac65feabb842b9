/* What is kept of a hello and a decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/conn/passage.h"
#include "sni/build.h"

#define HELLO_MAX 70000

static struct stats stats;

static int setup(void **state)
{
    (void)state;
    return stats_init(&stats, 1) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    stats_close(&stats); /* asserts that no cell is left, so none is in use */
    return 0;
}

static struct stats_cell *claimed(enum stats_thing thing, const char *name)
{
    struct stats_cell *cell = stats_claim(&stats, thing, name, strlen(name));

    assert_non_null(cell);
    stats_unclaim(&stats, cell); /* as long as it is entered, it stays */
    return cell;
}

static struct passage started(void)
{
    struct peer peer = {.ip = {10, 0, 0, 1}, .port = 5000, .known = true};
    struct passage passage;

    passage_start(&passage, &peer, 2, claimed(STATS_LISTENER, "public"), 0);
    passage.accepted_ms = 1000;
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
    assert_string_equal(passage.listener_stats->name, "public");
    assert_null(passage.route_stats);
    assert_int_equal(passage.peer.port, 5000);
    assert_null(passage_host(&passage));
    assert_string_equal(protocols(&passage), "");
    assert_int_equal(passage.route, ROUTE_NONE);
    assert_int_equal(passage.backend, CONFIG_NONE);
    assert_null(passage.server);
    assert_int_equal(passage.policy, POLICY_CASES);
    assert_int_equal(passage.looks, LOOKS_KINDS);
    assert_int_equal(passage.hello_ms, PASSAGE_TIME_NONE);
    passage_end(&passage, 0);
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
    passage_end(&passage, 0);
}

static void a_hello_without_texts_costs_nothing(void **state)
{
    struct passage passage = started();

    (void)state;
    keep(&passage, NULL, NULL, 0);
    assert_null(passage.names);
    assert_null(passage_host(&passage));
    assert_string_equal(protocols(&passage), "");
    passage_end(&passage, 0);
}

static void protocols_without_a_host(void **state)
{
    static const char *const alpn[] = {"h2"};
    struct passage passage = started();

    (void)state;
    keep(&passage, NULL, alpn, 1);
    assert_null(passage_host(&passage));
    assert_string_equal(protocols(&passage), "h2");
    passage_end(&passage, 0);
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
        passage_end(&passage, 0);
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
    struct stats_cell *route = claimed(STATS_ROUTE, "shop");
    passage_keep_decision(&passage, &by_route, route, 0);
    assert_int_equal(stats_read(route).active, 1);
    assert_int_equal(stats_read(route).connections, 1);
    assert_int_equal(passage.route, 4);
    assert_int_equal(passage.backend, 1);
    assert_int_equal(passage.policy, POLICY_CASES);
    passage_end(&passage, 0);
    assert_int_equal(stats_read(route).active, 0);
    passage = started();
    passage_keep_decision(&passage, &by_policy, NULL, 0);
    assert_int_equal(passage.route, ROUTE_NONE);
    assert_int_equal(passage.backend, 2);
    assert_int_equal(passage.policy, POLICY_NO_SNI);
    passage_end(&passage, 0);
    passage = started();
    passage_keep_decision(&passage, &refused, NULL, 0);
    assert_int_equal(passage.backend, CONFIG_NONE);
    assert_int_equal(passage.policy, POLICY_CASES); /* no backend was named */
    passage_end(&passage, 0);
}

static struct passage routed(const char *host, struct route_pattern pattern,
                             struct stats_cell *route)
{
    struct decision decision = {
        .route = 4, .pattern = pattern, .backend = 1, .which = POLICY_CASES, .reason = REASON_NONE};
    struct passage passage = started();

    if (host != NULL)
        keep(&passage, host, NULL, 0);
    passage_keep_decision(&passage, &decision, route, 0);
    return passage;
}

static void routes_have_their_pattern(void **state)
{
    static const struct {
        struct route_pattern pattern;
        const char *text;
    } cases[] = {
        {{0, 18}, "a.shop.example.com"},
        {{2, 16}, "*.shop.example.com"},
        {{3, 16}, "**.shop.example.com"},
        {{3, 11}, "**.example.com"},
        {{3, 3}, "**.com"},
        {{0, 0}, "first.example.com"}, /* has a name */
    };
    char text[ROUTE_PATTERN_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct passage passage = routed("A.Shop.Example.com.", cases[i].pattern,
                                        claimed(STATS_ROUTE, "first.example.com"));
        assert_string_equal(passage_route(&passage, text), cases[i].text);
        passage_end(&passage, 0);
    }
    struct passage without = started();
    assert_null(passage_route(&without, text));
    passage_end(&without, 0);
    /* no memory for the hello's texts: what the route is counted by */
    without = routed(NULL, (struct route_pattern){2, 16}, claimed(STATS_ROUTE, "first"));
    assert_string_equal(passage_route(&without, text), "first");
    passage_end(&without, 0);
    /* ... for its figures */
    without = routed("a.test", (struct route_pattern){2, 4}, NULL);
    assert_string_equal(passage_route(&without, text), "*.test");
    passage_end(&without, 0);
}

/* With and without texts of every length before them: aligned, in order, bounded, and held. */
static void servers_that_failed_are_kept(void **state)
{
    static const char *const alpn[] = {"h2", "http/1.1"};
    char host[32];

    (void)state;
    for (size_t len = 0; len < sizeof host; len++) {
        struct server *servers[PASSAGE_FAILED_MAX + 2];
        struct decision decision = {.route = 4, .backend = 1, .which = POLICY_CASES};
        struct passage passage = started();
        uint32_t count;

        memset(host, 'a', len);
        host[len] = '\0';
        if (len > 0)
            keep(&passage, host, alpn, len % 3);
        passage_keep_decision(&passage, &decision, NULL, 0);
        assert_null(passage_failed(&passage, &count));
        assert_int_equal(count, 0);
        for (uint32_t i = 0; i < PASSAGE_FAILED_MAX + 2; i++) {
            servers[i] = server_new(memcpy(malloc(6), "b\0s\0l", 6), 6, 1);
            assert_non_null(servers[i]);
            passage_use_server(&passage, servers[i]);
            passage_keep_failed(&passage, REASON_CONNECT_REFUSED + i % 3);
            const struct passage_failed *failed = passage_failed(&passage, &count);
            assert_int_equal(count, i < PASSAGE_FAILED_MAX ? i + 1 : PASSAGE_FAILED_MAX);
            for (uint32_t f = 0; f < count; f++) {
                assert_ptr_equal(failed[f].server, servers[f]);
                assert_int_equal(failed[f].reason, REASON_CONNECT_REFUSED + f % 3);
                assert_int_equal(atomic_load(&servers[f]->held), 1);
            }
        }
        if (len > 0)
            assert_string_equal(passage_host(&passage), host);
        else
            assert_null(passage_host(&passage));
        assert_string_equal(protocols(&passage), len == 0 || len % 3 == 0 ? ""
                                                 : len % 3 == 1           ? "h2"
                                                                          : "h2,http/1.1");
        passage_end(&passage, 0);
        for (uint32_t i = 0; i < PASSAGE_FAILED_MAX + 2; i++)
            server_free(servers[i]); /* asserts that nobody holds it */
    }
}

/* Its backend, its address and its name or address; what the error log calls it. */
static void lines_call_a_server(void **state)
{
    static const struct {
        const char *key[3], *title;
    } rows[] = {{{"web", "10.0.0.5:443", "10.0.0.5:443"}, "10.0.0.5:443 (web)"},
                {{"web", "10.0.0.5:443", "large"}, "large at 10.0.0.5:443 (web)"},
                {{"10.0.0.5:443", "10.0.0.5:443", "10.0.0.5:443"}, "10.0.0.5:443"},
                {{"a:1,b:1", "a:1", "a:1"}, "a:1 (a:1,b:1)"}};
    char title[SERVER_TITLE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *key = calloc(1, 64);
        size_t len = 0;
        assert_non_null(key);
        for (size_t part = 0; part < 3; part++)
            len += (size_t)sprintf(key + len, "%s", rows[i].key[part]) + 1;
        struct server *server = server_new(key, len, 1);
        assert_non_null(server);
        assert_string_equal(server_title(server, title), rows[i].title);
        server_free(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_at_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_without_texts_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(protocols_without_a_host, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_list_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(decisions_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_have_their_pattern, setup, teardown),
        cmocka_unit_test_setup_teardown(servers_that_failed_are_kept, setup, teardown),
        cmocka_unit_test(lines_call_a_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
