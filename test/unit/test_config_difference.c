/* What changes from one configuration to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/difference.h"
#include "config/fields.h"
#include "config/load.h"

/* The members that a row does not give are these. */
#define LISTENERS "{\"name\":\"l\",\"address\":\"127.0.0.1:443\"}"
#define ROUTES    "{\"host\":[\"a.test\",\"*.a.test\"],\"backend\":\"one\"}"
#define BACKENDS                                                                                   \
    "\"one\":{\"servers\":[\"10.0.0.1:1\",\"10.0.0.2:2\"]},\"two\":{\"servers\":[\"[::1]:3\"]}"

struct side {
    const char *listeners, *routes, *backends, *rest;
};

struct row {
    const char *what;
    struct side before, after;
    struct config_difference expected;
};

#define ROUTE(members) "{\"host\":\"a.test\",\"backend\":\"one\"" members "}"

static const struct row rows[] = {
    {"nothing", {0}, {0}, {.settings = false}},
    {"a listener comes",
     {0},
     {.listeners = LISTENERS ",{\"name\":\"m\",\"address\":\"127.0.0.1:444\"}"},
     {.listeners = {.added = 1}}},
    {"a listener goes",
     {.listeners = "{\"name\":\"k\",\"address\":\"127.0.0.1:444\"}," LISTENERS},
     {0},
     {.listeners = {.removed = 1}}},
    {"a listener has another name",
     {0},
     {.listeners = "{\"name\":\"m\",\"address\":\"127.0.0.1:443\"}"},
     {.listeners = {.added = 1, .removed = 1}}},
    {"a listener has another backlog",
     {0},
     {.listeners = "{\"name\":\"l\",\"address\":\"127.0.0.1:443\",\"backlog\":5}"},
     {.listeners = {.changed = 1}}},
    {"listeners change places",
     {.listeners = LISTENERS ",{\"name\":\"m\",\"address\":\"127.0.0.1:444\"}"},
     {.listeners = "{\"name\":\"m\",\"address\":\"127.0.0.1:444\"}," LISTENERS},
     {.settings = false}},
    {"a backend comes",
     {0},
     {.backends = BACKENDS ",\"three\":{\"servers\":[\"10.0.0.9:9\"]}"},
     {.backends = {.added = 1}}},
    {"a backend goes, and others move up",
     {.backends = "\"three\":{\"servers\":[\"10.0.0.9:9\"]}," BACKENDS},
     {0},
     {.backends = {.removed = 1}}},
    {"a server comes",
     {0},
     {.backends = "\"one\":{\"servers\":[\"10.0.0.1:1\",\"10.0.0.2:2\",\"10.0.0.3:3\"]},"
                  "\"two\":{\"servers\":[\"[::1]:3\"]}"},
     {.backends = {.changed = 1}}},
    {"a server has another weight",
     {0},
     {.backends = "\"one\":{\"servers\":[{\"address\":\"10.0.0.1:1\",\"weight\":7},"
                  "\"10.0.0.2:2\"]},\"two\":{\"servers\":[\"[::1]:3\"]}"},
     {.backends = {.changed = 1}}},
    {"a backend has another number of tries",
     {0},
     {.backends = "\"one\":{\"servers\":[\"10.0.0.1:1\",\"10.0.0.2:2\"],\"tries\":2},"
                  "\"two\":{\"servers\":[\"[::1]:3\"]}"},
     {.backends = {.changed = 1}}},
    {"a server stands in the place of a backend's name",
     {0},
     {.routes = "{\"host\":[\"a.test\",\"*.a.test\"],\"backend\":\"10.0.0.9:9\"}"},
     {.backends = {.added = 1}, .hosts = {.changed = 2}}},
    {"the same servers in that place, written otherwise",
     {.routes = ROUTE("") ",{\"host\":\"b.test\",\"backend\":\"[::9]:9\"}"},
     {.routes = "{\"host\":\"b.test\",\"backend\":[{\"address\":\"[0::9]:9\"}]}," ROUTE("")},
     {.settings = false}},
    {"a server in that place has another weight",
     {.routes = ROUTE("") ",{\"host\":\"b.test\",\"backend\":[\"[::9]:9\"]}"},
     {.routes = ROUTE("") ",{\"host\":\"b.test\",\"backend\":[{\"address\":\"[::9]:9\","
                          "\"weight\":7}]}"},
     {.backends = {.changed = 1}}},
    {"a host comes",
     {0},
     {.routes = ROUTES ",{\"host\":\"b.test\",\"backend\":\"two\"}"},
     {.hosts = {.added = 1}}},
    {"a host of two goes",
     {0},
     {.routes = ROUTE(",\"name\":\"a.test\"")},
     {.hosts = {.removed = 1}}},
    {"hosts are routed to another backend",
     {0},
     {.routes = "{\"host\":[\"a.test\",\"*.a.test\"],\"backend\":\"two\"}"},
     {.hosts = {.changed = 2}}},
    {"another kind of wildcard",
     {0},
     {.routes = "{\"host\":[\"a.test\",\"**.a.test\"],\"backend\":\"one\"}"},
     {.hosts = {.added = 1, .removed = 1}}},
    {"a route for one ALPN is put before", /* of the same host */
     {0},
     {.routes = ROUTES ",{\"host\":\"a.test\",\"backend\":\"two\",\"alpn\":\"h2\"}"},
     {.hosts = {.changed = 1}}},
    {"another ALPN",
     {.routes = ROUTE(",\"alpn\":\"h2\"")},
     {.routes = ROUTE(",\"alpn\":\"h3\"")},
     {.hosts = {.changed = 1}}},
    {"another network",
     {.routes = ROUTE(",\"from\":\"10.0.0.0/8\"")},
     {.routes = ROUTE(",\"from\":\"10.0.0.0/9\"")},
     {.hosts = {.changed = 1}}},
    {"the same network, written otherwise",
     {.routes = ROUTE(",\"from\":\"10.0.0.1\"")},
     {.routes = ROUTE(",\"from\":[\"10.0.0.1/32\"]")},
     {.settings = false}},
    {"the condition's listener has another index",
     {.routes = ROUTE(",\"listener\":\"l\"")},
     {.listeners = "{\"name\":\"m\",\"address\":\"127.0.0.1:444\"}," LISTENERS,
      .routes = ROUTE(",\"listener\":\"l\"")},
     {.listeners = {.added = 1}}},
    {"timeouts of a route",
     {.routes = ROUTE("")},
     {.routes = ROUTE(",\"timeouts\":{\"idle\":\"7s\"}")},
     {.hosts = {.changed = 1}}},
    {"another name for the log",
     {.routes = ROUTE("")},
     {.routes = ROUTE(",\"name\":\"shop\"")},
     {.hosts = {.changed = 1}}},
    {"timeouts of all", {0}, {.rest = ",\"timeouts\":{\"hello\":\"7s\"}"}, {.settings = true}},
    {"a policy", {0}, {.rest = ",\"policies\":{\"no_sni\":\"close\"}"}, {.settings = true}},
    {"the backend of a policy",
     {.rest = ",\"policies\":{\"no_sni\":{\"backend\":\"one\"}}"},
     {.rest = ",\"policies\":{\"no_sni\":{\"backend\":\"two\"}}"},
     {.settings = true}},
    {"two policies become a default",
     {.rest = ",\"policies\":{\"no_sni\":\"one\",\"unknown_sni\":{\"backend\":\"one\"}}"},
     {.rest = ",\"default\":\"one\""},
     {.settings = false}},
    {"the default backend",
     {.rest = ",\"default\":\"one\""},
     {.rest = ",\"default\":\"two\""},
     {.settings = true}},
    {"the log's level", {0}, {.rest = ",\"log\":{\"level\":\"error\"}"}, {.settings = true}},
    {"a buffer", {0}, {.rest = ",\"sockets\":{\"send\":\"64k\"}"}, {.settings = true}},
    {"workers", {0}, {.rest = ",\"workers\":3"}, {.settings = true}},
};

