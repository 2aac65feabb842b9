/*
 * Building a route table:
 *
 *   route_builder_add()     keeps what it is told: one text, one record per pattern
 *   build_table()           has room for all of them
 *   build_entries()         writes every different pattern's entry into its group; further routes
 *                           of the same pattern are chained to the first
 *   build_routes()          turns chains into lists by precedence and looks for ties
 *
 * Any allocation may fail; then the whole is dropped.
 */
#include "config/route_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "config/route_conflicts.h"
#include "config/route_match.h"
#include "config/route_table.h"
#include "config/route_table_inside.h"
#include "config/text/hash.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define PATTERN_MAX     (3 + 253) /* "**." and the longest name */
#define NO_PATTERN      UINT32_MAX
#define NO_ENTRY        UINT32_MAX
#define PATTERNS_MAX    (UINT32_MAX / 2) /* their numbers and places have 32 bits */
#define PREFETCH_AHEAD  16               /* how many patterns ahead memory is fetched */

struct pattern {
    uint64_t hash; /* of suffix and kind */
    uint32_t route;
    uint32_t next; /* another one with the same text, or NO_PATTERN */
    uint32_t at;   /* place of its entry; NO_ENTRY when an earlier pattern made it */
    uint8_t suffix_len;
    uint8_t kind;
};

struct route_builder {
    const struct route *routes;
    uint64_t seed;
    struct pattern *patterns;
    size_t count, room;
    char *texts; /* of all patterns, one behind the other */
    size_t text_bytes, text_room;
    size_t far_bytes; /* of those that are too long for an entry */
    bool wildcards;
};

/* What the steps of finishing share. */
struct build {
    struct route_builder *builder;
    struct route_table *table;
    size_t far_end;                  /* bytes used of table->texts */
    size_t list_room;                /* places lists take at most */
    size_t list_end;                 /* places used of table->lists */
    uint64_t *sorting;               /* room for the longest chain, at least */
    const struct route_entry *entry; /* whose routes are being looked at for ties */
    bool duplicates;                 /* its ties are between routes without conditions */
    size_t conflicts;
    void (*on_conflict)(void *context, const struct route_conflict *conflict);
    void *context;
};

static enum pattern_kind kind_of(const char *pattern, size_t len)
{
    if (len > 3 && memcmp(pattern, "**.", 3) == 0)
        return PATTERN_MANY;
    if (len > 2 && memcmp(pattern, "*.", 2) == 0)
        return PATTERN_ONE;
    return PATTERN_EXACT;
}

/* Unknown outside, so that nobody can choose names that collide. */
static uint64_t random_seed(void)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
        return seed;
    struct timespec now; /* early boot, or a sandbox without the call: the best there is */
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec ^ (uintptr_t)&seed;
}

struct route_builder *route_builder_new(const struct route *routes, size_t expected_patterns)
{
    struct route_builder *builder = calloc(1, sizeof *builder);

    if (builder == NULL)
        return NULL;
    builder->routes = routes;
    builder->seed = random_seed();
    builder->room = expected_patterns > 0 ? expected_patterns : 16;
    builder->patterns = calloc(builder->room, sizeof *builder->patterns);
    if (builder->patterns == NULL) {
        free(builder);
        return NULL;
    }
    return builder;
}

void route_builder_abandon(struct route_builder *builder)
{
    if (builder == NULL)
        return;
    free(builder->patterns);
    free(builder->texts);
    free(builder);
}

static bool reserve_pattern(struct route_builder *builder)
{
    if (builder->count < builder->room)
        return true;
    size_t room = builder->room * 2;
    struct pattern *patterns = reallocarray(builder->patterns, room, sizeof *patterns);
    if (patterns == NULL)
        return false;
    builder->patterns = patterns;
    builder->room = room;
    return true;
}

static bool reserve_text(struct route_builder *builder, size_t len)
{
    if (builder->text_room - builder->text_bytes >= len)
        return true;
    size_t room = builder->text_room * 2 + 1024;
    char *texts = realloc(builder->texts, room);
    if (texts == NULL)
        return false;
    builder->texts = texts;
    builder->text_room = room;
    return true;
}

bool route_builder_add(struct route_builder *builder, const char *pattern, size_t len,
                       uint32_t route)
{
    enum pattern_kind kind = kind_of(pattern, len);
    size_t prefix_len = route_prefix_len(kind);
    size_t suffix_len = len - prefix_len;

    assert(suffix_len > 0 && suffix_len <= PATTERN_MAX - 3);
    if (builder->count >= PATTERNS_MAX || !reserve_pattern(builder) || !reserve_text(builder, len))
        return false;
    memcpy(builder->texts + builder->text_bytes, pattern, len);
    builder->text_bytes += len;
    uint64_t hash = hash_bytes(pattern + prefix_len, suffix_len, builder->seed);
    builder->patterns[builder->count++] = (struct pattern){
        .hash = route_hash_of_kind(hash, kind),
        .route = route,
        .next = NO_PATTERN,
        .at = NO_ENTRY,
        .suffix_len = (uint8_t)suffix_len,
        .kind = (uint8_t)kind,
    };
    builder->far_bytes += len > ROUTE_TEXT_ROOM ? len : 0;
    builder->wildcards = builder->wildcards || kind != PATTERN_EXACT;
    return true;
}

