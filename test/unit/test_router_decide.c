/* Where a client goes, as a table: hello, client and listener in; route or policy case out. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/conn/decide.h"
#include "sni/build.h"

#define HELLO_MAX 4096

static const char text[] =
    "{\"listeners\":[{\"name\":\"public\",\"address\":\"127.0.0.1:1\"},"
    "{\"name\":\"inside\",\"address\":\"127.0.0.1:2\"}],"
    "\"routes\":[{\"name\":\"shop\",\"host\":\"shop.test\",\"backend\":\"one\"},"
    "{\"name\":\"acme\",\"host\":\"shop.test\",\"alpn\":[\"acme-tls/1\"],\"backend\":\"two\"},"
    "{\"name\":\"near\",\"host\":\"near.test\",\"from\":[\"10.0.0.0/8\",\"2001:db8::/32\"],"
    "\"backend\":\"two\"},"
    "{\"name\":\"inner\",\"host\":\"inner.test\",\"listener\":[\"inside\"],\"backend\":\"two\"},"
    "{\"name\":\"wild\",\"host\":\"*.test\",\"backend\":\"one\"}],"
    "\"backends\":{\"one\":{\"servers\":[\"10.0.0.1:1\"]},\"two\":{\"servers\":[\"10.0.0.2:2\"]}},"
    "\"policies\":{\"no_sni\":{\"backend\":\"two\"},\"not_tls\":\"reset\",\"limit\":\"close\"}}";

static struct config *load(void)
{
    struct diagnostics found = {0};
    struct config *config = config_load_text(text, sizeof text - 1, "test", &found);

    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

static struct peer peer_of(const char *ip)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct peer peer = {0};

    if (ip != NULL && inet_pton(AF_INET, ip, &in.sin_addr) == 1)
        peer_from_sockaddr((const struct sockaddr *)&in, &peer);
    else if (ip != NULL && inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
        peer_from_sockaddr((const struct sockaddr *)&in6, &peer);
    return peer;
}

static const struct {
    const char *host; /* NULL: no name */
    const char *alpn; /* NULL: none */
    const char *from; /* NULL: unknown */
    uint32_t listener;
    const char *route; /* NULL: none */
    enum policy_case which;
    enum policy_action action;
    enum reason reason;
    const char *backend; /* NULL: refused */
} named[] = {
    /* by a route */
    {"shop.test", NULL, NULL, 0, "shop", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "one"},
    {"SHOP.test.", "h2", NULL, 0, "shop", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "one"},
    {"shop.test", "acme-tls/1", NULL, 0, "acme", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "two"},
    {"near.test", NULL, "10.1.2.3", 0, "near", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "two"},
    {"near.test", NULL, "2001:db8::5", 0, "near", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "two"},
    {"near.test", NULL, "::ffff:10.1.2.3", 0, "near", POLICY_CASES, POLICY_BACKEND, REASON_NONE,
     "two"},
    {"inner.test", NULL, NULL, 1, "inner", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "two"},
    /* conditions that are not met: on to the wildcard */
    {"near.test", NULL, "11.1.2.3", 0, "wild", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "one"},
    {"near.test", NULL, NULL, 0, "wild", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "one"},
    {"inner.test", NULL, NULL, 0, "wild", POLICY_CASES, POLICY_BACKEND, REASON_NONE, "one"},
    {"inner.test", NULL, NULL, CONFIG_NONE, "wild", POLICY_CASES, POLICY_BACKEND, REASON_NONE,
     "one"},
    /* by a policy */
    {NULL, NULL, NULL, 0, NULL, POLICY_NO_SNI, POLICY_BACKEND, REASON_NO_SNI, "two"},
    {"a.b.test", NULL, NULL, 0, NULL, POLICY_UNKNOWN_SNI, POLICY_ALERT, REASON_NO_ROUTE, NULL},
    {"test", NULL, NULL, 0, NULL, POLICY_UNKNOWN_SNI, POLICY_ALERT, REASON_NO_ROUTE, NULL},
    {"10.0.0.1", NULL, NULL, 0, NULL, POLICY_UNKNOWN_SNI, POLICY_ALERT, REASON_NO_ROUTE, NULL},
};

