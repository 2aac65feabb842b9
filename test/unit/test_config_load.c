/* What a loaded configuration holds, and where it may come from. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "config/load.h"
#include "test/support/printed.h"

static struct config *load(const char *text)
{
    struct diagnostics found = {0};
    struct config *config = config_load_text(text, strlen(text), "test.json", &found);

    if (config == NULL)
        diagnostics_print(&found, "test.json", stderr, false);
    assert_non_null(config);
    diagnostics_free(&found);
    return config;
}

static uint32_t find(const struct config *config, const char *host)
{
    struct route_query query = {.host = host, .host_len = strlen(host), .listener = UINT32_MAX};

    return route_table_find(config->table, &query);
}

static void test_defaults(void **state)
{
    struct config *config = load("{\"listeners\":[{\"address\":\":443\"}]}");

    (void)state;
    assert_string_equal(config->file, "test.json");
    assert_int_equal(config->listener_count, 1);
    assert_string_equal(config->listeners[0].name, "[::]:443");
    assert_int_equal(config->listeners[0].backlog, 4096);
    assert_int_equal(config->listeners[0].mode, 0666);
    assert_false(config->listeners[0].v6only);
    assert_false(config->listeners[0].freebind);
    assert_int_equal(config->route_count, 0);
    assert_int_equal(config->backend_count, 0);
    assert_int_equal(find(config, "a.test"), ROUTE_NONE);
    assert_int_equal(config->workers, 0);
    assert_int_equal(config->max_connections, 0);
    assert_int_equal(config->hello_limit_bytes, 65536);
    assert_int_equal(config->sockets.receive_bytes, 0);
    assert_int_equal(config->sockets.send_bytes, 0);
    assert_int_equal(config->sockets.held_bytes, 1048576);
    assert_int_equal(config->timeouts.hello_ms, 5000);
    assert_int_equal(config->timeouts.connect_ms, 3000);
    assert_int_equal(config->timeouts.idle_ms, 3600000);
    assert_int_equal(config->timeouts.half_close_ms, 60000);
    assert_int_equal(config->timeouts.drain_ms, 8000);
    assert_int_equal(config->timeouts.drain_delay_ms, 0);
    assert_int_equal(config->timeouts.drain_idle_ms, 0);
    assert_string_equal(config->log.access_path, "-");
    assert_int_equal(config->log.access_format, LOG_FORMAT_JSON);
    assert_int_equal(config->log.level, LOG_LEVEL_INFO);
    assert_true(config->reload.watch);
    assert_int_equal(config->reload.settle_ms, 200);
    assert_int_equal(config->reload.poll_ms, 10000);
    for (int i = 0; i < POLICY_CASES; i++) {
        bool close = i == POLICY_NOT_TLS || i == POLICY_HELLO_TIMEOUT;
        assert_int_equal(config->policies[i].action, close ? POLICY_CLOSE : POLICY_ALERT);
        assert_int_equal(config->policies[i].backend, CONFIG_NONE);
    }
    config_free(config);
}

static void test_words(void **state)
{
    static const char *const WORDS[] = {"no_sni",    "unknown_sni",   "not_tls",   "malformed",
                                        "too_large", "hello_timeout", "no_server", "limit"};

    (void)state;
    for (int i = 0; i < POLICY_CASES; i++)
        assert_string_equal(policy_case_word((enum policy_case)i), WORDS[i]);
}

/* Sections stand in an order that the loader cannot use: it has to look ahead. */
static const char EVERYTHING[] =
    "{\n"
    " \"policies\": { \"no_sni\": { \"backend\": \"web\" }, \"limit\": \"reset\" },\n"
    " \"routes\": [\n"
    "  { \"name\": \"first\", \"host\": [\"A.test\", \"*.a.test\"], \"alpn\": [\"h2\", \"x\"],\n"
    "    \"from\": [\"10.1.2.0/24\", \"2001:db8::/32\"], \"listener\": [\"b\", \"a\"],\n"
    "    \"backend\": \"web\", \"timeouts\": { \"idle\": \"off\" } },\n"
    "  { \"host\": \"**.a.test\", \"backend\": \"other\" },\n"
    "  { \"backend\": \"web\", \"timeouts\": { \"idle\": \"off\" }, \"host\": \"c.test\" },\n"
    "  { \"host\": \"d.test\", \"backend\": \"web\", \"timeouts\": { \"idle\": \"10m\" } } ],\n"
    " \"backends\": { \"other\": { \"servers\": [\"unix:@x\"] },\n"
    "  \"web\": { \"servers\": [ { \"address\": \"10.0.0.1:443\", \"weight\": 0, \"name\": \"n\" "
    "},\n"
    "    \"[2001:db8::1]:8443\" ] } },\n"
    " \"listeners\": [ { \"name\": \"a\", \"address\": \"127.0.0.1:0\", \"backlog\": 7,\n"
    "  \"freebind\": true },\n"
    "  { \"name\": \"b\", \"address\": \"unix:/run/b\", \"mode\": \"0600\" },\n"
    "  { \"address\": \"[::1]:443\", \"v6only\": true } ],\n"
    " \"timeouts\": { \"connect\": \"1s\", \"idle\": \"10m\" },\n"
    " \"workers\": 3, \"limits\": { \"connections\": 100, \"hello\": \"2k\" },\n"
    " \"sockets\": { \"send\": \"5000\", \"receive\": \"64k\","
    " \"held\": \"off\" },\n"
    " \"log\": { \"level\": \"error\", \"access\": { \"format\": \"logfmt\", \"path\": \"/x\" } }\n"
    "}\n";

