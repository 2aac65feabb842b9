#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

/*
 * Comparisons: the same load, in turns, directly and through each router.
 *
 *   compare.c       the mode: who is compared, the rounds, what is written
 *   compare_exec.c  one run: this program again, its result read from a pipe
 *   compare_model.c targets and runs; also made from files by bench/report_load.c
 *   compare_metric.c what is compared: medians, ranges, ratios
 *   compare_text.c, compare_markdown.c, compare_json.c, compare_schema.c   ways to say it
 *   compare_fail_if.c   conditions
 *
 * Names and results may come from files that others wrote: every way out escapes them.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/options.h"

#define COMPARE_SCHEMA_VERSION 1
#define COMPARE_TARGETS_MAX    16
#define COMPARE_ROUNDS_MAX     64
/* Fewer rounds say too little about the noise. */
#define COMPARE_ROUNDS_MIN 5
#define COMPARE_NONE       SIZE_MAX

/* What is measured: the backend itself or a router before it. All texts are owned. */
struct compare_target {
    char *name;
    char *address; /* "" = not known */
    char *pids;    /* "1,2", "" = costs are not measured */
    bool direct;
};

/* One run of one target. */
struct compare_run {
    size_t target;
    size_t round; /* from 0 */
    int exit_code;
    cJSON *result; /* owned; NULL = there is none */
};

/* Targets in the order of the command line, runs in the order in which they were made. */
struct comparison {
    char *title; /* heading of its section; owned */
    char *mode;  /* mode of the runs, such as "latency"; owned */
    size_t target_count;
    struct compare_target targets[COMPARE_TARGETS_MAX];
    size_t rounds; /* wanted */
    size_t run_count;
    size_t run_cap;
    struct compare_run *runs;
    bool interrupted;
    bool loose; /* the runs were made separately, so they form no rounds */
};

/* Whether less or more of it is better, for the reader of a ratio. */
enum compare_kind { COMPARE_COST, COMPARE_RATE, COMPARE_LATENCY, COMPARE_COUNT };

/* One thing that is compared. */
struct compare_metric {
    const char *key; /* name in JSON and --fail-if */
    const char *label;
    const char *unit;
    enum compare_kind kind;
    const char *object; /* the object of a result that holds it */
    const char *field;
    double scale;
    double (*read)(const cJSON *result, const struct compare_metric *metric);
};

/* The last one has a NULL key. Costs come first. */
extern const struct compare_metric compare_metrics[];

/* The values of one metric and target, in the order of the rounds. */
struct compare_spread {
    size_t count;
    double values[COMPARE_ROUNDS_MAX];
    double median;
    double min;
    double max;
};

/* How two targets compare: medians as a ratio. */
struct compare_ratio {
    bool known;
    bool within_noise; /* their ranges overlap */
    double ratio;
};

/* Room for a formatted value. */
#define COMPARE_TEXT 48

/* --- compare_model.c; "false" or COMPARE_NONE means out of room or memory --- */

bool comparison_init(struct comparison *comparison, const char *title, const char *mode);
void comparison_free(struct comparison *comparison);
/* Copies the texts. Returns the target's index; an existing name is found, not added. */
size_t comparison_add_target(struct comparison *comparison, const char *name, const char *address,
                             const char *pids, bool direct);
size_t comparison_find_target(const struct comparison *comparison, const char *name);
/* Takes `result` over, also when it fails. */
bool comparison_add_run(struct comparison *comparison, size_t target, size_t round, int exit_code,
                        cJSON *result);
/* The direct target, and the first that is not. */
size_t comparison_direct(const struct comparison *comparison);
size_t comparison_first(const struct comparison *comparison);
/*
 * How a run ended. Limited: the load tool was the limit, one of several reasons why a run is not
 * valid.
 */
bool compare_run_is_valid(const struct compare_run *run);
bool compare_run_is_limited(const struct compare_run *run);
bool compare_run_has_failed(const struct compare_run *run);
/* Runs of a target; how many of them are not valid, were limited by the tool, have failed. */
size_t comparison_runs_of(const struct comparison *comparison, size_t target);
size_t comparison_invalid(const struct comparison *comparison, size_t target);
size_t comparison_limited(const struct comparison *comparison, size_t target);
size_t comparison_failed(const struct comparison *comparison, size_t target);
/* "5 rounds in turns", "1 round", "1 to 3 runs of each": the runs that were really made. */
#define COMPARE_ROUNDS_TEXT 64
const char *comparison_rounds_text(const struct comparison *comparison,
                                   char out[COMPARE_ROUNDS_TEXT]);
