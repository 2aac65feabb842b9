/*
 * Looking names up. The order of precedence is written once, in visit_patterns(); finding and
 * explaining are two visitors of it.
 */

#include "config/route_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/route_match.h"
#include "config/route_table_inside.h"
#include "config/text/hash.h"

/* Called for a pattern that the name matches; true ends the visit. */
typedef bool entry_visitor(void *context, const struct route_entry *entry);

/* `hash` is of the suffix alone. */
static inline bool visit_one(const struct route_table *table, enum pattern_kind kind, uint64_t hash,
                             const char *suffix, size_t len, entry_visitor *on_entry, void *context)
{
    const struct route_entry *entry =
        route_table_entry(table, kind, route_hash_of_kind(hash, kind), suffix, len);

    return entry != NULL && on_entry(context, entry);
}

static unsigned count_labels(const char *name, size_t len)
{
    unsigned labels = 1;

    for (size_t i = 0; i < len; i++)
        labels += name[i] == '.';
    return labels;
}

static inline bool uses_level(const struct route_table *table, enum pattern_kind kind,
                              unsigned labels)
{
    return labels < 128 && (table->levels[kind][labels / 64] >> labels % 64 & 1) != 0;
}

/* Every wildcard the name matches: the longest suffix first. */
static inline void visit_wildcards(const struct route_table *table, const char *host, size_t len,
                                   entry_visitor *on_entry, void *context)
{
    const char *suffix = host;
    const char *end = host + len;
    unsigned labels = count_labels(host, len);

    for (unsigned level = labels - 1; level > 0; level--) {
        suffix = (const char *)memchr(suffix, '.', (size_t)(end - suffix)) + 1;
        bool one = level == labels - 1 && uses_level(table, PATTERN_ONE, level);
        bool many = uses_level(table, PATTERN_MANY, level);
        if (!one && !many)
            continue;
        size_t suffix_len = (size_t)(end - suffix);
        uint64_t hash = hash_bytes(suffix, suffix_len, table->seed);
        if (one && visit_one(table, PATTERN_ONE, hash, suffix, suffix_len, on_entry, context))
            return;
        if (many && visit_one(table, PATTERN_MANY, hash, suffix, suffix_len, on_entry, context))
            return;
    }
}

/* Every pattern the name matches, in the order of precedence. */
static inline void visit_patterns(const struct route_table *table, const char *host, size_t len,
                                  entry_visitor *on_entry, void *context)
{
    uint64_t hash = hash_bytes(host, len, table->seed);

    if (visit_one(table, PATTERN_EXACT, hash, host, len, on_entry, context))
        return;
    if (table->wildcards)
        visit_wildcards(table, host, len, on_entry, context);
}

/* The routes under a pattern, by precedence. */
static const uint32_t *entry_routes(const struct route_table *table,
                                    const struct route_entry *entry, uint32_t *count)
{
    if (entry->shape != ENTRY_LIST) {
        *count = 1;
        return &entry->route;
    }
    *count = table->lists[entry->route];
    return &table->lists[entry->route + 1];
}

struct finder {
    const struct route_table *table;
    const struct route_query *query;
    struct route_hit hit;
};

static bool hit(struct finder *finder, const struct route_entry *entry, uint32_t route)
{
    finder->hit =
        (struct route_hit){.route = route, .pattern = {entry->prefix_len, entry->suffix_len}};
    return true;
}

static bool on_entry_find(void *context, const struct route_entry *entry)
{
    struct finder *finder = context;

    if (entry->shape == ENTRY_PLAIN) /* saves the look at the route itself */
        return hit(finder, entry, entry->route);
    uint32_t count;
    const uint32_t *routes = entry_routes(finder->table, entry, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (route_judge(&finder->table->routes[routes[i]], finder->query) == ROUTE_WON)
            return hit(finder, entry, routes[i]);
    }
    return false;
}

struct route_hit route_table_hit(const struct route_table *table, const struct route_query *query)
{
    struct finder finder = {.table = table, .query = query, .hit = {.route = ROUTE_NONE}};

    visit_patterns(table, query->host, query->host_len, on_entry_find, &finder);
    return finder.hit;
}

uint32_t route_table_find(const struct route_table *table, const struct route_query *query)
{
    return route_table_hit(table, query).route;
}

const char *route_pattern_print(struct route_pattern pattern, const char *host, size_t host_len,
                                char text[ROUTE_PATTERN_TEXT_MAX])
{
    assert(pattern.prefix_len == 0 || pattern.prefix_len == 2 || pattern.prefix_len == 3);
    assert(pattern.suffix_len <= host_len);
    memcpy(text, &"**."[3 - pattern.prefix_len], pattern.prefix_len);
    memcpy(text + pattern.prefix_len, host + host_len - pattern.suffix_len, pattern.suffix_len);
    text[pattern.prefix_len + pattern.suffix_len] = '\0';
    return text;
}

struct explaining {
    const struct route_table *table;
    const struct route_query *query;
    void (*on_candidate)(void *context, const struct route_candidate *candidate);
    void *context;
    bool won;
};

static bool on_entry_explain(void *context, const struct route_entry *entry)
{
    struct explaining *explaining = context;
    uint32_t count;
    const uint32_t *routes = entry_routes(explaining->table, entry, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct route_candidate candidate = {
            .pattern = route_entry_text(entry),
            .pattern_len = route_entry_text_len(entry),
            .route = routes[i],
            .verdict = route_judge(&explaining->table->routes[routes[i]], explaining->query),
        };
        if (candidate.verdict == ROUTE_WON && explaining->won)
            candidate.verdict = ROUTE_BEATEN;
        if (candidate.verdict == ROUTE_WON)
            explaining->won = true;
        explaining->on_candidate(explaining->context, &candidate);
    }
    return false;
}

void route_table_explain(const struct route_table *table, const struct route_query *query,
                         void (*on_candidate)(void *context,
                                              const struct route_candidate *candidate),
                         void *context)
{
    struct explaining explaining = {
        .table = table, .query = query, .on_candidate = on_candidate, .context = context};

    visit_patterns(table, query->host, query->host_len, on_entry_explain, &explaining);
}

size_t route_table_bytes(const struct route_table *table)
{
    return table->bytes;
}

size_t route_table_patterns(const struct route_table *table)
{
    return table->patterns;
}

void route_table_free(struct route_table *table)
{
    if (table == NULL)
        return;
    free(table->entries);
    free(table->texts);
    free(table->lists);
    free(table);
}
