#include "router/state/stats_table.h"

#include <assert.h>

_Static_assert(sizeof(struct stats_row) == 64, "a row is one cache line");
_Static_assert(sizeof(struct worker_stats) % 64 == 0, "workers do not share a cache line");

static const struct stats_info infos[] = {
#define STATS_INFO(figure, type, unit, things, name, help)                                         \
    {STATS_##type,                                                                                 \
     unit,                                                                                         \
     things,                                                                                       \
     name,                                                                                         \
     help,                                                                                         \
     offsetof(struct stats_row, figure),                                                           \
     offsetof(struct stats_sums, figure)},
    STATS_TABLE(STATS_INFO)
#undef STATS_INFO
};

static const struct stats_info worker_infos[] = {
#define WORKER_STATS_INFO(figure, type, unit, name, help)                                          \
    {STATS_##type,                                                                                 \
     unit,                                                                                         \
     0,                                                                                            \
     name,                                                                                         \
     help,                                                                                         \
     offsetof(struct worker_stats, figure),                                                        \
     offsetof(struct worker_sums, figure)},
    WORKER_STATS_TABLE(WORKER_STATS_INFO)
#undef WORKER_STATS_INFO
};

const struct stats_info *stats_infos(size_t *count)
{
    *count = sizeof infos / sizeof infos[0];
    return infos;
}

const struct stats_info *worker_stats_infos(size_t *count)
{
    *count = sizeof worker_infos / sizeof worker_infos[0];
    return worker_infos;
}

const char *stats_thing_word(enum stats_thing thing)
{
    static const char *const words[STATS_THINGS] = {
        [STATS_LISTENER] = "listener",
        [STATS_BACKEND] = "backend",
        [STATS_SERVER] = "server",
        [STATS_ROUTE] = "route",
    };

    assert((unsigned)thing < STATS_THINGS);
    return words[thing];
}
