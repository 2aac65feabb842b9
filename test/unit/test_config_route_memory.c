/*
 * Every allocation of the route table's builder fails once, the first, the second, and so on: the
 * builder says so, nothing leaks, nothing half-built comes out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long allocations_left = -1; /* until one fails; below zero: none fails */

static bool allocation_fails(void)
{
    if (allocations_left < 0)
        return false;
    return allocations_left-- == 0;
}

static void *counted_malloc(size_t bytes)
{
    return allocation_fails() ? NULL : malloc(bytes);
}

static void *counted_calloc(size_t count, size_t bytes)
{
    return allocation_fails() ? NULL : calloc(count, bytes);
}

static void *counted_realloc(void *old, size_t bytes)
{
    return allocation_fails() ? NULL : realloc(old, bytes);
}

static void *counted_reallocarray(void *old, size_t count, size_t bytes)
{
    return allocation_fails() ? NULL : reallocarray(old, count, bytes);
}

static void *counted_aligned_alloc(size_t alignment, size_t bytes)
{
    return allocation_fails() ? NULL : aligned_alloc(alignment, bytes);
}

/* The sources themselves, so that it is their calls that are counted. */
#define malloc        counted_malloc
#define calloc        counted_calloc
#define realloc       counted_realloc
#define reallocarray  counted_reallocarray
#define aligned_alloc counted_aligned_alloc
#include "config/route_build.c"
#include "config/route_conflicts.c"
#undef malloc
#undef calloc
#undef realloc
#undef reallocarray
#undef aligned_alloc

static void count_conflict(void *context, const struct route_conflict *conflict)
{
    assert_true(conflict->first < conflict->second);
    ++*(size_t *)context;
}

struct outcome {
    bool no_memory;
    size_t conflicts;
    struct route_table *table;
};

/* `names` different names, each of two routes, of which the first 20 tie when asked to. */
static struct outcome build_once(const struct route *routes, uint32_t names, bool ties)
{
    struct outcome outcome = {.no_memory = true};
    struct route_builder *builder = route_builder_new(routes, 0);

    if (builder == NULL)
        return outcome;
    for (uint32_t i = 0; i < 2 * names; i++) {
        char name[300];
        bool same = ties && i / 2 < 20;
        int len = snprintf(name, sizeof name, "%s%u.%0200u.test", i % 4 < 2 ? "**." : "",
                           same ? i % 2 : i / 2, 0);
        if (!route_builder_add(builder, name, (size_t)len, i)) {
            route_builder_abandon(builder);
            return outcome;
        }
    }
    outcome.table =
        route_builder_finish(builder, count_conflict, &outcome.conflicts, &outcome.no_memory);
    return outcome;
}

/* Fails one allocation after the other until a build needs no further one. Returns how many. */
static long fail_each(const struct route *routes, uint32_t names, bool ties)
{
    for (long nth = 0;; nth++) {
        allocations_left = nth;
        struct outcome outcome = build_once(routes, names, ties);
        bool failed = allocations_left < 0;
        allocations_left = -1;
        if (!failed) {
            assert_false(outcome.no_memory);
            assert_int_equal(outcome.table == NULL, ties);
            assert_int_equal(outcome.conflicts > 0, ties);
            route_table_free(outcome.table);
            return nth;
        }
        assert_true(outcome.no_memory);
        assert_null(outcome.table);
    }
}

static struct route *routes_of_two_kinds(size_t count)
{
    static const struct network networks[] = {{.bits = 8, .ip = {10}}, {.bits = 8, .ip = {11}}};
    static const struct route_conditions when[] = {{.from = &networks[0], .from_count = 1},
                                                   {.from = &networks[1], .from_count = 1}};
    struct route *routes = calloc(count, sizeof *routes);

    assert_non_null(routes);
    for (size_t i = 0; i < count; i++)
        routes[i].when = &when[i % 2];
    return routes;
}

static void a_small_build_survives(void **state)
{
    (void)state;
    struct route *routes = routes_of_two_kinds(60);
    assert_in_range(fail_each(routes, 30, false), 30, 200);
    free(routes);
}

static void a_build_with_conflicts_survives(void **state)
{
    (void)state;
    struct route *routes = routes_of_two_kinds(60);
    assert_in_range(fail_each(routes, 30, true), 10, 200);
    free(routes);
}

/* Texts of more than two megabytes, which are allocated in another way. */
static void a_large_build_survives(void **state)
{
    (void)state;
    enum { NAMES = 6000 };
    struct route *routes = calloc(2 * NAMES, sizeof *routes);
    static const struct route_conditions none;
    static const char *const alpn[] = {"h2"};
    static const struct route_conditions some = {.alpn = alpn, .alpn_count = 1};
    for (size_t i = 0; i < 2 * NAMES; i++)
        routes[i].when = i % 2 ? &some : &none;
    assert_in_range(fail_each(routes, NAMES, false), 10, 200);
    free(routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_build_survives),
        cmocka_unit_test(a_build_with_conflicts_survives),
        cmocka_unit_test(a_large_build_survives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