static void test_listeners_and_backends(void **state)
{
    struct config *config = load(EVERYTHING);

    (void)state;
    assert_int_equal(config->listener_count, 3);
    assert_string_equal(config->listeners[0].name, "a");
    assert_int_equal(config->listeners[0].address.ip[0], 127);
    assert_int_equal(config->listeners[0].backlog, 7);
    assert_int_equal(config->listeners[0].at.line, 13);
    assert_int_equal(config->listeners[0].at.column, 17);
    assert_int_equal(config->listeners[1].mode, 0600);
    assert_string_equal(config->listeners[1].address.path, "/run/b");
    assert_true(config->listeners[2].v6only);
    assert_true(config->listeners[0].freebind);
    assert_string_equal(config->listeners[2].name, "[::1]:443");
    assert_int_equal(config->backend_count, 2);
    const struct backend_config *web = &config->backends[1];
    assert_string_equal(web->name, "web");
    assert_int_equal(web->balance, BALANCE_ROUND_ROBIN);
    assert_int_equal(web->tries, 4);
    assert_int_equal(web->at.line, 11);
    assert_int_equal(web->server_count, 2);
    assert_string_equal(web->servers[0].name, "n");
    assert_int_equal(web->servers[0].weight, 0);
    assert_string_equal(web->servers[1].name, "[2001:db8::1]:8443");
    assert_int_equal(web->servers[1].weight, 1);
    assert_int_equal(web->servers[1].address.kind, ADDRESS_IPV6);
    assert_int_equal(web->servers[1].at.line, 12);
    assert_int_equal(web->servers[1].at.column, 5);
    config_free(config);
}

static void test_the_rest(void **state)
{
    struct config *config = load(EVERYTHING);

    (void)state;
    assert_int_equal(config->policies[POLICY_NO_SNI].action, POLICY_BACKEND);
    assert_int_equal(config->policies[POLICY_NO_SNI].backend, 1);
    assert_int_equal(config->policies[POLICY_LIMIT].action, POLICY_RESET);
    assert_int_equal(config->policies[POLICY_LIMIT].backend, CONFIG_NONE);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->max_connections, 100);
    assert_int_equal(config->hello_limit_bytes, 2048);
    assert_int_equal(config->sockets.receive_bytes, 65536);
    assert_int_equal(config->sockets.send_bytes, 5000);
    assert_int_equal(config->sockets.held_bytes, 0);
    assert_int_equal(config->log.level, LOG_LEVEL_ERROR);
    assert_int_equal(config->log.access_format, LOG_FORMAT_LOGFMT);
    assert_string_equal(config->log.access_path, "/x");
    assert_int_equal(config->timeouts.hello_ms, 5000);
    assert_int_equal(config->timeouts.connect_ms, 1000);
    config_free(config);
}