static const char *either(const char *given, const char *otherwise)
{
    return given != NULL ? given : otherwise;
}

static struct config *make(const struct side *side)
{
    char text[2048];
    struct diagnostics found = {0};
    int len =
        snprintf(text, sizeof text, "{\"listeners\":[%s],\"routes\":[%s],\"backends\":{%s}%s}",
                 either(side->listeners, LISTENERS), either(side->routes, ROUTES),
                 either(side->backends, BACKENDS), either(side->rest, ""));
    struct config *config = config_load_text(text, (size_t)len, "test", &found);

    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

static void check_count(const char *what, const char *of, const struct change_count *got,
                        const struct change_count *expected)
{
    if (got->added != expected->added || got->removed != expected->removed ||
        got->changed != expected->changed)
        fail_msg("%s: %s: +%zu -%zu ~%zu instead of +%zu -%zu ~%zu", what, of, got->added,
                 got->removed, got->changed, expected->added, expected->removed, expected->changed);
}

static void check(const char *what, const struct config_difference *got,
                  const struct config_difference *expected)
{
    check_count(what, "listeners", &got->listeners, &expected->listeners);
    check_count(what, "backends", &got->backends, &expected->backends);
    check_count(what, "hosts", &got->hosts, &expected->hosts);
    if (got->settings != expected->settings)
        fail_msg("%s: settings: %d", what, got->settings);
}

/* What was added one way has been removed the other way. */
static struct config_difference turned_round(struct config_difference difference)
{
    struct change_count *counts[] = {&difference.listeners, &difference.backends,
                                     &difference.hosts};

