/*
 * The compare mode.
 *
 *   1. --direct and --via become targets; the words behind `--` are tried on each of them before
 *      anything runs, so that a typing error costs no time.
 *   2. Routers are pinned. Then rounds: each target once, in the order given (A B C A B C ...), so
 *      that a machine that changes its mood does so for all of them.
 *   3. Medians, ranges and ratios are printed, costs first.
 *
 * A failed run is counted and makes the comparison fail; the other runs go on. A run that cannot
 * begin although its router is there ends the comparison, because every other run would fail for
 * the same reason.
 */

#include "bench/compare.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/compare_cpu.h"
#include "bench/exit.h"
#include "bench/report.h"
#include "bench/result.h"
#include "bench/socket_address.h"

/* Words that this program puts before those of the user. */
#define OWN_WORDS_MAX 16
#define NAME_MAX_LEN  40

static int usage(const char *format, const char *text)
{
    fprintf(stderr, "sni-bench: compare: ");
    fprintf(stderr, format, text);
    fprintf(stderr, "; see sni-bench compare --help\n");
    return BENCH_USAGE;
}

static bool is_name(const char *text, size_t len)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return len > 0 && len <= NAME_MAX_LEN && strspn(text, legal) == len;
}

/* "NAME=ADDR" or "NAME=ADDR,pid=1,2". */
static int add_via(struct comparison *comparison, const char *text)
{
    char name[NAME_MAX_LEN + 1];
    char where[SOCKET_ADDRESS_TEXT];
    struct socket_address address;
    struct sample_pids pids;
    const char *why;
    size_t len = strcspn(text, "=");

    if (text[len] != '=' || !is_name(text, len))
        return usage("--via '%s': write it as NAME=ADDR,pid=N (letters, digits, . _ - in NAME)",
                     text);
    snprintf(name, sizeof name, "%.*s", (int)len, text);
    snprintf(where, sizeof where, "%s", text + len + 1);
    char *pid = strstr(where, ",pid=");
    if (pid != NULL) {
        *pid = '\0';
        pid += strlen(",pid=");
        if (!sample_parse_pids(pid, &pids))
            return usage("--via '%s': write process numbers as pid=123 or pid=123,456", text);
    }
    if (!socket_address_parse(where, &address, &why))
        return usage("--via '%s': not an address such as 127.0.0.1:8443", text);
    if (comparison_find_target(comparison, name) != COMPARE_NONE)
        return usage("--via '%s': that name is taken", text);
    if (comparison_add_target(comparison, name, where, pid == NULL ? "" : pid, false) ==
        COMPARE_NONE)
        return usage("--via '%s': at most 16 targets", text);
    return BENCH_OK;
}

static int add_targets(struct comparison *comparison, const struct options *options)
{
    struct socket_address address;
    const char *why;
    const char *direct = options->compare.direct;

    if (direct != NULL && !socket_address_parse(direct, &address, &why))
        return usage("--direct '%s': not an address such as 127.0.0.1:9000", direct);
    if (direct != NULL)
        comparison_add_target(comparison, "direct", direct, "", true);
    for (size_t i = 0; i < options->compare.vias.count; i++) {
        int code = add_via(comparison, options->compare.vias.items[i]);
        if (code != BENCH_OK)
            return code;
    }
    if (comparison->target_count == 0)
        return usage("%s", "say what to compare: --direct ADDR, --via NAME=ADDR,pid=N");
    return BENCH_OK;
}

/*
 * The command line of one run; it ends with NULL and points into its arguments. The caller frees
 * the array. NULL = out of memory.
 */
static char **make_command(const struct options *options, const struct compare_target *target,
                           char *label)
{
    char **argv = calloc(OWN_WORDS_MAX + options->rest_count + 1, sizeof *argv);
    size_t count = 0;

    if (argv == NULL)
        return NULL;
    argv[count++] = (char *)"sni-bench";
    argv[count++] = options->rest[0];
    argv[count++] = target->address;
    argv[count++] = (char *)"--json";
    argv[count++] = (char *)"-";
    argv[count++] = (char *)"--quiet";
    argv[count++] = (char *)"--label";
    argv[count++] = label;
    if (target->pids[0] != '\0') {
        argv[count++] = (char *)"--pid";
        argv[count++] = target->pids;
    }
    if (options->out.cpu_list != NULL) {
        argv[count++] = (char *)"--cpu-list";
        argv[count++] = (char *)options->out.cpu_list;
    }
    for (size_t i = 1; i < options->rest_count; i++)
        argv[count++] = options->rest[i];
    return argv;
}

