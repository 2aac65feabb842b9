/* The mode torture: starts two backends, probes the router, then plays one case after the other. */

#include "bench/torture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bench/clock.h"
#include "bench/exit.h"
#include "bench/process.h"
#include "bench/report.h"
#include "config/text/suggest.h"

#define DEFAULT_NAME "bench.test"
#define CASES_MAX    256
#define NAME_ROOM    (WIRE_NAME_MAX + 1)
/* Cases put the name into longer ones, and the longest possible name has 253 characters. */
#define NAME_LONGEST 200

struct torture {
    const struct options *options;
    struct scene scene;
    struct flight flight;
    size_t count;
    const struct torture_case *cases[CASES_MAX];
    struct torture_outcome outcomes[CASES_MAX];
    char other[NAME_ROOM];
};

static const struct torture_case *find_case(const char *name)
{
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++) {
        if (strcmp(one->name, name) == 0)
            return one;
    }
    return NULL;
}

/* The case that was probably meant by a mistyped name, or NULL. */
static const char *nearest_case(const char *name)
{
    struct suggestion suggestion;

    suggest_start(&suggestion, name);
    for (const struct torture_case *one = torture_cases; one->name != NULL; one++)
        suggest_consider(&suggestion, one->name);
    return suggestion.nearest;
}

static bool is_chosen(const struct torture *torture, const struct torture_case *one)
{
    size_t i = 0;

    while (i < torture->count && torture->cases[i] != one)
        i++;
    return i < torture->count;
}

/* Chooses the cases of --only, in their order and each once; without --only all cases. */
static bool choose_cases(struct torture *torture)
{
    const struct text_list *only = &torture->options->torture.only;

    for (size_t i = 0; i < only->count; i++) {
        const struct torture_case *one = find_case(only->items[i]);
        const char *nearest = nearest_case(only->items[i]);
        if (one == NULL) {
            fprintf(stderr, "sni-bench: torture: --only '%s': there is no such case; ",
                    only->items[i]);
            if (nearest != NULL)
                fprintf(stderr, "did you mean %s?\n", nearest);
            else
                fprintf(stderr, "see sni-bench torture --list\n");
            return false;
        }
        torture->cases[torture->count] = one;
        torture->count += !is_chosen(torture, one);
    }
    for (const struct torture_case *one = torture_cases; only->count == 0 && one->name != NULL;
         one++)
        torture->cases[torture->count++] = one;
    return true;
}

static bool choose_names(struct torture *torture)
{
    const struct options *options = torture->options;
    const char *name = options->ask.sni == NULL ? DEFAULT_NAME : options->ask.sni;

    snprintf(torture->other, sizeof torture->other, "other.%.*s", NAME_LONGEST, name);
    torture->scene.names[0] = name;
    torture->scene.names[1] =
        options->torture.other == NULL ? torture->other : options->torture.other;
    for (int side = 0; side < TORTURE_SIDES; side++) {
        size_t len = strlen(torture->scene.names[side]);
        if (len == 0 || len > NAME_LONGEST) {
            fprintf(stderr, "sni-bench: torture: --sni and --other must have 1 to %d characters\n",
                    NAME_LONGEST);
            return false;
        }
    }
    if (strcasecmp(torture->scene.names[0], torture->scene.names[1]) != 0)
        return true;
    fprintf(stderr, "sni-bench: torture: --sni and --other are the same name: the router could not "
                    "tell them apart\n");
    return false;
}

static bool check_options(const struct options *options)
{
    bool writes =
        options->out.json != NULL || options->out.html != NULL || options->out.fail_if.count > 0;
    const char *fix = NULL;

    if (options->serve.listen.count > TORTURE_SIDES)
        fix = "--listen is given at most twice";
    else if (options->torture.hello_timeout_ns == 0 || options->torture.gap_ns == 0)
        fix = "--hello-timeout and --gap must be greater than zero";
    else if (options->torture.gap_ns >= options->torture.hello_timeout_ns)
        fix = "--gap must be shorter than --hello-timeout: no hello would be whole in time";
    else if (options->torture.list && (writes || options->torture.strict))
        fix = "--list plays nothing: drop it, or --json, --html, --fail-if and --strict";
    if (fix != NULL)
        fprintf(stderr, "sni-bench: torture: %s\n", fix);
    return fix == NULL && torture_check_conditions(options);
}

/* Says how the router must be configured, with the real addresses. */
static void say_setup(const struct torture *torture)
{
    char text[SOCKET_ADDRESS_TEXT];

    for (int side = 0; side < TORTURE_SIDES; side++)
        fprintf(stderr, "backend %s %s\n", torture->scene.names[side],
                socket_address_format(&torture->scene.addresses[side], text));
}

