#include "config/route_compare.h"

#include "config/route.h"
#include "config/route_table.h"
#include "config/route_table_inside.h"
#include "config/text/hash.h"

/*
 * Neighbours in one table are strangers in the other, so every pattern waits for memory four times:
 * tags and entry there, both routes, both names. So many patterns wait together, step by step,
 * which takes a fifth of the time for a million of them.
 */
#define TOGETHER 32

struct compare {
    const struct route_table *before, *after;
    bool (*same)(void *context, uint32_t before, uint32_t after);
    void *context;
    struct route_table_change *change;
    size_t common;

    size_t count; /* of those that wait */
    struct waiting {
        const struct route_entry *entry, *other;
        uint64_t hash; /* in the other table */
    } waiting[TOGETHER];
};

/* The routes under a pattern, by precedence. */
static const uint32_t *routes_of(const struct route_table *table, const struct route_entry *entry,
                                 uint32_t *count)
{
    if (entry->shape != ENTRY_LIST) {
        *count = 1;
        return &entry->route;
    }
    *count = table->lists[entry->route];
    return &table->lists[entry->route + 1];
}

static enum pattern_kind kind_of(const struct route_entry *entry)
{
    return entry->prefix_len == 0 ? PATTERN_EXACT : (enum pattern_kind)(entry->prefix_len - 1);
}

/* Of the first route of a pattern; nearly every pattern has but one. */
static void fetch_route(const struct route_table *table, const struct route_entry *entry)
{
    if (entry->shape != ENTRY_LIST)
        __builtin_prefetch(&table->routes[entry->route]);
}

static void fetch_name(const struct route_table *table, const struct route_entry *entry)
{
    if (entry->shape != ENTRY_LIST)
        __builtin_prefetch(table->routes[entry->route].name);
}

static bool have_same_routes(const struct compare *compare, const struct route_entry *one,
                             const struct route_entry *other)
{
    uint32_t count, other_count;
    const uint32_t *routes = routes_of(compare->before, one, &count);
    const uint32_t *others = routes_of(compare->after, other, &other_count);

    if (count != other_count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!compare->same(compare->context, routes[i], others[i]))
            return false;
    }
    return true;
}

/* An entry of `before` waits for memory of `after`. */
static void wait_for_counterpart(struct compare *compare, const struct route_entry *entry)
{
    const struct route_table *after = compare->after;
    enum pattern_kind kind = kind_of(entry);
    uint64_t hash =
        hash_bytes(route_entry_text(entry) + entry->prefix_len, entry->suffix_len, after->seed);
    struct waiting *waiting = &compare->waiting[compare->count++];

    assert(route_prefix_len(kind) == entry->prefix_len);
    waiting->entry = entry;
    waiting->hash = route_hash_of_kind(hash, kind);
    uint64_t group = route_hash_group(after, waiting->hash);
    __builtin_prefetch(&after->tags[group]);
    __builtin_prefetch(&after->entries[group * ROUTE_GROUP + route_hash_place(waiting->hash)]);
}

static void compare_waiting(struct compare *compare)
{
    struct waiting *const end = compare->waiting + compare->count;

    for (struct waiting *w = compare->waiting; w < end; w++) {
        w->other = route_table_entry(compare->after, kind_of(w->entry), w->hash,
                                     route_entry_text(w->entry) + w->entry->prefix_len,
                                     w->entry->suffix_len);
        if (w->other == NULL)
            continue;
        fetch_route(compare->before, w->entry);
        fetch_route(compare->after, w->other);
    }
    for (struct waiting *w = compare->waiting; w < end; w++) {
        if (w->other == NULL)
            continue;
        fetch_name(compare->before, w->entry);
        fetch_name(compare->after, w->other);
    }
    for (struct waiting *w = compare->waiting; w < end; w++) {
        if (w->other == NULL)
            continue;
        compare->common++;
        compare->change->changed += !have_same_routes(compare, w->entry, w->other);
    }
    compare->count = 0;
}

void route_table_compare(const struct route_table *before, const struct route_table *after,
                         bool (*same)(void *context, uint32_t before, uint32_t after),
                         void *context, struct route_table_change *change)
{
    struct compare compare = {
        .before = before, .after = after, .same = same, .context = context, .change = change};

    *change = (struct route_table_change){0};
    for (uint64_t i = 0; i < before->groups * ROUTE_GROUP; i++) {
        if ((before->tags[i / ROUTE_GROUP] >> 8 * (i % ROUTE_GROUP) & 0xff) == 0)
            continue;
        wait_for_counterpart(&compare, &before->entries[i]);
        if (compare.count == TOGETHER)
            compare_waiting(&compare);
    }
    compare_waiting(&compare);
    assert(compare.common <= before->patterns && compare.common <= after->patterns);
    change->removed = before->patterns - compare.common;
    change->added = after->patterns - compare.common;
}
