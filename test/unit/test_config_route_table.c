/* The route table: precedence, conditions, conflicts, limits; and against a model, at random. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/route_build.h"
#include "config/route_table_inside.h"
#include "sni/build.h"
#include "sni/hello.h"
#include "test/support/guard_page.h"
#include "test/support/route_model.h"

/* --- helpers --- */

struct told {
    size_t count;
    struct route_conflict first, last;
};

static void on_conflict(void *context, const struct route_conflict *conflict)
{
    struct told *told = context;

    if (told->count++ == 0)
        told->first = *conflict;
    told->last = *conflict;
}

/* Pattern i is of route i; NULL ends the list. */
static struct route_table *build_telling(const struct route *routes, const char *const *patterns,
                                         struct told *told)
{
    struct route_builder *builder = route_builder_new(routes, 0);

    assert_non_null(builder);
    for (uint32_t i = 0; patterns[i] != NULL; i++)
        assert_true(route_builder_add(builder, patterns[i], strlen(patterns[i]), i));
    bool no_memory = true;
    struct route_table *table = route_builder_finish(builder, on_conflict, told, &no_memory);
    assert_false(no_memory);
    return table;
}

static struct route_table *build_table(const struct route *routes, const char *const *patterns)
{
    struct told told = {0};
    struct route_table *table = build_telling(routes, patterns, &told);

    assert_non_null(table);
    assert_int_equal(told.count, 0);
    return table;
}

static struct route_query query_of(const char *host)
{
    return (struct route_query){.host = host, .host_len = strlen(host), .listener = CONFIG_NONE};
}

static uint32_t find(const struct route_table *table, const char *host)
{
    struct route_query query = query_of(host);

    return route_table_find(table, &query);
}

/* --- names --- */

static void names_are_matched_by_specificity(void **state)
{
    (void)state;
    static const char *const patterns[] = {"**.example.com",
                                           "*.example.com",
                                           "shop.example.com",
                                           "**.a.example.com",
                                           "*.a.example.com",
                                           "example.org",
                                           "**.com",
                                           "*.org",
                                           "x.b.a.example.com",
                                           "**.apps.test",
                                           NULL};
    static const struct {
        const char *host;
        uint32_t route;
    } cases[] = {{"shop.example.com", 2},
                 {"blog.example.com", 1},
                 {"example.com", 6},
                 {"a.example.com", 1},
                 {"b.a.example.com", 4},
                 {"c.b.a.example.com", 3},
                 {"x.b.a.example.com", 8},
                 {"y.x.b.example.com", 0},
                 {"www.shop.example.com", 0},
                 {"example.org", 5},
                 {"other.org", 7},
                 {"www.example.org", ROUTE_NONE},
                 {"com", ROUTE_NONE},
                 {"other.com", 6},
                 {"deep.other.com", 6},
                 {"apps.test", ROUTE_NONE},
                 {"one.apps.test", 9},
                 {"two.one.apps.test", 9},
                 {"shop.example.co", ROUTE_NONE},
                 {"xshop.example.com", 1},
                 {"xexample.com", 6},
                 {"org", ROUTE_NONE},
                 {"", ROUTE_NONE}};
    struct route routes[10] = {{.name = "any"}};
    struct route_table *table = build_table(routes, patterns);
    assert_int_equal(route_table_patterns(table), 10);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (find(table, cases[i].host) != cases[i].route)
            fail_msg("%s: route %u, not %u", cases[i].host, find(table, cases[i].host),
                     cases[i].route);
    }
    route_table_free(table);
}

static void an_empty_table_knows_nothing(void **state)
{
    (void)state;
    static const char *const patterns[] = {NULL};
    struct route_table *table = build_table(NULL, patterns);
    assert_int_equal(find(table, "example.com"), ROUTE_NONE);
    assert_int_equal(route_table_patterns(table), 0);
    route_table_free(table);
    route_table_free(NULL);
    route_builder_abandon(route_builder_new(NULL, 1));
    route_builder_abandon(NULL);
}