static bool is_one_of(const uint8_t alerts[4], uint8_t alert)
{
    return alert != 0 && memchr(alerts, alert, 4) != NULL;
}

static void judge(const struct torture_case *one, struct torture_outcome *outcome)
{
    bool named = outcome->end != TORTURE_ALERT || is_one_of(one->alerts, outcome->alert);
    bool sound = outcome->problem[0] == '\0';

    outcome->deviates = !sound || (one->may & outcome->end) == 0;
    outcome->best = sound && (one->best & outcome->end) != 0 && named;
}

/* False when the case does not fit its buffer, which is a mistake of the catalogue. */
static bool play_case(struct torture *torture, const struct torture_case *one, uint64_t seed,
                      struct torture_outcome *outcome)
{
    struct scene *scene = &torture->scene;
    struct flight *flight = &torture->flight;

    *flight = (struct flight){
        .bytes = flight->bytes, .name = scene->names[0], .other = scene->names[1], .seed = seed};
    one->build(flight);
    if (flight->failed) {
        fprintf(stderr, "sni-bench: torture: the flight of %s does not fit\n", one->name);
        return false;
    }
    scene->problem[0] = '\0';
    scene->played_ns = 0;
    one->play(scene, flight);
    scene_judge(scene, outcome);
    scene_leave(scene);
    judge(one, outcome);
    return true;
}

/* Whether the router knows both backends; without that no case would show anything. */
static bool probe(struct torture *torture)
{
    const struct torture_case *plain = find_case("plain");
    struct torture_outcome outcome;
    char text[SOCKET_ADDRESS_TEXT];

    if (!play_case(torture, plain, torture->options->load.seed, &outcome))
        return false;
    if (!outcome.deviates)
        return true;
    fprintf(stderr,
            "sni-bench: torture: a plain hello for %s did not reach the backend (%s%s%s).\n"
            "Let the router at %s send %s to %s",
            torture->scene.names[0], torture_end_word(outcome.end),
            outcome.problem[0] == '\0' ? "" : ": ", outcome.problem, torture->options->ask.target,
            torture->scene.names[0], socket_address_format(&torture->scene.addresses[0], text));
    fprintf(stderr, " and %s to %s; see sni-bench torture --help.\n", torture->scene.names[1],
            socket_address_format(&torture->scene.addresses[1], text));
    return false;
}

static double wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * The exit code. A --fail-if that holds comes before everything else, because the user has asked
 * for it.
 */
static int conclude(const struct torture_report *report)
{
    bool written = report_write_outputs(report->options, torture_to_json(report));

    if (torture_any_condition_holds(report))
        return BENCH_FAIL_IF;
    return torture_count_deviations(report) > 0 || !written ? BENCH_FAILED : BENCH_OK;
}

static int play_all(struct torture *torture)
{
    const struct options *options = torture->options;
    FILE *out = report_text_output(options);
    struct torture_report report = {.options = options,
                                    .count = torture->count,
                                    .cases = torture->cases,
                                    .outcomes = torture->outcomes,
                                    .wall_start = wall_clock()};

    torture_print_heading(out);
    for (size_t i = 0; i < torture->count; i++) {
        struct torture_outcome *outcome = &torture->outcomes[i];
        if (!play_case(torture, torture->cases[i], options->load.seed + i, outcome))
            return BENCH_FAILED;
        if (options->torture.strict)
            outcome->deviates = !outcome->best;
        torture_print_row(torture->cases[i], outcome, out);
    }
    torture_print_end(&report, out);
    return conclude(&report);
}

static int play(struct torture *torture)
{
    const struct options *options = torture->options;
    int result = BENCH_FAILED;

    torture->flight.bytes = malloc(TORTURE_FLIGHT_BYTES);
    process_prepare_thread();
    process_raise_descriptors();
    if (scene_init(&torture->scene, options) && torture->flight.bytes != NULL) {
        if (!options->out.quiet)
            say_setup(torture);
        if (probe(torture))
            result = play_all(torture);
    }
    scene_free(&torture->scene);
    free(torture->flight.bytes);
    return result;
}

int torture_run(const struct options *options)
{
    struct torture *torture = calloc(1, sizeof *torture);

    if (torture == NULL)
        return BENCH_FAILED;
    torture->options = options;
    int result = BENCH_USAGE;
    bool good = check_options(options) && choose_cases(torture);
    if (good && options->torture.list) {
        torture_print_catalogue(torture->cases, torture->count, stdout);
        result = BENCH_OK;
    } else if (good && choose_names(torture) && scene_addresses(&torture->scene, options)) {
        result = report_check_outputs(options) ? play(torture) : BENCH_FAILED;
    }
    free(torture);
    return result;
}