/* Finds an option behind `--` that may only stand before it, once for all runs. */
static const char *find_clash(const struct options *run, const struct compare_target *target,
                              const struct options *options)
{
    if (run->out.json == NULL || strcmp(run->out.json, "-") != 0)
        return "--json belongs before the --";
    if (run->out.hgrm != NULL || run->out.html != NULL)
        return "--hgrm and --html would be written over by each run: --html belongs before the --";
    if (run->out.fail_if.count > 0)
        return "--fail-if belongs before the --";
    if (run->out.cpu_list != options->out.cpu_list)
        return "--cpu-list belongs before the --";
    if (run->out.pids != NULL && run->out.pids != target->pids)
        return "--pid belongs to a --via: NAME=ADDR,pid=N";
    if (run->ask.sni_file != NULL && strcmp(run->ask.sni_file, "-") == 0)
        return "--sni-file - can be read by one run only: name a file";
    return NULL;
}

/* Parses the words behind `--` into `run`, whose strings point into argv. */
static int try_command(const struct options *options, const struct compare_target *target,
                       struct options *run)
{
    char label[NAME_MAX_LEN + 16] = "router=";
    char *nothing = NULL;
    size_t len;
    const struct mode *mode = options_find_mode(options->rest[0]);

    if (mode == NULL || (mode->bit & MODE_LOAD) == 0)
        return usage("'%s' behind the -- is none of conn, bulk, latency, idle", options->rest[0]);
    char **argv = make_command(options, target, label);
    FILE *help = open_memstream(&nothing, &len);
    int argc = 1;
    while (argv != NULL && argv[argc + 1] != NULL)
        argc++;
    int code = BENCH_FAILED;
    if (argv != NULL && help != NULL) {
        enum options_result result = options_parse(run, mode, argc, argv + 1, help, stderr);
        const char *clash = result == OPTIONS_RUN ? find_clash(run, target, options) : NULL;
        code = result == OPTIONS_RUN ? BENCH_OK : BENCH_USAGE;
        if (result == OPTIONS_DONE)
            code = usage("%s", "--help behind the --");
        if (clash != NULL)
            code = usage("%s", clash);
    }
    if (help != NULL)
        fclose(help);
    free(nothing);
    free(argv);
    run->argv = NULL;
    run->argc = 0;
    return code;
}

static int check(const struct comparison *comparison, const struct options *options)
{
    struct options run;

    if (options->rest_count == 0)
        return usage("%s", "say what to run behind a --, such as: -- latency --rate 2k -c 64");
    if (comparison->rounds == 0 || comparison->rounds > COMPARE_ROUNDS_MAX)
        return usage("%s", "--rounds must be 1 to 64");
    for (size_t i = 0; i < comparison->target_count; i++) {
        int code = try_command(options, &comparison->targets[i], &run);
        if (code != BENCH_OK)
            return code;
    }
    for (size_t i = 0; i < options->out.fail_if.count; i++) {
        if (!compare_check_condition(comparison, &run, options->out.fail_if.items[i], stderr))
            return BENCH_USAGE;
    }
    return BENCH_OK;
}

/* A process of a target's pid= list that does not exist, or 0. */
static pid_t find_missing(const struct compare_target *target)
{
    struct sample_pids pids = {0};
    struct sample sample;
    pid_t missing = 0;

    if (target->pids[0] == '\0' || !sample_parse_pids(target->pids, &pids))
        return 0;
    sample_take(&pids, false, &sample, &missing);
    return sample.good ? 0 : missing;
}