/* 127 labels, and a wildcard on each level below. */
static void the_deepest_name_finds_every_level(void **state)
{
    (void)state;
    enum { LABELS = 127 };
    struct route *routes = calloc(LABELS, sizeof *routes);
    struct route_builder *builder = route_builder_new(routes, LABELS);
    char name[HOSTNAME_MAX + 3];
    for (size_t i = 0; i < LABELS; i++)
        memcpy(name + 2 * i, "a.", 2);
    for (uint32_t labels = 1; labels < LABELS; labels++) {
        char pattern[HOSTNAME_MAX + 4];
        int len = snprintf(pattern, sizeof pattern, "**.%.*s", (int)(2 * labels - 1), name);
        assert_true(route_builder_add(builder, pattern, (size_t)len, labels));
    }
    bool no_memory;
    struct route_table *table = route_builder_finish(builder, on_conflict, NULL, &no_memory);
    assert_non_null(table);
    for (uint32_t labels = 1; labels <= LABELS; labels++) {
        struct route_query query = {.host = name, .host_len = 2 * labels - 1};
        assert_int_equal(route_table_find(table, &query), labels == 1 ? ROUTE_NONE : labels - 1);
        name[0] = 'b';
        assert_int_equal(route_table_find(table, &query), labels == 1 ? ROUTE_NONE : labels - 1);
        name[0] = 'a';
    }
    route_table_free(table);
    free(routes);
}

/* Names with room in an entry and names without, twins that differ in their last byte alone. */
static void names_of_every_length_are_told_apart(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"", "*.", "**."};
    enum { SHORTEST = 2, LONGEST = HOSTNAME_MAX - 2, ROUTES = 6 * (LONGEST + 1) };
    struct route *routes = calloc(ROUTES, sizeof *routes);
    struct route_builder *builder = route_builder_new(routes, 0);
    char name[2 + LONGEST + 1];
    memset(name, 'a', sizeof name);
    memcpy(name, "w.", 2);
    for (uint32_t i = 6 * SHORTEST; i < ROUTES; i++) {
        char pattern[LONGEST + 4];
        int len = snprintf(pattern, sizeof pattern, "%s%.*s%c", prefixes[i % 3], (int)(i / 6 - 1),
                           name + 2, "xy"[i / 3 % 2]);
        assert_true(route_builder_add(builder, pattern, (size_t)len, i));
    }
    bool no_memory;
    struct route_table *table = route_builder_finish(builder, on_conflict, NULL, &no_memory);
    assert_non_null(table);
    assert_int_equal(route_table_patterns(table), ROUTES - 6 * SHORTEST);
    for (uint32_t i = 6 * SHORTEST; i < ROUTES; i += 3) {
        struct route_query query = {.host = name, .host_len = 2 + i / 6};
        name[query.host_len - 1] = "xy"[i / 3 % 2];
        assert_int_equal(route_table_find(table, &query), i + 1); /* `*.` before `**.` */
        query.host += 2;
        query.host_len -= 2;
        assert_int_equal(route_table_find(table, &query), i);
        name[i / 6 + 1] = 'z';
        assert_int_equal(route_table_find(table, &query), ROUTE_NONE);
        name[i / 6 + 1] = 'a';
    }
    route_table_free(table);
    free(routes);
}

/* A host name as long as allowed, on the wire with nothing behind it. */
static void no_byte_behind_the_name_is_read(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a.bc", "*.bc", "**.bc", "bc", "**.b.c", NULL};
    struct route routes[5] = {{.name = "any"}};
    struct route_table *table = build_table(routes, patterns);
    struct guard_page guard;
    guard_page_open(&guard, HOSTNAME_MAX);
    char longest[HOSTNAME_MAX];
    memset(longest, 'a', sizeof longest);
    for (size_t len = 1; len <= sizeof longest; len++) {
        const uint8_t *placed = guard_page_place(&guard, (const uint8_t *)longest, len);
        struct route_query query = {.host = (const char *)placed, .host_len = len};
        assert_int_equal(route_table_find(table, &query), ROUTE_NONE);
    }
    for (size_t len = 1; len <= 6; len++) { /* "a.bc.b" cut anywhere */
        static const uint32_t expected[] = {ROUTE_NONE, ROUTE_NONE, ROUTE_NONE,
                                            0,          ROUTE_NONE, ROUTE_NONE};
        const uint8_t *placed = guard_page_place(&guard, (const uint8_t *)"a.bc.b", len);
        struct route_query query = {.host = (const char *)placed, .host_len = len};
        assert_int_equal(route_table_find(table, &query), expected[len - 1]);
    }
    guard_page_close(&guard);
    route_table_free(table);
}