static void test_routes(void **state)
{
    struct config *config = load(EVERYTHING);
    const struct route *routes = config->routes;

    (void)state;
    assert_int_equal(config->route_count, 4);
    assert_string_equal(routes[0].name, "first");
    assert_int_equal(routes[0].backend, 1);
    assert_int_equal(routes[0].line, 4);
    assert_int_equal(routes[0].column, 31);
    const struct route_conditions *when = routes[0].when;
    assert_int_equal(when->alpn_count, 2);
    assert_string_equal(when->alpn[1], "x");
    assert_int_equal(when->from_count, 2);
    assert_int_equal(when->from[0].bits, 24);
    assert_true(when->from[1].v6);
    assert_int_equal(when->listener_count, 2);
    assert_int_equal(when->listeners[0], 1);
    assert_int_equal(when->listeners[1], 0);
    assert_int_equal(routes[0].timeouts->idle_ms, 0);
    assert_int_equal(routes[0].timeouts->connect_ms, 1000);
    assert_string_equal(routes[1].name, "**.a.test");
    assert_null(routes[1].when);
    assert_null(routes[1].timeouts);
    assert_ptr_equal(routes[2].timeouts, routes[0].timeouts); /* the same ones are shared */
    assert_null(routes[3].timeouts);                          /* the global ones, said again */
    assert_int_equal(find(config, "a.test"), ROUTE_NONE);     /* conditions fail */
    assert_int_equal(find(config, "x.y.a.test"), 1);
    assert_int_equal(find(config, "x.a.test"), 1);
    assert_int_equal(find(config, "c.test"), 2);
    config_free(config);
}

static void test_access_log_off(void **state)
{
    static const char *const TEXTS[] = {
        "{\"listeners\":[{\"address\":\":1\"}],\"log\":{\"access\":\"off\"}}",
        "{\"listeners\":[{\"address\":\":1\"}],\"log\":{\"access\":{\"path\":\"off\"}}}"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct config *config = load(TEXTS[i]);
        assert_null(config->log.access_path);
        assert_int_equal(config->log.level, LOG_LEVEL_INFO);
        config_free(config);
    }
}

/* Errors beyond the kept ones are counted; warnings never push an error out. */
static void test_many_findings(void **state)
{
    enum { ROUTES = 400 };
    struct diagnostics found = {0};
    struct printed printed;
    FILE *to = printed_start(&printed);

    (void)state;
    fputs("{\"routes\":[", to);
    for (int i = 0; i < ROUTES; i++)
        fprintf(to, "%s{\"host\":\"h%d.test.\",\"backend\":\"nowhere\"}\n", i ? "," : "", i);
    fputs("]}", to);
    char *text = printed_end(&printed);
    assert_null(config_load_text(text, printed.len, "x", &found));
    assert_int_equal(found.errors, ROUTES + 1); /* and no listeners */
    assert_int_equal(found.warnings, ROUTES);   /* the dots */
    assert_int_equal(found.count, 2 * DIAGNOSTICS_KEPT);
    for (size_t i = 1; i < found.count; i++)
        assert_true(found.list[i - 1].at.line <= found.list[i].at.line);
    diagnostics_free(&found);
    free(text);
}

/* --- files --- */

static void test_files(void **state)
{
    struct config *config;
    struct diagnostics found = {0};
    char path[] = "/tmp/test_config_load.XXXXXX", below[64];
    int error, fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, EVERYTHING, strlen(EVERYTHING)), strlen(EVERYTHING));
    assert_int_equal(config_load_file(path, NULL, &config, &found, &error), CONFIG_READ_OK);
    assert_string_equal(config->file, path);
    config_free(config);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(config_load_file(path, NULL, &config, &found, &error), CONFIG_READ_INVALID);
    assert_null(config);
    diagnostics_free(&found);
    snprintf(below, sizeof below, "%s/x", path);
    assert_int_equal(config_load_file(below, NULL, &config, &found, &error), CONFIG_READ_ABSENT);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(config_load_file(path, NULL, &config, &found, &error), CONFIG_READ_INVALID);
    close(fd);
    unlink(path);
    assert_int_equal(config_load_file(path, NULL, &config, &found, &error), CONFIG_READ_ABSENT);
    assert_int_equal(config_load_file("/tmp", NULL, &config, &found, &error), CONFIG_READ_FAILED);
    assert_int_equal(error, EISDIR);
    diagnostics_free(&found);
}

static void test_standard_input(void **state)
{
    struct config *config;
    struct diagnostics found = {0};
    int error, ends[2], saved = dup(STDIN_FILENO);

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], EVERYTHING, strlen(EVERYTHING)), strlen(EVERYTHING));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(config_load_file("-", NULL, &config, &found, &error), CONFIG_READ_OK);
    assert_int_equal(config->route_count, 4);
    config_free(config);
    diagnostics_free(&found);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

/* --- arguments --- */