static void expect_backend(const struct config *config, const struct decision *decision,
                           const char *backend)
{
    if (backend == NULL)
        assert_int_equal(decision->backend, CONFIG_NONE);
    else
        assert_string_equal(config->backends[decision->backend].name, backend);
}

static void hello_by_name(void **state)
{
    struct config *config = load();

    (void)state;
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        uint8_t bytes[HELLO_MAX];
        struct hello_spec spec;
        struct client_hello hello;
        struct peer peer = peer_of(named[i].from);
        hello_spec_init(&spec, named[i].host);
        spec.alpn = named[i].alpn == NULL ? NULL : &named[i].alpn;
        spec.alpn_count = named[i].alpn == NULL ? 0 : 1;
        size_t len = hello_build(&spec, bytes, sizeof bytes);
        assert_int_equal(hello_parse(bytes, len, config->hello_limit_bytes, &hello), HELLO_OK);
        struct decision decision = decide_hello(config, HELLO_OK, &hello, &peer, named[i].listener);
        if (named[i].route == NULL)
            assert_int_equal(decision.route, ROUTE_NONE);
        else
            assert_string_equal(config->routes[decision.route].name, named[i].route);
        assert_int_equal(decision.pattern.suffix_len, 0); /* all of these routes have a name */
        assert_int_equal(decision.which, named[i].which);
        assert_int_equal(decision.action, named[i].action);
        assert_int_equal(decision.reason, named[i].reason);
        expect_backend(config, &decision, named[i].backend);
    }
    config_free(config);
}

/* What is no legal hello never reaches a route, whatever the struct holds. */
static void hello_that_is_none(void **state)
{
    static const struct {
        enum hello_result result;
        enum policy_case which;
        enum policy_action action;
        enum reason reason;
    } rows[] = {
        {HELLO_NOT_TLS, POLICY_NOT_TLS, POLICY_RESET, REASON_NOT_TLS},
        {HELLO_MALFORMED, POLICY_MALFORMED, POLICY_ALERT, REASON_MALFORMED},
        {HELLO_TOO_LARGE, POLICY_TOO_LARGE, POLICY_ALERT, REASON_TOO_LARGE},
    };
    struct config *config = load();
    struct client_hello hello = {.name = HELLO_NAME_HOST, .host_len = 9, .host = "shop.test"};
    struct peer peer = peer_of("10.0.0.1");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decision decision = decide_hello(config, rows[i].result, &hello, &peer, 0);
        assert_int_equal(decision.route, ROUTE_NONE);
        assert_int_equal(decision.backend, CONFIG_NONE);
        assert_int_equal(decision.which, rows[i].which);
        assert_int_equal(decision.action, rows[i].action);
        assert_int_equal(decision.reason, rows[i].reason);
    }
    config_free(config);
}

/* Cases that no hello stands for: the reason is the caller's. */
static void case_without_a_hello(void **state)
{
    static const struct {
        enum policy_case which;
        enum reason reason;
        enum policy_action action;
    } rows[] = {
        {POLICY_HELLO_TIMEOUT, REASON_HELLO_TIMEOUT, POLICY_CLOSE},
        {POLICY_LIMIT, REASON_LIMIT, POLICY_CLOSE},
        {POLICY_NO_SERVER, REASON_CONNECT_REFUSED, POLICY_ALERT},
        {POLICY_NO_SERVER, REASON_RESOURCE, POLICY_ALERT},
    };
    struct config *config = load();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decision decision = decide_case(config, rows[i].which, rows[i].reason);
        assert_int_equal(decision.which, rows[i].which);
        assert_int_equal(decision.action, rows[i].action);
        assert_int_equal(decision.reason, rows[i].reason);
        assert_int_equal(decision.backend, CONFIG_NONE);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_by_name),
        cmocka_unit_test(hello_that_is_none),
        cmocka_unit_test(case_without_a_hello),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