/* --- conditions --- */

static const char *const acme[] = {"acme-tls/1"};
static const char *const http[] = {"h2", "http/1.1"};
static const uint32_t first_listener[] = {0};
static const uint32_t other_listeners[] = {1, 2};
static const struct network lan[] = {{.bits = 8, .ip = {10}},
                                     {.v6 = true, .bits = 7, .ip = {0xfc}}};
static const struct network office[] = {{.bits = 20, .ip = {192, 0, 16}}};

static const struct route_conditions when_acme = {.alpn = acme, .alpn_count = 1};
static const struct route_conditions when_http = {.alpn = http, .alpn_count = 2};
static const struct route_conditions when_lan = {.from = lan, .from_count = 2};
static const struct route_conditions when_office = {.from = office, .from_count = 1};
static const struct route_conditions when_first = {.listeners = first_listener,
                                                   .listener_count = 1};
static const struct route_conditions when_others = {.listeners = other_listeners,
                                                    .listener_count = 2};
static const struct route_conditions when_acme_lan = {
    .alpn = acme, .alpn_count = 1, .from = lan, .from_count = 2};
static const struct route_conditions when_nothing;

static void offer(struct client_hello *hello, uint8_t bytes[4096], const char *const *alpn,
                  size_t count)
{
    struct hello_spec spec;

    hello_spec_init(&spec, "shop.test");
    spec.alpn = alpn;
    spec.alpn_count = count;
    size_t len = hello_build(&spec, bytes, 4096);
    assert_int_equal(hello_parse(bytes, len, HELLO_LIMIT_DEFAULT, hello), HELLO_OK);
}

static void more_conditions_win_and_failures_go_on(void **state)
{
    (void)state;
    static const char *const patterns[] = {"shop.test", "shop.test",  "shop.test", "*.test",
                                           "**.test",   "alone.test", "*.test",    NULL};
    const struct route routes[] = {{.when = NULL},           {.when = &when_acme},
                                   {.when = &when_acme_lan}, {.when = &when_lan},
                                   {.when = &when_nothing},  {.when = &when_acme_lan},
                                   {.when = &when_office}};
    uint8_t bytes[4096];
    struct client_hello hello;
    offer(&hello, bytes, acme, 1);
    static const uint8_t inside[] = {10, 1, 2, 3}, outside[] = {11, 1, 2, 3};
    struct route_table *table = build_table(routes, patterns);

    struct route_query query = query_of("shop.test");
    assert_int_equal(route_table_find(table, &query), 0); /* offers nothing, comes from nowhere */
    query.hello = &hello;
    assert_int_equal(route_table_find(table, &query), 1);
    query.client_ip = outside;
    assert_int_equal(route_table_find(table, &query), 1);
    query.client_ip = inside;
    assert_int_equal(route_table_find(table, &query), 2);

    query = query_of("alone.test"); /* fails there, and goes on to the wildcards */
    query.hello = &hello;
    query.client_ip = inside;
    assert_int_equal(route_table_find(table, &query), 5);
    query.hello = NULL;
    assert_int_equal(route_table_find(table, &query), 3);
    query.client_ip = outside;
    assert_int_equal(route_table_find(table, &query), 4);
    route_table_free(table);
}