static void test_arguments(void **state)
{
    const char *listens[] = {"127.0.0.1:0", ":8443"};
    const char *routes[] = {"Shop.test=10.0.0.1:443,unix:/run/shop", "**.test=[::1]:9"};
    struct diagnostics found = {0};
    struct config *config = config_load_arguments(listens, 2, routes, 2, &found);

    (void)state;
    assert_non_null(config);
    assert_int_equal(found.count, 0);
    assert_string_equal(config->file, "(command line)");
    assert_int_equal(config->listener_count, 2);
    assert_int_equal(config->listeners[1].at.line, 0);
    assert_int_equal(config->route_count, 2);
    assert_int_equal(config->routes[0].line, 0);
    const struct backend_config *backend = &config->backends[config->routes[0].backend];
    assert_int_equal(backend->server_count, 2);
    assert_string_equal(backend->servers[1].address.text, "unix:/run/shop");
    assert_int_equal(backend->servers[1].at.line, 0);
    assert_int_equal(find(config, "shop.test"), 0);
    assert_int_equal(find(config, "a.b.test"), 1);
    config_free(config);
    diagnostics_free(&found);
}

static void test_wrong_arguments(void **state)
{
    const char *listens[] = {"nonsense", "\"\\\x01"};
    const char *routes[] = {"a.test", "a.test=1.2.3.4:1", "a.test=1.2.3.4:2",
                            "b.test=", "c.test=1.2.3.4:1,,x"};
    struct diagnostics found = {0};
    struct printed to;

    (void)state;
    assert_null(config_load_arguments(listens, 2, routes, 5, &found));
    diagnostics_print(&found, "(command line)", printed_start(&to), false);
    char *printed = printed_end(&to);
    assert_string_equal(
        printed,
        "(command line): error: --route a.test: expected HOST=SERVER[,SERVER...], such as "
        "shop.example.com=10.0.0.5:443\n"
        "(command line): error: --listen nonsense: \"nonsense\" has no port (such as "
        "\"nonsense:443\")\n"
        "(command line): error: --listen \"\\?: \"\"\\?\" has no port (such as \"\"\\?:443\")\n"
        "(command line): error: --route a.test=1.2.3.4:2: \"a.test\" has a route already (in "
        "another "
        "argument)\n"
        "(command line): error: --route b.test=: an address may not be empty\n"
        "(command line): error: --route c.test=1.2.3.4:1,,x: an address may not be empty\n"
        "(command line): error: --route c.test=1.2.3.4:1,,x: \"x\" has no port (such as "
        "\"x:443\")\n");
    free(printed);
    diagnostics_free(&found);
    assert_null(config_load_arguments(NULL, 0, NULL, 0, &found));
    assert_int_equal(found.errors, 1);
    diagnostics_free(&found);
}

/* --- arena --- */

static void test_arena(void **state)
{
    struct arena *arena = arena_new();
    size_t asked = 0;

    (void)state;
    assert_non_null(arena);
    for (size_t i = 0; i < 20000; i++) {
        size_t bytes = i % 1000 == 0 ? 300000 : i % 67;
        unsigned char *memory = arena_alloc(arena, bytes);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < bytes; j += 13)
            assert_int_equal(memory[j], 0);
        memset(memory, 0xff, bytes);
        assert_string_equal(arena_text(arena, "text without end", i % 17) + i % 17, "");
        asked += bytes + i % 17;
    }
    assert_true(arena_bytes(arena) >= asked);
    assert_true(arena_bytes(arena) < asked * 3 / 2);
    assert_null(arena_alloc(arena, SIZE_MAX - 8));
    assert_null(arena_text(arena, "", SIZE_MAX));
    arena_free(arena);
    arena_free(NULL);
    config_free(NULL);
}

/* Editors do not count a byte order mark as a column. */
static void byte_order_mark_is_no_column(void **state)
{
    static const char TEXT[] = "\xef\xbb\xbf{ \"x\": 1,\n\"y\": 2 }";
    struct diagnostics found = {0};

    (void)state;
    assert_null(config_load_text(TEXT, sizeof TEXT - 1, "test.json", &found));
    assert_int_equal(found.count, 4);
    assert_int_equal(found.list[0].at.column, 1); /* listeners are missing */
    assert_int_equal(found.list[1].at.column, 1); /* the mark itself */
    assert_int_equal(found.list[2].at.column, 3);
    assert_int_equal(found.list[2].caret, 2);
    assert_string_equal(found.list[2].source_line, "{ \"x\": 1,");
    assert_int_equal(found.list[3].at.line, 2);
    assert_int_equal(found.list[3].at.column, 1);
    diagnostics_free(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_order_mark_is_no_column),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_listeners_and_backends),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_access_log_off),
        cmocka_unit_test(test_many_findings),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