/*
 * Memory that begins with a cache line, not zeroed. Large pieces ask for huge pages: at a million
 * routes most of a lookup's time would otherwise go into page table walks.
 */
static void *allocate(struct route_table *table, size_t bytes)
{
    size_t alignment = bytes < HUGE_PAGE_BYTES ? sizeof(struct route_entry) : HUGE_PAGE_BYTES;

    bytes = (bytes + alignment - 1) & ~(alignment - 1);
    void *memory = aligned_alloc(alignment, bytes);
    if (memory == NULL)
        return NULL;
    if (alignment == HUGE_PAGE_BYTES)
        (void)madvise(memory, bytes, MADV_HUGEPAGE); /* without them it is only slower */
    table->bytes += bytes;
    return memory;
}

/* Entries, and behind them the tags, so that these lie in a huge page, too. */
static bool allocate_entries(struct route_table *table, size_t patterns)
{
    table->groups =
        patterns / (ROUTE_GROUP * 3 / 4) + 1; /* at most three of four places are taken */
    size_t places = table->groups * ROUTE_GROUP;
    table->entries = allocate(table, places * (sizeof *table->entries + 1));
    if (table->entries == NULL)
        return false;
    table->tags = (uint64_t *)(void *)(table->entries + places);
    memset(table->tags, 0, places);
    return true;
}

static bool build_table(struct build *build)
{
    const struct route_builder *builder = build->builder;
    struct route_table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return false;
    build->table = table;
    table->routes = builder->routes;
    table->seed = builder->seed;
    table->bytes = sizeof *table;
    table->wildcards = builder->wildcards;
    if (!allocate_entries(table, builder->count))
        return false;
    if (builder->far_bytes == 0)
        return true;
    table->texts = allocate(table, builder->far_bytes);
    return table->texts != NULL;
}

static size_t text_len(const struct pattern *pattern)
{
    return route_prefix_len(pattern->kind) + pattern->suffix_len;
}

static void mark_level(uint64_t levels[2], const char *suffix, size_t len)
{
    unsigned labels = 1;

    for (size_t i = 0; i < len; i++)
        labels += suffix[i] == '.';
    assert(labels < 128);
    levels[labels / 64] |= (uint64_t)1 << labels % 64;
}

/* Takes a place for the pattern: its own, or one that is free. */
static struct route_entry *take_place(const struct build *build, struct pattern *pattern)
{
    const struct route_table *table = build->table;
    uint64_t group = route_hash_group(table, pattern->hash);

    while (route_tags_full(table->tags[group]))
        group = route_group_next(table, group);
    unsigned place = route_hash_place(pattern->hash);
    while ((table->tags[group] >> (8 * place) & 0xff) != 0)
        place = (place + 1) % ROUTE_GROUP;
    table->tags[group] |= route_hash_tag(pattern->hash) << (8 * place);
    pattern->at = (uint32_t)(group * ROUTE_GROUP + place);
    return &table->entries[pattern->at];
}

/* For now an entry's `route` is the number of its first pattern. */
static void write_entry(struct build *build, uint32_t number, const char *text)
{
    struct route_table *table = build->table;
    struct pattern *pattern = &build->builder->patterns[number];
    struct route_entry *entry = take_place(build, pattern);
    size_t len = text_len(pattern);
    size_t prefix_len = route_prefix_len(pattern->kind);

    *entry = (struct route_entry){
        .route = number, .prefix_len = (uint8_t)prefix_len, .suffix_len = pattern->suffix_len};
    char *room = entry->near;
    if (len > ROUTE_TEXT_ROOM) {
        entry->far = room = table->texts + build->far_end;
        build->far_end += len;
        assert(build->far_end <= build->builder->far_bytes);
    }
    memcpy(room, text, len);
    table->patterns++;
    mark_level(table->levels[pattern->kind], text + prefix_len, pattern->suffix_len);
}

static void chain_pattern(struct build *build, uint32_t number, const struct route_entry *entry)
{
    struct pattern *patterns = build->builder->patterns;
    struct pattern *first = &patterns[entry->route];

    build->list_room +=
        first->next == NO_PATTERN ? 3 : 1; /* a new list also holds its count and the first route */
    patterns[number].next = first->next;
    first->next = number;
}