static void networks_are_matched_by_their_bits(void **state)
{
    (void)state;
    static const struct network networks[] = {
        {.bits = 20, .ip = {192, 0, 16, 99}}, /* bits behind the 20th mean nothing */
        {.bits = 32, .ip = {198, 51, 100, 7}},
        {.v6 = true, .bits = 33, .ip = {0x20, 0x01, 0x0d, 0xb8, 0x80}},
        {.v6 = true, .bits = 128, .ip = {[15] = 1}}};
    static const struct {
        uint8_t ip[16];
        bool v6, inside;
    } cases[] = {{{192, 0, 16, 0}, false, true},
                 {{192, 0, 31, 255}, false, true},
                 {{192, 0, 32, 0}, false, false},
                 {{192, 0, 15, 255}, false, false},
                 {{198, 51, 100, 7}, false, true},
                 {{198, 51, 100, 6}, false, false},
                 {{0x20, 0x01, 0x0d, 0xb8, 0xff}, true, true},
                 {{0x20, 0x01, 0x0d, 0xb8, 0x7f}, true, false},
                 {{[15] = 1}, true, true},
                 {{[15] = 0}, true, false},
                 {{192, 0, 16, 1}, true, false},
                 {{0x20, 0x01, 0x0d, 0xb8}, false, false}};
    static const char *const patterns[] = {"a.test", NULL};
    const struct route_conditions when = {.from = networks, .from_count = 4};
    const struct route routes[] = {{.when = &when}};
    struct route_table *table = build_table(routes, patterns);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct route_query query = query_of("a.test");
        query.client_ip = cases[i].ip;
        query.client_v6 = cases[i].v6;
        if ((route_table_find(table, &query) == 0) != cases[i].inside)
            fail_msg("address %zu", i);
    }
    route_table_free(table);

    static const struct network all4[] = {{.bits = 0}};
    const struct route_conditions any4 = {.from = all4, .from_count = 1};
    const struct route only4[] = {{.when = &any4}};
    table = build_table(only4, patterns);
    struct route_query query = query_of("a.test");
    assert_int_equal(route_table_find(table, &query), ROUTE_NONE);
    query.client_ip = cases[0].ip;
    assert_int_equal(route_table_find(table, &query), 0);
    query.client_v6 = true;
    assert_int_equal(route_table_find(table, &query), ROUTE_NONE);
    route_table_free(table);
}

static void listeners_are_matched_by_index(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a.test", "a.test", "a.test", NULL};
    const struct route routes[] = {{.when = &when_others}, {.when = &when_first}, {.when = NULL}};
    static const uint32_t expected[] = {1, 0, 0, 2};
    struct route_table *table = build_table(routes, patterns);
    struct route_query query = query_of("a.test");
    for (query.listener = 0; query.listener < 4; query.listener++)
        assert_int_equal(route_table_find(table, &query), expected[query.listener]);
    query.listener = CONFIG_NONE;
    assert_int_equal(route_table_find(table, &query), 2);
    route_table_free(table);
}

/* --- explaining --- */

struct heard {
    size_t count;
    struct route_candidate candidates[8];
};

static void on_candidate(void *context, const struct route_candidate *candidate)
{
    struct heard *heard = context;

    assert_true(heard->count < 8);
    heard->candidates[heard->count++] = *candidate;
}

static void candidates_are_told_in_order(void **state)
{
    (void)state;
    static const char *const patterns[] = {"shop.test", "shop.test", "shop.test",
                                           "*.test",    "**.test",   NULL};
    const struct route routes[] = {{.when = NULL},
                                   {.when = &when_first},
                                   {.when = &when_acme_lan},
                                   {.when = &when_lan},
                                   {.when = NULL}};
    static const struct {
        const char *pattern;
        uint32_t route;
        enum route_verdict verdict;
    } expected[] = {{"shop.test", 2, ROUTE_FAILED_ALPN},
                    {"shop.test", 1, ROUTE_FAILED_LISTENER},
                    {"shop.test", 0, ROUTE_WON},
                    {"*.test", 3, ROUTE_FAILED_FROM},
                    {"**.test", 4, ROUTE_BEATEN}};
    struct route_table *table = build_table(routes, patterns);
    struct route_query query = query_of("shop.test");
    struct heard heard = {0};
    route_table_explain(table, &query, on_candidate, &heard);
    assert_int_equal(heard.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(heard.candidates[i].pattern_len, strlen(expected[i].pattern));
        assert_memory_equal(heard.candidates[i].pattern, expected[i].pattern,
                            strlen(expected[i].pattern));
        assert_int_equal(heard.candidates[i].route, expected[i].route);
        assert_int_equal(heard.candidates[i].verdict, expected[i].verdict);
    }
    route_table_free(table);
}

