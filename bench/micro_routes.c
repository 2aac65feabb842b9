/*
 * Route table, measured: micro-routes [ROUTES]
 *
 * Builds a table of ROUTES routes (default a million: 90 % exact names, 8 % `*.`, 2 % `**.`) and
 * looks up random names, nine out of ten of which have a route. Prints one `name value unit` per
 * line.
 *
 * Names are looked up in a random order. `lookup_median` and `lookup_p99` are of single lookups,
 * each timed on its own, minus the cost of reading the clock twice (`clock`). The name is in the
 * caches when the clock starts, as a name just read from a hello would be, and no lookup overlaps
 * the next. `lookup_mean` is the mean over lookups in a row, which the processor may overlap, with
 * names that are not in the caches. `memory` is the time of one dependent read of memory that no
 * cache holds: a lookup that finds its name costs about one.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/route_build.h"

#define NAME_ROOM 64
#define QUERIES   (1u << 20)

struct random {
    uint64_t state;
};

static uint64_t random_bits(struct random *random) /* splitmix64 */
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void *must_allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        (void)fputs("micro-routes: no memory\n", stderr);
        exit(71);
    }
    return memory;
}

/* The name behind the prefix; many customers under a few parents, as on a hosting platform. */
static int print_base(char out[NAME_ROOM], uint32_t number)
{
    static const char *const parents[] = {"example.com", "apps.example.net", "shop.test", "io"};
    struct random random = {number};
    uint64_t noise = random_bits(&random) & 0xffff;

    return snprintf(out, NAME_ROOM, "c%" PRIu32 "-%" PRIx64 ".%s", number, noise,
                    parents[number % 4]);
}

static const char *prefix_of(uint32_t number)
{
    uint32_t kind = number % 50;

    if (kind == 0)
        return "**.";
    return kind <= 4 ? "*." : "";
}

struct invented_pattern {
    uint8_t len;
    char text[NAME_ROOM - 1];
};

static struct invented_pattern *invent_patterns(uint32_t count)
{
    struct invented_pattern *patterns = must_allocate(count, sizeof *patterns);

    for (uint32_t i = 0; i < count; i++) {
        char base[NAME_ROOM];
        (void)print_base(base, i);
        patterns[i].len = (uint8_t)snprintf(patterns[i].text, sizeof patterns[i].text, "%s%s",
                                            prefix_of(i), base);
    }
    return patterns;
}

static struct route_table *build(const struct route *routes,
                                 const struct invented_pattern *patterns, uint32_t count)
{
    double begin = now_ns();
    struct route_builder *builder = route_builder_new(routes, count);

    assert(builder != NULL);
    for (uint32_t i = 0; i < count; i++) {
        bool added = route_builder_add(builder, patterns[i].text, patterns[i].len, i);
        assert(added);
    }
    bool no_memory;
    struct route_table *table = route_builder_finish(builder, NULL, NULL, &no_memory);
    assert(table != NULL);
    printf("routes %" PRIu32 " routes\n", count);
    printf("build %.3f s\n", (now_ns() - begin) / 1e9);
    printf("table %.1f bytes/route\n", (double)route_table_bytes(table) / count);
    return table;
}

struct name_asked {
    uint8_t len;
    bool known;
    char host[NAME_ROOM - 2];
};

static struct name_asked *invent_questions(uint32_t routes)
{
    struct name_asked *questions = must_allocate(QUERIES, sizeof *questions);
    struct random random = {42};

    for (uint32_t i = 0; i < QUERIES; i++) {
        struct name_asked *question = &questions[i];
        uint64_t dice = random_bits(&random);
        question->known = dice % 10 != 0;
        uint32_t number = (uint32_t)((dice >> 8) % routes);
        char base[NAME_ROOM];
        (void)print_base(base, question->known ? number : number + routes);
        const char *label = question->known && *prefix_of(number) != '\0' ? "www." : "";
        question->len =
            (uint8_t)snprintf(question->host, sizeof question->host, "%s%s", label, base);
    }
    return questions;
}

static int compare_doubles(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

static double quantile(double *samples, size_t count, double part)
{
    qsort(samples, count, sizeof *samples, compare_doubles);
    return samples[(size_t)((double)count * part)];
}

/* The time between two readings of the clock with nothing between them. */
static double measure_clock(double *samples)
{
    for (size_t i = 0; i < QUERIES; i++) {
        double begin = now_ns();
        samples[i] = now_ns() - begin;
    }
    return quantile(samples, QUERIES, 0.5);
}

/* Asks once; counts wrong answers. */
static void ask(const struct route_table *table, const struct name_asked *question, size_t *wrong)
{
    struct route_query query = {
        .host = question->host, .host_len = question->len, .listener = CONFIG_NONE};

    *wrong += (route_table_find(table, &query) != ROUTE_NONE) != question->known;
}

static void measure_single(const struct route_table *table, const struct name_asked *questions,
                           size_t *wrong)
{
    double *samples = must_allocate(QUERIES, sizeof *samples);
    double clock = measure_clock(samples);
    struct name_asked question;

    for (size_t i = 0; i < QUERIES; i++) {
        question = questions[i];
        double begin = now_ns();
        ask(table, &question, wrong);
        samples[i] = now_ns() - begin - clock;
    }
    printf("clock %.1f ns\n", clock);
    printf("lookup_median %.1f ns\n", quantile(samples, QUERIES, 0.5));
    printf("lookup_p99 %.1f ns\n", quantile(samples, QUERIES, 0.99));
    free(samples);
}

static void measure_mean(const struct route_table *table, const struct name_asked *questions,
                         size_t *wrong)
{
    double begin = now_ns();

    for (size_t i = 0; i < QUERIES; i++)
        ask(table, &questions[i], wrong);
    printf("lookup_mean %.1f ns\n", (now_ns() - begin) / QUERIES);
}

/* A walk through 64 MiB, each step known only after the one before. */
static void measure_memory(void)
{
    enum { LINES = 1 << 20, STEPS = 1 << 20 };
    uint64_t(*lines)[8] = must_allocate(LINES, sizeof *lines);

    for (size_t i = 0; i < LINES; i++) /* a full cycle: odd addend, multiplier 1 modulo 4 */
        lines[i][0] = (i * 805306457 + 374761393) % LINES;
    uint64_t at = 0;
    double begin = now_ns();
    for (size_t step = 0; step < STEPS; step++)
        at = lines[at][0];
    double end = now_ns();
    printf("memory %.1f ns\n", (end - begin) / STEPS + (double)(at >= LINES));
    free(lines);
}

int main(int argc, char **argv)
{
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;

    if (count == 0) {
        (void)fputs("usage: micro-routes [ROUTES]\n", stderr);
        return 64;
    }
    struct route *routes = must_allocate(count, sizeof *routes);
    struct name_asked *questions = invent_questions(count);
    struct invented_pattern *patterns = invent_patterns(count);
    struct route_table *table = build(routes, patterns, count);
    free(patterns);
    size_t wrong = 0;
    measure_single(table, questions, &wrong);
    measure_mean(table, questions, &wrong);
    printf("lookups_wrong %zu lookups\n", wrong);
    measure_memory();
    route_table_free(table);
    free(questions);
    free(routes);
    return 0;
}
