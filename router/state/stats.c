#include "router/state/stats.h"

#include <stdlib.h>
#include <string.h>

/* --- cells --- */

static struct stats_cell *cell_new(enum stats_thing thing, uint32_t workers, const char *key,
                                   size_t len)
{
    const size_t align = alignof(struct stats_cell);
    size_t rows = sizeof(struct stats_cell) + workers * sizeof(struct stats_row);
    size_t bytes = (rows + len + 1 + align - 1) / align * align;
    struct stats_cell *cell = aligned_alloc(align, bytes);

    assert((unsigned)thing < STATS_THINGS && workers > 0);
    if (cell == NULL)
        return NULL;
    memset(cell, 0, bytes);
    char *text = (char *)cell + rows;
    memcpy(text, key, len); /* and a NUL behind it */
    cell->magic = STATS_CELL_MAGIC;
    cell->claimable.key = text;
    cell->claimable.key_len = len;
    cell->thing = thing;
    cell->workers = workers;
    cell->name = thing == STATS_SERVER ? text + strlen(text) + 1 : text;
    assert(cell->name < text + len || len == 0);
    LIST_INIT(&cell->twins);
    return cell;
}

/* The cell that a set of claims has found; NULL stays NULL. */
static struct stats_cell *cell_of(struct claimable *thing)
{
    struct stats_cell *cell = (struct stats_cell *)thing;

    assert(cell == NULL || cell->magic == STATS_CELL_MAGIC);
    return cell;
}

static uint64_t *figure_of(struct stats_sums *sums, const struct stats_info *info)
{
    return (uint64_t *)((char *)sums + info->in_sum);
}

static void add_rows(struct stats_sums *sums, const struct stats_cell *cell)
{
    size_t count;
    const struct stats_info *infos = stats_infos(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t sum = *figure_of((struct stats_sums *)&cell->past, &infos[i]);
        for (uint32_t w = 0; w < cell->workers; w++) {
            const char *row = (const char *)&cell->rows[w];
            sum += stats_figure_read((const stats_figure *)(row + infos[i].in_row));
        }
        *figure_of(sums, &infos[i]) += sum;
    }
}

/* Acquires what the workers did before they left. */
static uint64_t active_in(const struct stats_cell *cell)
{
    uint64_t active = 0;

    for (uint32_t w = 0; w < cell->workers; w++)
        active += atomic_load_explicit(&cell->rows[w].active, memory_order_acquire);
    return active;
}

static bool is_idle(const struct claimable *thing)
{
    const struct stats_cell *cell = cell_of((struct claimable *)thing);

    return LIST_EMPTY(&cell->twins) && active_in(cell) == 0;
}

static void free_thing(struct claimable *thing, void *context)
{
    struct stats_cell *cell = cell_of(thing);

    (void)context;
    assert(LIST_EMPTY(&cell->twins) && !thing->listed && thing->claims == 0);
    if (cell->twin_of != NULL) {
        assert(cell->twin_of->claimable.listed);
        add_rows(&cell->twin_of->past, cell);
        LIST_REMOVE(cell, in_twins);
    }
    cell->magic = 0;
    free(cell);
}

static const struct claims_type type_cell = {.is_idle = is_idle, .free_thing = free_thing};

/* --- control --- */

bool stats_init(struct stats *stats, uint32_t workers)
{
    size_t bytes = workers * sizeof *stats->of_workers;

    assert(workers > 0);
    stats->workers = workers;
    atomic_init(&stats->made, NULL);
    for (int t = 0; t < STATS_THINGS; t++)
        claims_init(&stats->cells[t], &type_cell, stats);
    stats->of_workers = aligned_alloc(alignof(struct worker_stats), bytes);
    if (stats->of_workers == NULL)
        return false;
    memset(stats->of_workers, 0, bytes);
    return true;
}

void stats_close(struct stats *stats)
{
    stats_sweep(stats);
    for (int t = 0; t < STATS_THINGS; t++)
        claims_close(&stats->cells[t]);
    free(stats->of_workers);
    stats->of_workers = NULL;
}

struct stats_cell *stats_claim_known(struct stats *stats, enum stats_thing thing, const char *key,
                                     size_t len)
{
    assert((unsigned)thing < STATS_THINGS);
    struct claimable *known = claims_find(&stats->cells[thing], key, len);
    if (known != NULL)
        claims_claim(known);
    return cell_of(known);
}