/* --- conflicts --- */

static void routes_that_could_tie_are_refused(void **state)
{
    (void)state;
    static const struct network lan_part[] = {{.bits = 16, .ip = {10, 7}}};
    static const uint32_t second_listener[] = {2};
    static const struct route_conditions part = {.from = lan_part, .from_count = 1};
    static const struct route_conditions second = {.listeners = second_listener,
                                                   .listener_count = 1};
    static const struct route_conditions lan_first = {
        .from = lan, .from_count = 2, .listeners = first_listener, .listener_count = 1};
    static const struct route_conditions part_others = {
        .from = lan_part, .from_count = 1, .listeners = other_listeners, .listener_count = 2};
    static const struct {
        const struct route_conditions *a, *b;
        bool tie, duplicate;
    } cases[] = {
        {NULL, NULL, true, true},
        {NULL, &when_nothing, true, true},
        {NULL, &when_acme, false, false},
        {&when_acme, &when_http, true, false}, /* a client may offer both */
        {&when_acme, &when_lan, true, false},
        {&when_lan, &when_first, true, false},
        {&when_lan, &when_office, false, false},
        {&when_lan, &part, true, false},
        {&when_office, &part, false, false},
        {&when_first, &when_others, false, false},
        {&second, &when_others, true, false},
        {&lan_first, &part_others, false, false},
        {&when_acme_lan, &part_others, true, false},
        {&when_acme_lan, &when_lan, false, false},
    };
    static const char *const patterns[] = {"*.test", "*.test", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct route routes[] = {{.when = cases[i].a}, {.when = cases[i].b}};
        struct told told = {0};
        struct route_table *table = build_telling(routes, patterns, &told);
        if (told.count != (cases[i].tie ? 1 : 0) || (table == NULL) != cases[i].tie ||
            told.first.duplicate != cases[i].duplicate ||
            told.first.second != (cases[i].tie ? 1 : 0))
            fail_msg("case %zu: %zu conflicts", i, told.count);
        route_table_free(table);
    }
}

static void the_same_route_twice_is_no_conflict(void **state)
{
    (void)state;
    const struct route routes[] = {{.when = NULL}};
    struct route_builder *builder = route_builder_new(routes, 2);
    assert_true(route_builder_add(builder, "a.test", 6, 0));
    assert_true(route_builder_add(builder, "a.test", 6, 0));
    bool no_memory;
    struct route_table *table = route_builder_finish(builder, on_conflict, NULL, &no_memory);
    assert_non_null(table);
    assert_int_equal(find(table, "a.test"), 0);
    assert_int_equal(route_table_patterns(table), 1);
    route_table_free(table);
}

/* A large mistake is told route by route, not pair by pair. */
static void many_equal_routes_are_each_told_once(void **state)
{
    (void)state;
    enum { ROUTES = 100000 };
    struct route *routes = calloc(ROUTES, sizeof *routes);
    for (int conditions = 0; conditions < 2; conditions++) {
        struct route_builder *builder = route_builder_new(routes, ROUTES);
        for (uint32_t i = 0; i < ROUTES; i++) {
            routes[i].when = conditions ? &when_acme_lan : NULL;
            assert_true(route_builder_add(builder, "shop.test", 9, i));
        }
        struct told told = {0};
        bool no_memory = true;
        assert_null(route_builder_finish(builder, on_conflict, &told, &no_memory));
        assert_false(no_memory);
        assert_int_equal(told.count, ROUTES - 1);
        assert_int_equal(told.last.first, 0);
        assert_int_equal(told.last.second, ROUTES - 1);
    }
    free(routes);
}