    for (size_t i = 0; i < 3; i++) {
        size_t added = counts[i]->added;
        counts[i]->added = counts[i]->removed;
        counts[i]->removed = added;
    }
    return difference;
}

static void each_change_is_counted_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *before = make(&rows[i].before), *after = make(&rows[i].after);
        struct config_difference difference, back = turned_round(rows[i].expected);

        assert_true(config_difference(before, after, &difference));
        check(rows[i].what, &difference, &rows[i].expected);
        assert_true(config_difference(after, before, &difference));
        check(rows[i].what, &difference, &back);
        config_free(before);
        config_free(after);
    }
}

static void at_first_everything_is_added(void **state)
{
    const struct side side = {0};
    const struct config_difference expected = {.listeners = {.added = 1},
                                               .backends = {.added = 2},
                                               .hosts = {.added = 2},
                                               .settings = true};
    struct config_difference difference;
    struct config *config = make(&side);

    (void)state;
    assert_true(config_difference(NULL, config, &difference));
    check("first", &difference, &expected);
    config_free(config);
}

/* Many patterns, long and short, under other seeds: each table has its own. */
static void many_patterns_find_their_counterparts(void **state)
{
    enum { COUNT = 5000, TEXT_MAX = 120 * COUNT };
    char *text = test_malloc(TEXT_MAX);
    struct config_difference difference;
    struct config *configs[2];

    (void)state;
    for (int side = 0; side < 2; side++) {
        size_t len = 0;
        for (int i = side * 1000; i < COUNT; i++)
            len += (size_t)snprintf(
                text + len, TEXT_MAX - len, "%s{\"host\":\"%s%d.%stest\",\"backend\":\"%s\"}",
                len > 0 ? "," : "",
                i % 3 == 0   ? "**."
                : i % 3 == 1 ? "*."
                             : "",
                i, i % 7 == 0 ? "a-name-that-is-too-long-for-a-cache-line." : "",
                side == 1 && i % 10 == 0 ? "two" : "one");
        size_t room = len + 1024;
        char *whole = test_malloc(room);
        int n = snprintf(whole, room, "{\"listeners\":[%s],\"routes\":[%s],\"backends\":{%s}}",
                         LISTENERS, text, BACKENDS);
        struct diagnostics found = {0};
        configs[side] = config_load_text(whole, (size_t)n, "test", &found);
        diagnostics_free(&found);
        assert_non_null(configs[side]);
        test_free(whole);
    }
    assert_true(config_difference(configs[0], configs[1], &difference));
    assert_int_equal(difference.hosts.removed, 1000);
    assert_int_equal(difference.hosts.added, 0);
    assert_int_equal(difference.hosts.changed, 400);
    config_free(configs[0]);
    config_free(configs[1]);
    test_free(text);
}

/* --- every key --- */

