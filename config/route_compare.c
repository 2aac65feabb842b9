#include "config/route_compare.h"

#include <xxhash.h>

#include "config/route_table.h"
#include "config/route_table_inside.h"

struct compare {
    const struct route_table *before, *after;
    bool (*same)(void *context, uint32_t before, uint32_t after);
    void *context;
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

/* The entry of the same pattern in another table, or NULL. */
static const struct route_entry *counterpart(const struct route_table *table,
                                             const struct route_entry *entry)
{
    enum pattern_kind kind = kind_of(entry);
    const char *suffix = route_entry_text(entry) + entry->prefix_len;
    uint64_t hash = XXH3_64bits_withSeed(suffix, entry->suffix_len, table->seed);

    assert(route_prefix_len(kind) == entry->prefix_len);
    return route_table_entry(table, kind, route_hash_of_kind(hash, kind), suffix,
                             entry->suffix_len);
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

void route_table_compare(const struct route_table *before, const struct route_table *after,
                         bool (*same)(void *context, uint32_t before, uint32_t after),
                         void *context, struct route_table_change *change)
{
    struct compare compare = {.before = before, .after = after, .same = same, .context = context};
    size_t common = 0;

    *change = (struct route_table_change){0};
    for (uint64_t i = 0; i < before->groups * ROUTE_GROUP; i++) {
        if ((before->tags[i / ROUTE_GROUP] >> 8 * (i % ROUTE_GROUP) & 0xff) == 0)
            continue;
        const struct route_entry *entry = &before->entries[i];
        const struct route_entry *other = counterpart(after, entry);
        if (other == NULL)
            continue;
        common++;
        change->changed += !have_same_routes(&compare, entry, other);
    }
    assert(common <= before->patterns && common <= after->patterns);
    change->removed = before->patterns - common;
    change->added = after->patterns - common;
}