/* Each client its own route: legal, and the builder must not compare each with each. */
static void many_disjoint_networks_build_and_match(void **state)
{
    (void)state;
    enum { ROUTES = 50000 };
    struct route *routes = calloc(ROUTES, sizeof *routes);
    struct route_conditions *when = calloc(ROUTES, sizeof *when);
    struct network *networks = calloc(ROUTES, sizeof *networks);
    struct route_builder *builder = route_builder_new(routes, ROUTES);
    for (uint32_t i = 0; i < ROUTES; i++) {
        networks[i] = (struct network){
            .bits = 32, .ip = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        when[i] = (struct route_conditions){.from = &networks[i], .from_count = 1};
        routes[i].when = &when[i];
        assert_true(route_builder_add(builder, "shop.test", 9, i));
    }
    bool no_memory;
    struct route_table *table = route_builder_finish(builder, on_conflict, NULL, &no_memory);
    assert_non_null(table);
    struct route_query query = query_of("shop.test");
    for (uint32_t i = 0; i < ROUTES; i += 4999) {
        query.client_ip = networks[i].ip;
        assert_int_equal(route_table_find(table, &query), i);
    }
    route_table_free(table);
    free(networks);
    free(when);
    free(routes);
}

/* --- many --- */

/* Large enough for every path of the builder that small tables do not take. */
static void a_large_table_knows_every_name(void **state)
{
    (void)state;
    enum { ROUTES = 300000 };
    static const char *const prefixes[] = {"", "*.", "", "**."};
    struct route *routes = calloc(ROUTES, sizeof *routes);
    struct route_builder *builder = route_builder_new(routes, 0);
    char name[64];
    for (uint32_t i = 0; i < ROUTES; i++) {
        int len = snprintf(name, sizeof name, "%sc%u.example.com", prefixes[i % 4], i);
        assert_true(route_builder_add(builder, name, (size_t)len, i));
    }
    bool no_memory;
    struct route_table *table = route_builder_finish(builder, on_conflict, NULL, &no_memory);
    assert_non_null(table);
    assert_int_equal(route_table_patterns(table), ROUTES);
    assert_in_range(route_table_bytes(table), 1, (size_t)ROUTES * 100);
    for (uint32_t i = 0; i < ROUTES; i++) {
        (void)snprintf(name, sizeof name, "%sc%u.example.com", i % 2 ? "w." : "", i);
        assert_int_equal(find(table, name), i);
        (void)snprintf(name, sizeof name, "%sc%u.example.com", i % 2 ? "" : "w.", i);
        assert_int_equal(find(table, name), ROUTE_NONE);
    }
    route_table_free(table);
    free(routes);
}

static void random_tables_agree_with_the_rules(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 1500; round++) {
        uint8_t bytes[4096];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(seed >> 56);
        }
        route_model_check(bytes, sizeof bytes);
    }
}

/* A place whose tag differs is never looked at: a free one holds stale bytes of other tables. */
static void tags_are_told_apart(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 200000; round++) {
        seed = seed * 1664525u + 1013904223u;
        uint64_t tag = 1 + (seed >> 8) % 255;
        uint64_t tags = 0, expected = 0;
        for (int place = 0; place < 8; place++) {
            seed = seed * 1664525u + 1013904223u;
            /* equal, free, one bit apart, and anything */
            uint64_t choices[] = {tag, 0, tag ^ 1, (seed >> 16) & 0xff};
            uint64_t byte = choices[seed >> 9 & 3];
            tags |= byte << 8 * place;
            expected |= byte == tag ? UINT64_C(0x80) << 8 * place : 0;
        }
        assert_true(route_tags_equal(tags, tag) == expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_told_apart),
        cmocka_unit_test(names_are_matched_by_specificity),
        cmocka_unit_test(an_empty_table_knows_nothing),
        cmocka_unit_test(the_deepest_name_finds_every_level),
        cmocka_unit_test(names_of_every_length_are_told_apart),
        cmocka_unit_test(no_byte_behind_the_name_is_read),
        cmocka_unit_test(more_conditions_win_and_failures_go_on),
        cmocka_unit_test(networks_are_matched_by_their_bits),
        cmocka_unit_test(listeners_are_matched_by_index),
        cmocka_unit_test(candidates_are_told_in_order),
        cmocka_unit_test(routes_that_could_tie_are_refused),
        cmocka_unit_test(the_same_route_twice_is_no_conflict),
        cmocka_unit_test(many_equal_routes_are_each_told_once),
        cmocka_unit_test(many_disjoint_networks_build_and_match),
        cmocka_unit_test(a_large_table_knows_every_name),
        cmocka_unit_test(random_tables_agree_with_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