/* Checks before the first run what would otherwise fail after minutes. */
static int check_surroundings(const struct comparison *comparison, const struct options *options)
{
    for (size_t i = 0; i < comparison->target_count; i++) {
        pid_t missing = find_missing(&comparison->targets[i]);
        if (missing == 0)
            continue;
        fprintf(stderr,
                "sni-bench: compare: --via %s: there is no process %d; write the router's number, "
                "as pidof prints it\n",
                comparison->targets[i].name, (int)missing);
        return BENCH_FAILED;
    }
    if (!result_check_path("--json", options->out.json) ||
        !result_check_path("--html", options->out.html))
        return BENCH_FAILED;
    return BENCH_OK;
}

static int pin_routers(const struct comparison *comparison, const struct options *options)
{
    struct cpu_list routers = {0};
    struct cpu_list load = {0};
    const char *text = options->compare.router_cpu;
    const char *list = options->out.cpu_list;

    if (list != NULL && !process_parse_cpus(list, &load))
        return usage("--cpu-list '%s': write CPUs as 0,2-3", list);
    if (text != NULL && !process_parse_cpus(text, &routers))
        return usage("--router-cpu '%s': write CPUs as 0,2-3", text);
    if (compare_cpus_overlap(&routers, &load))
        fprintf(stderr, "sni-bench: compare: routers and load share a CPU: costs are noisier\n");
    for (size_t i = 0; text != NULL && i < comparison->target_count; i++) {
        struct sample_pids pids = {0};
        pid_t missing = 0;
        const char *said = comparison->targets[i].pids;
        if (said[0] == '\0' || !sample_parse_pids(said, &pids))
            continue;
        int failed = compare_pin(&pids, &routers, &missing);
        if (failed != 0) {
            fprintf(stderr, "sni-bench: compare: --router-cpu %s: process %d of %s: %s\n", text,
                    (int)missing, comparison->targets[i].name, strerror(-failed));
            return BENCH_FAILED;
        }
    }
    return BENCH_OK;
}

/* A line per run: its first cost and its first rate. */
static void say_progress(const struct comparison *comparison, const struct compare_run *run)
{
    enum compare_kind wanted = COMPARE_COST;
    char text[COMPARE_TEXT];

    fprintf(stderr, "round %zu/%zu  %-16s", run->round + 1, comparison->rounds,
            comparison->targets[run->target].name);
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        double value = run->result == NULL ? 0 : metric->read(run->result, metric);
        bool told = metric->kind == COMPARE_COUNT ? value > 0 : metric->kind >= wanted;
        if (run->result == NULL || !told || value != value)
            continue;
        fprintf(stderr, "  %s %s%s%s", metric->label, compare_format(value, text),
                metric->unit[0] == '/' ? "" : " ", metric->unit);
        wanted = metric->kind + 1;
    }
    if (compare_run_has_failed(run)) {
        fputs("  FAILED", stderr);
        compare_put_errors(run, 1, run->target, stderr);
    }
    fputc('\n', stderr);
}

/* Whether a run that could not begin is reason to give the other runs up. */
static bool is_hopeless(const struct comparison *comparison, const struct compare_run *run)
{
    return run->result == NULL && run->exit_code < 128 &&
           find_missing(&comparison->targets[run->target]) == 0;
}

/* One run; BENCH_OK = go on. */
static int run_once(struct comparison *comparison, const struct options *options, size_t target,
                    size_t round)
{
    char label[NAME_MAX_LEN + 16];
    struct compare_outcome outcome;

    snprintf(label, sizeof label, "router=%s", comparison->targets[target].name);
    char **argv = make_command(options, &comparison->targets[target], label);
    if (argv == NULL || !compare_exec(argv, &outcome)) {
        free(argv);
        return BENCH_FAILED;
    }
    free(argv);
    cJSON *result = outcome.out == NULL ? NULL : cJSON_Parse(outcome.out);
    if (result == NULL && !outcome.interrupted && outcome.err != NULL)
        fprintf(stderr, "%s", outcome.err);
    free(outcome.out);
    free(outcome.err);
    /* An interrupted run does not count as a run of this comparison. */
    if (outcome.interrupted) {
        comparison->interrupted = true;
        cJSON_Delete(result);
        return BENCH_OK;
    }
    if (!comparison_add_run(comparison, target, round, outcome.exit_code, result))
        return BENCH_FAILED;
    const struct compare_run *run = &comparison->runs[comparison->run_count - 1];
    if (is_hopeless(comparison, run))
        return run->exit_code == BENCH_USAGE ? BENCH_USAGE : BENCH_FAILED;
    if (!options->out.quiet)
        say_progress(comparison, run);
    return BENCH_OK;
}