/* Whether there are enough complete rounds of valid runs; whether any run failed. */
bool comparison_is_valid(const struct comparison *comparison);
bool comparison_has_failed(const struct comparison *comparison);
/* The target's run with the median value of the first metric that the target has, or NULL. */
const struct compare_run *comparison_typical_run(const struct comparison *comparison,
                                                 size_t target);

/* --- compare_metric.c --- */

/* The number at object.field of a JSON object; NAN when it is not there or no number. */
double compare_number(const cJSON *json, const char *object, const char *field);
/* Whether a result says `key`: true. */
bool compare_says(const cJSON *json, const char *key);
const struct compare_metric *compare_find_metric(const char *key);
/* False when no run of the target has it. */
bool comparison_spread(const struct comparison *comparison, const struct compare_metric *metric,
                       size_t target, struct compare_spread *spread);
/*
 * Whether a value says more about the tool than about the target: in limited runs rates and
 * latencies do, costs do not.
 */
bool comparison_is_doubtful(const struct comparison *comparison,
                            const struct compare_metric *metric, size_t target);
/* Whether any target has a value of the metric. */
bool comparison_has(const struct comparison *comparison, const struct compare_metric *metric);
/* Whether any target has a value worth printing: a count of errors that is 0 everywhere is not. */
bool comparison_tells(const struct comparison *comparison, const struct compare_metric *metric);
/* The first metric that any target has, or NULL; shown where there is room for one metric only. */
const struct compare_metric *comparison_main_metric(const struct comparison *comparison);
/*
 * The ratio of target `of` to target `to`. Not known when either is COMPARE_NONE or both are the
 * same.
 */
struct compare_ratio comparison_ratio(const struct comparison *comparison,
                                      const struct compare_metric *metric, size_t of, size_t to);
/* 3 significant digits. Both return `out`. */
const char *compare_format(double value, char out[COMPARE_TEXT]);
/* "1.37", "1.02 (within noise)", "-". */
const char *compare_format_ratio(struct compare_ratio ratio, char out[COMPARE_TEXT]);

/* --- ways to say it --- */

/* Tables for a terminal: control characters in names are shown as '?'. */
void compare_print(const struct comparison *comparison, FILE *out);
/* ": refused 33, timeout 2": what failed in those of the runs that are the target's, if anything.
 */
void compare_put_errors(const struct compare_run *runs, size_t count, size_t target, FILE *out);
void compare_print_markdown(const struct comparison *comparison, FILE *out);
/* The document that --json writes; the caller deletes it. NULL = out of memory. */
cJSON *compare_to_json(const struct comparison *comparison, const struct options *options);
void compare_print_schema(FILE *out);

/* --- compare_fail_if.c --- */

/*
 * "p99>5ms", "haproxy.p99>5ms", "cpu_ms_per_gib sni-router/haproxy > 0.4". `run` are the options of
 * the runs. Says on `err` what is wrong.
 */
bool compare_check_condition(const struct comparison *comparison, const struct options *run,
                             const char *text, FILE *err);
/*
 * Whether the condition holds (true also when its value was not measured); says on `err` that it
 * does.
 */
bool compare_condition_holds(const struct comparison *comparison, const char *text, FILE *err);

/* --- compare_exec.c --- */

/* What one run ended with. */
struct compare_outcome {
    int exit_code; /* 128 + signal when it was killed */
    bool interrupted;
    char *out; /* what it printed; owned by the caller */
    char *err;
};

/*
 * Runs this program with `argv` (ends with NULL) and collects what it prints. SIGINT, SIGTERM
 * and SIGHUP are passed on to it. False when it could not be started; said on stderr.
 */
bool compare_exec(char **argv, struct compare_outcome *outcome);
/*
 * Blocks SIGINT, SIGTERM and SIGHUP between two runs; the next run delivers them. After the last
 * run they stay blocked.
 */
void compare_hold_signals(bool hold);

/* Runs the mode; returns an enum bench_exit. */
int compare_run_mode(const struct options *options);

#endif