static void build_entries(struct build *build)
{
    const struct route_builder *builder = build->builder;
    const char *text = builder->texts;

    for (size_t i = 0; i < builder->count; i++) {
        const struct pattern *pattern = &builder->patterns[i];
        const struct route_entry *entry =
            route_table_entry(build->table, pattern->kind, pattern->hash,
                              text + route_prefix_len(pattern->kind), pattern->suffix_len);
        if (entry == NULL)
            write_entry(build, (uint32_t)i, text);
        else
            chain_pattern(build, (uint32_t)i, entry);
        text += text_len(pattern);
    }
}

/* Room for lists, and for sorting the routes of one of them. */
static bool build_lists(struct build *build)
{
    if (build->list_room == 0)
        return true;
    if (build->list_room >= UINT32_MAX)
        return false;
    build->table->lists = allocate(build->table, build->list_room * sizeof *build->table->lists);
    build->sorting = calloc(build->list_room, sizeof *build->sorting);
    return build->table->lists != NULL && build->sorting != NULL;
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return (*a > *b) - (*a < *b);
}

/* The chain's routes as keys that sort by precedence, each route once; returns their number. */
static size_t sort_chain(struct build *build, uint32_t number)
{
    const struct route_builder *builder = build->builder;
    uint64_t *keys = build->sorting;
    size_t count = 0;

    for (; number != NO_PATTERN; number = builder->patterns[number].next) {
        uint32_t route = builder->patterns[number].route;
        uint64_t lacking = ROUTE_CONDITIONS_MAX - route_condition_count(&builder->routes[route]);
        keys[count++] = lacking << 32 | route;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (keys[i] != keys[kept - 1])
            keys[kept++] = keys[i];
    }
    return kept;
}

static void on_tie(void *context, uint32_t first, uint32_t second)
{
    struct build *build = context;
    char pattern[PATTERN_MAX + 1];
    size_t len = route_entry_text_len(build->entry);

    memcpy(pattern, route_entry_text(build->entry), len);
    pattern[len] = '\0';
    struct route_conflict conflict = {
        .pattern = pattern, .first = first, .second = second, .duplicate = build->duplicates};
    build->on_conflict(build->context, &conflict);
}

/* Looks for ties among the routes of a list with equally many conditions. False: no memory. */
static bool find_ties(struct build *build, const uint32_t *list, size_t count)
{
    for (size_t begin = 0, end; begin < count; begin = end) {
        uint64_t lacking = build->sorting[begin] >> 32;
        for (end = begin + 1; end < count && build->sorting[end] >> 32 == lacking; end++)
            continue;
        if (end - begin == 1)
            continue;
        build->duplicates = lacking == ROUTE_CONDITIONS_MAX;
        long found =
            route_conflicts_find(build->table->routes, list + begin, end - begin, on_tie, build);
        if (found < 0)
            return false;
        build->conflicts += (size_t)found;
    }
    return true;
}

static bool settle_list(struct build *build, struct route_entry *entry)
{
    size_t count = sort_chain(build, entry->route);
    uint32_t *list = build->table->lists + build->list_end;

    entry->shape = ENTRY_LIST;
    entry->route = (uint32_t)build->list_end;
    list[0] = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        list[i + 1] = (uint32_t)build->sorting[i];
    build->list_end += count + 1;
    assert(build->list_end <= build->list_room);
    build->entry = entry;
    return find_ties(build, list + 1, count);
}

/* Gives the entry its route or its list. False: no memory. */
static bool settle_entry(struct build *build, const struct pattern *first)
{
    struct route_entry *entry = &build->table->entries[first->at];

    if (first->next != NO_PATTERN)
        return settle_list(build, entry);
    bool plain = route_condition_count(&build->builder->routes[first->route]) == 0;
    entry->shape = plain ? ENTRY_PLAIN : ENTRY_SINGLE;
    entry->route = first->route;
    return true;
}

static bool build_routes(struct build *build)
{
    const struct route_builder *builder = build->builder;

    for (size_t i = 0; i < builder->count; i++) {
        size_t ahead = i + PREFETCH_AHEAD;
        if (ahead < builder->count && builder->patterns[ahead].at != NO_ENTRY)
            __builtin_prefetch(&build->table->entries[builder->patterns[ahead].at], 1);
        if (builder->patterns[i].at != NO_ENTRY && !settle_entry(build, &builder->patterns[i]))
            return false;
    }
    return true;
}

static bool build_all(struct build *build)
{
    if (!build_table(build))
        return false;
    build_entries(build);
    return build_lists(build) && build_routes(build);
}

struct route_table *route_builder_finish(struct route_builder *builder,
                                         void (*on_conflict)(void *context,
                                                             const struct route_conflict *conflict),
                                         void *context, bool *no_memory)
{
    struct build build = {.builder = builder, .on_conflict = on_conflict, .context = context};

    *no_memory = !build_all(&build);
    if (*no_memory || build.conflicts > 0) {
        route_table_free(build.table);
        build.table = NULL;
    }
    free(build.sorting);
    route_builder_abandon(builder);
    return build.table;
}