static int run_rounds(struct comparison *comparison, const struct options *options)
{
    for (size_t round = 0; round < comparison->rounds; round++) {
        for (size_t target = 0; target < comparison->target_count; target++) {
            int code = run_once(comparison, options, target, round);
            if (code != BENCH_OK || comparison->interrupted)
                return code;
        }
    }
    return BENCH_OK;
}

static bool write_document(const struct options *options, const cJSON *document)
{
    const char *path = options->out.json;
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    char *text = cJSON_PrintUnformatted(document);
    bool good = file != NULL && text != NULL && fprintf(file, "%s\n", text) > 0;

    if (file != NULL)
        good = (file == stdout ? fflush(file) : fclose(file)) == 0 && good;
    if (!good)
        fprintf(stderr, "sni-bench: --json %s: %s\n", path, strerror(errno));
    free(text);
    return good;
}

/* Tables, JSON, page; false = something could not be written. */
static bool say_all(const struct comparison *comparison, const struct options *options)
{
    bool json_on_stdout = options->out.json != NULL && strcmp(options->out.json, "-") == 0;
    FILE *out = json_on_stdout ? stderr : stdout;

    if (options->out.markdown)
        compare_print_markdown(comparison, out);
    else
        compare_print(comparison, out);
    cJSON *document = compare_to_json(comparison, options);
    bool good = document != NULL;
    if (good && options->out.json != NULL)
        good = write_document(options, document);
    if (document != NULL && options->out.html != NULL)
        good = report_write_document(document, options->out.html) && good;
    cJSON_Delete(document);
    return good;
}

static int answer(const struct comparison *comparison, const struct options *options, bool written)
{
    bool holds = false;

    for (size_t i = 0; i < options->out.fail_if.count; i++)
        holds |= compare_condition_holds(comparison, options->out.fail_if.items[i], stderr);
    if (holds)
        return BENCH_FAIL_IF;
    if (!written || comparison_has_failed(comparison) || comparison->run_count == 0)
        return BENCH_FAILED;
    return comparison_is_valid(comparison) ? BENCH_OK : BENCH_INVALID;
}

/* The words behind `--`, or what --label title=... says. */
static void make_title(const struct options *options, char *title, size_t room)
{
    size_t len = 0;

    title[0] = '\0';
    for (size_t i = 0; i < options->out.labels.count; i++) {
        if (strncmp(options->out.labels.items[i], "title=", 6) == 0) {
            snprintf(title, room, "%s", options->out.labels.items[i] + 6);
            return;
        }
    }
    for (size_t i = 0; i < options->rest_count && len < room; i++) {
        int more = snprintf(title + len, room - len, "%s%s", i == 0 ? "" : " ", options->rest[i]);
        len += (size_t)more;
    }
}

int compare_run_mode(const struct options *options)
{
    struct comparison comparison;
    char title[256];

    make_title(options, title, sizeof title);
    const char *mode = options->rest_count == 0 ? "" : options->rest[0];
    if (!comparison_init(&comparison, title, mode)) {
        comparison_free(&comparison);
        return BENCH_FAILED;
    }
    comparison.rounds = options->compare.rounds;
    int code = add_targets(&comparison, options);
    if (code == BENCH_OK)
        code = check(&comparison, options);
    if (code == BENCH_OK)
        code = check_surroundings(&comparison, options);
    if (code == BENCH_OK)
        code = pin_routers(&comparison, options);
    if (code == BENCH_OK) {
        compare_hold_signals(true);
        code = run_rounds(&comparison, options);
        if (code == BENCH_OK) {
            bool written = say_all(&comparison, options);
            code = answer(&comparison, options, written);
        }
    }
    comparison_free(&comparison);
    return code;
}