struct stats_cell *stats_claim(struct stats *stats, enum stats_thing thing, const char *key,
                               size_t len)
{
    struct stats_cell *cell = stats_claim_known(stats, thing, key, len);

    if (cell != NULL)
        return cell;
    cell = cell_new(thing, stats->workers, key, len);
    if (cell == NULL)
        return NULL;
    claims_add(&stats->cells[thing], &cell->claimable);
    claims_claim(&cell->claimable);
    return cell;
}

void stats_unclaim(struct stats *stats, struct stats_cell *cell)
{
    assert(cell->claimable.listed != (cell->twin_of != NULL)); /* it was collected */
    claims_unclaim(&stats->cells[cell->thing], &cell->claimable);
}

static void list_made(struct stats *stats, struct stats_cell *cell)
{
    struct claims *cells = &stats->cells[cell->thing];
    struct claimable *known = claims_find(cells, cell->claimable.key, cell->claimable.key_len);

    assert(cell->claimable.claims == 1 && cell->twin_of == NULL);
    if (known == NULL) {
        claims_add(cells, &cell->claimable);
        return;
    }
    cell->twin_of = (struct stats_cell *)known;
    LIST_INSERT_HEAD(&cell->twin_of->twins, cell, in_twins);
}

void stats_collect(struct stats *stats)
{
    struct stats_cell *made = atomic_exchange_explicit(&stats->made, NULL, memory_order_acquire);

    while (made != NULL) {
        struct stats_cell *next = made->next_made;
        made->next_made = NULL;
        list_made(stats, made);
        made = next;
    }
}

void stats_sweep(struct stats *stats)
{
    stats_collect(stats);
    for (int t = 0; t < STATS_THINGS; t++) {
        while (claims_sweep(&stats->cells[t]) > 0)
            continue; /* a listed cell goes after its twins */
    }
}

/* --- reading --- */

size_t stats_count(const struct stats *stats, enum stats_thing thing)
{
    return stats->cells[thing].count;
}

const struct stats_cell *stats_next(const struct stats *stats, enum stats_thing thing,
                                    const struct stats_cell *last)
{
    assert(last == NULL || last->thing == thing);
    return cell_of(claims_next(&stats->cells[thing], last == NULL ? NULL : &last->claimable));
}

struct stats_sums stats_read(const struct stats_cell *cell)
{
    struct stats_sums sums = {0};
    const struct stats_cell *twin;

    assert(cell->twin_of == NULL);
    add_rows(&sums, cell);
    LIST_FOREACH (twin, &cell->twins, in_twins)
        add_rows(&sums, twin);
    return sums;
}

struct worker_sums stats_read_workers(const struct stats *stats)
{
    struct worker_sums sums = {0};
    size_t count;
    const struct stats_info *infos = worker_stats_infos(&count);

    for (uint32_t w = 0; w < stats->workers; w++) {
        const struct worker_stats *row = &stats->of_workers[w];
        for (size_t i = 0; i < count; i++) {
            const char *figure = (const char *)row + infos[i].in_row;
            *(uint64_t *)((char *)&sums + infos[i].in_sum) +=
                stats_figure_read((const stats_figure *)figure);
        }
        for (size_t r = 0; r < REASON_COUNT; r++)
            sums.closed[r] += stats_figure_read(&row->closed[r]);
    }
    return sums;
}

/* --- workers --- */

static void hand_over(struct stats *stats, struct stats_cell *cell)
{
    cell->next_made = atomic_load_explicit(&stats->made, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&stats->made, &cell->next_made, cell,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

struct stats_cell *stats_slot_cell(struct stats *stats, stats_slot *slot, enum stats_thing thing,
                                   const char *name)
{
    struct stats_cell *cell = atomic_load_explicit(slot, memory_order_acquire);

    if (cell != NULL)
        return cell;
    struct stats_cell *made = cell_new(thing, stats->workers, name, strlen(name));
    if (made == NULL)
        return NULL;
    claims_claim(&made->claimable); /* the slot's claim; control's from the hand-over on */
    if (!atomic_compare_exchange_strong_explicit(slot, &cell, made, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        free(made);
        return cell; /* another worker was first */
    }
    hand_over(stats, made);
    return made;
}