/* Every key of the table, none with its default. */
static const char all_keys[] =
    "{\"listeners\":[{\"address\":\"[::1]:1\",\"name\":\"l\",\"v6only\":true,\"freebind\":true,"
    "\"backlog\":7},{\"address\":\"unix:/socket\",\"name\":\"m\",\"mode\":\"0600\"}],"
    "\"routes\":[{\"host\":\"a.test\",\"backend\":\"one\",\"name\":\"r\",\"alpn\":\"h2\","
    "\"from\":\"10.0.0.0/8\",\"listener\":\"l\","
    "\"timeouts\":{\"connect\":\"11ms\",\"idle\":\"12ms\",\"half_close\":\"13ms\"}}],"
    "\"backends\":{\"one\":{\"tries\":2,\"balance\":\"round_robin\","
    "\"servers\":[{\"address\":\"10.0.0.1:1\",\"name\":\"s\",\"weight\":3}]},"
    "\"two\":{\"servers\":[\"10.0.0.2:2\"]}},"
    "\"policies\":{\"no_sni\":{\"backend\":\"two\"},\"unknown_sni\":{\"backend\":\"one\"},"
    "\"not_tls\":{\"backend\":\"one\"},\"malformed\":\"close\",\"too_large\":\"close\","
    "\"hello_timeout\":\"alert\",\"no_server\":\"close\",\"limit\":\"close\"},"
    "\"timeouts\":{\"hello\":\"21ms\",\"connect\":\"22ms\",\"idle\":\"23ms\","
    "\"half_close\":\"24ms\",\"drain\":\"25ms\",\"drain_delay\":\"26ms\",\"drain_idle\":\"27ms\"},"
    "\"workers\":5,"
    "\"limits\":{\"connections\":6,\"hello\":\"2k\"},"
    "\"sockets\":{\"held\":\"700k\",\"receive\":\"8k\",\"send\":\"9k\"},"
    "\"log\":{\"access\":{\"path\":\"/log\",\"format\":\"logfmt\"},\"level\":\"error\"},"
    "\"reload\":{\"watch\":false,\"settle\":\"31ms\",\"poll\":\"32ms\"}}";

/* A change of that text for each key; without one, the key has one value only. */
static const struct key_row {
    const char *key, *from, *to;
} key_rows[] = {
    {"listeners[].address", "[::1]:1", "[::1]:2"},
    {"listeners[].name", "\"name\":\"m\"", "\"name\":\"n\""},
    {"listeners[].v6only", "\"v6only\":true", "\"v6only\":false"},
    {"listeners[].freebind", "\"freebind\":true", "\"freebind\":false"},
    {"listeners[].backlog", "\"backlog\":7", "\"backlog\":8"},
    {"listeners[].mode", "0600", "0660"},
    {"routes[].host", "a.test", "b.test"},
    {"routes[].backend", "\"backend\":\"one\",\"name\"", "\"backend\":\"two\",\"name\""},
    {"routes[].name", "\"name\":\"r\"", "\"name\":\"q\""},
    {"routes[].alpn", "h2", "h3"},
    {"routes[].from", "10.0.0.0/8", "11.0.0.0/8"},
    {"routes[].listener", "\"listener\":\"l\"", "\"listener\":\"m\""},
    {"routes[].timeouts.connect", "11ms", "1ms"},
    {"routes[].timeouts.idle", "12ms", "1ms"},
    {"routes[].timeouts.half_close", "13ms", "1ms"},
    {"backends.NAME.balance", NULL, NULL},
    {"backends.NAME.tries", "\"tries\":2", "\"tries\":3"},
    {"backends.NAME.servers[].address", "10.0.0.1:1", "10.0.0.1:2"},
    {"backends.NAME.servers[].name", "\"name\":\"s\"", "\"name\":\"t\""},
    {"backends.NAME.servers[].weight", "\"weight\":3", "\"weight\":4"},
    {"default.backend",
     "\"policies\":{\"no_sni\":{\"backend\":\"two\"},\"unknown_sni\":{\"backend\":\"one\"},",
     "\"default\":{\"backend\":\"one\"},\"policies\":{"},
    {"policies.no_sni", "\"no_sni\":{\"backend\":\"two\"}", "\"no_sni\":\"close\""},
    {"policies.no_sni.backend", "\"two\"},\"unknown", "\"one\"},\"unknown"},
    {"policies.unknown_sni.backend", "\"one\"},\"not_tls", "\"two\"},\"not_tls"},
    {"policies.not_tls.backend", "\"one\"},\"malformed", "\"two\"},\"malformed"},
    {"policies.malformed", "\"malformed\":\"close\"", "\"malformed\":\"reset\""},
    {"policies.too_large", "\"too_large\":\"close\"", "\"too_large\":\"reset\""},
    {"policies.hello_timeout", "\"hello_timeout\":\"alert\"", "\"hello_timeout\":\"reset\""},
    {"policies.no_server", "\"no_server\":\"close\"", "\"no_server\":\"reset\""},
    {"policies.limit", "\"limit\":\"close\"", "\"limit\":\"reset\""},
    {"timeouts.hello", "21ms", "1ms"},
    {"timeouts.connect", "22ms", "1ms"},
    {"timeouts.idle", "23ms", "1ms"},
    {"timeouts.half_close", "24ms", "1ms"},
    {"timeouts.drain", "25ms", "1ms"},
    {"timeouts.drain_delay", "26ms", "1ms"},
    {"timeouts.drain_idle", "27ms", "1ms"},
    {"workers", "\"workers\":5", "\"workers\":6"},
    {"limits.connections", "\"connections\":6", "\"connections\":7"},
    {"limits.hello", "2k", "3k"},
    {"sockets.receive", "8k", "7k"},
    {"sockets.send", "\"9k\"", "\"7k\""},
    {"sockets.held", "700k", "800k"},
    {"log.access", "{\"path\":\"/log\",\"format\":\"logfmt\"}", "\"off\""},
    {"log.access.path", "/log", "/gol"},
    {"log.access.format", "\"format\":\"logfmt\"", "\"format\":\"haproxy\""},
    {"log.level", "\"level\":\"error\"", "\"level\":\"info\""},
    {"reload.watch", "\"watch\":false", "\"watch\":true"},
    {"reload.settle", "31ms", "1ms"},
    {"reload.poll", "32ms", "1ms"},
};

static struct config *load_whole(const char *text)
{
    struct diagnostics found = {0};
    struct config *config = config_load_text(text, strlen(text), "test", &found);

    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

static void replace(char *out, size_t size, const struct key_row *row)
{
    const char *at = strstr(all_keys, row->from);

    if (at == NULL || strstr(at + 1, row->from) != NULL)
        fail_msg("%s: %s is not there just once", row->key, row->from);
    snprintf(out, size, "%.*s%s%s", (int)(at - all_keys), all_keys, row->to,
             at + strlen(row->from));
}

static bool is_any(const struct config_difference *difference)
{
    static const struct config_difference none;

    return difference->settings ||
           memcmp(difference, &none, offsetof(struct config_difference, settings)) != 0;
}

static void each_key_is_compared(void **state)
{
    struct config *before = load_whole(all_keys);
    struct config_difference difference;
    char text[sizeof all_keys + 100];

    (void)state;
    for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++) {
        if (key_rows[i].from == NULL)
            continue;
        replace(text, sizeof text, &key_rows[i]);
        struct config *after = load_whole(text);
        assert_true(config_difference(before, after, &difference));
        if (!is_any(&difference))
            fail_msg("%s has changed, but no difference is told", key_rows[i].key);
        config_free(after);
    }
    config_free(before);
}

static bool is_list(const struct value_type *type)
{
    return type->kind == VALUE_LIST || type->kind == VALUE_ONE_OR_LIST || type->kind == VALUE_MAP;
}

static void expect_row(const char *key)
{
    for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++) {
        if (strcmp(key_rows[i].key, key) == 0)
            return;
    }
    fail_msg("a change of %s is not tried: it needs a row, and config_difference() a look", key);
}

static void on_object(void *context, const char *path, const struct value_type *type)
{
    char key[128];

    (void)context;
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        const struct value_type *inner = field->type;
        while (is_list(inner))
            inner = inner->item;
        snprintf(key, sizeof key, "%s%s%s", path, *path != '\0' ? "." : "", field->key);
        if (inner->fields == NULL) /* else the object's own keys are told */
            expect_row(key);
    }
}

static void each_key_of_the_table_is_tried(void **state)
{
    (void)state;
    fields_visit(on_object, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_counted_both_ways),
        cmocka_unit_test(at_first_everything_is_added),
        cmocka_unit_test(many_patterns_find_their_counterparts),
        cmocka_unit_test(each_key_is_compared),
        cmocka_unit_test(each_key_of_the_table_is_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
