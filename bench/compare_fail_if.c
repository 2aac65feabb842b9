/*
 * --fail-if of a comparison: a word of the load modes or a metric of --json, and the target it is
 * judged for.
 *
 *   p99>5ms                      of the first --via
 *   haproxy.p99>5ms, p99 haproxy>5ms
 *   cpu_request a/b > 1          the ratio of their medians; also a/b.cpu_request
 *   p99_ms haproxy > 5           a metric of --json: a number in its unit
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare.h"
#include "bench/fail_if.h"

/* A condition taken apart. */
struct compare_claim {
    struct condition condition;
    const struct compare_metric *metric;
    const char *word; /* word of the load modes; NULL: a metric of --json */
    size_t of;
    size_t to; /* COMPARE_NONE: the value itself, not a ratio */
};

/* In a closed loop this is the service time, as in the load modes. */
static double read_phase(const cJSON *result, const struct compare_metric *metric)
{
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(result, "phases");

    if (!(compare_number(phases, metric->object, "count") > 0))
        return NAN;
    return compare_number(phases, metric->object, metric->field);
}

static double read_rate(const cJSON *result, const struct compare_metric *metric)
{
    return compare_number(result, metric->object, "connections_per_s") +
           compare_number(result, metric->object, "requests_per_s");
}

static double read_speed(const cJSON *result, const struct compare_metric *metric)
{
    return compare_number(result, metric->object, "in_bytes_per_s") +
           compare_number(result, metric->object, "out_bytes_per_s");
}

static double read_cost(const cJSON *result, const struct compare_metric *metric)
{
    return compare_number(result, metric->object, metric->field) * metric->scale;
}

/* The words of the load modes, in the base units of their conditions. */
static const struct compare_metric word_metrics[] = {
    {"p50", NULL, NULL, COMPARE_LATENCY, "latency", "p50_ns", 1, read_phase},
    {"p90", NULL, NULL, COMPARE_LATENCY, "latency", "p90_ns", 1, read_phase},
    {"p95", NULL, NULL, COMPARE_LATENCY, "latency", "p95_ns", 1, read_phase},
    {"p99", NULL, NULL, COMPARE_LATENCY, "latency", "p99_ns", 1, read_phase},
    {"p99.9", NULL, NULL, COMPARE_LATENCY, "latency", "p99_9_ns", 1, read_phase},
    {"p99.99", NULL, NULL, COMPARE_LATENCY, "latency", "p99_99_ns", 1, read_phase},
    {"max", NULL, NULL, COMPARE_LATENCY, "latency", "max_ns", 1, read_phase},
    {"mean", NULL, NULL, COMPARE_LATENCY, "latency", "mean_ns", 1, read_phase},
    {"slip", NULL, NULL, COMPARE_LATENCY, "slip", "max_ns", 1, read_phase},
    {"rate", NULL, NULL, COMPARE_RATE, "totals", NULL, 1, read_rate},
    {"throughput", NULL, NULL, COMPARE_RATE, "totals", NULL, 1, read_speed},
    {"cpu_conn", NULL, NULL, COMPARE_COST, "costs", "cpu_us_per_connection", 1e3, read_cost},
    {"cpu_request", NULL, NULL, COMPARE_COST, "costs", "cpu_us_per_request", 1e3, read_cost},
    {"cpu_gib", NULL, NULL, COMPARE_COST, "costs", "cpu_ms_per_gib", 1e6, read_cost},
    {"kib_conn", NULL, NULL, COMPARE_COST, "costs", "user_kib_per_connection", 1, read_cost},
    {NULL, NULL, NULL, COMPARE_COUNT, NULL, NULL, 0, NULL}};

static const struct compare_metric *find_word_metric(const char *word)
{
    for (const struct compare_metric *metric = word_metrics; metric->key != NULL; metric++) {
        if (strcmp(metric->key, word) == 0)
            return metric;
    }
    return compare_find_metric(word); /* "errors" is the same in both */
}

static bool find_metric(const char *text, struct compare_claim *claim)
{
    const struct condition_word *word = condition_find(fail_if_words, text);

    claim->condition.word = word;
    claim->word = word == NULL ? NULL : word->word;
    claim->metric = word == NULL ? compare_find_metric(text) : find_word_metric(text);
    return claim->metric != NULL;
}

/* "a" or "a/b". */
static bool find_targets(const struct comparison *comparison, const char *text,
                         struct compare_claim *claim)
{
    char first[CONDITION_TEXT];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);

    snprintf(first, sizeof first, "%.*s", (int)len, text);
    claim->of = comparison_find_target(comparison, first);
    claim->to = slash == NULL ? COMPARE_NONE : comparison_find_target(comparison, slash + 1);
    return claim->of != COMPARE_NONE && (slash == NULL || claim->to != COMPARE_NONE);
}

static bool refuse_metric(const char *text, FILE *err)
{
    fprintf(err, "there is no metric '%s'; there are:", text);
    condition_print_words(fail_if_words, err);
    fprintf(err, "; and in plain numbers:");
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++) {
        if (condition_find(fail_if_words, metric->key) == NULL)
            fprintf(err, " %s", metric->key);
    }
    return false;
}

static bool refuse_target(const struct comparison *comparison, const char *text, FILE *err)
{
    fprintf(err, "there is no target '%s'; there are:", text);
    for (size_t i = 0; i < comparison->target_count; i++)
        fprintf(err, " %s", comparison->targets[i].name);
    fprintf(err, "; two with a / between them are their ratio");
    return false;
}

/* "a.p99", "a/b.p99.9": both sides may have dots, so each is tried. */
static bool read_dotted(const struct comparison *comparison, const char *subject,
                        struct compare_claim *claim, FILE *err)
{
    char whose[CONDITION_TEXT];
    const char *unknown_target = NULL;
    const char *unknown_metric = subject;

    for (const char *dot = strchr(subject, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        snprintf(whose, sizeof whose, "%.*s", (int)(dot - subject), subject);
        bool metric = find_metric(dot + 1, claim);
        bool targets = find_targets(comparison, whose, claim);
        if (metric && targets)
            return true;
        if (metric && unknown_target == NULL)
            unknown_target = dot;
        if (targets)
            unknown_metric = dot + 1;
    }
    if (unknown_target == NULL)
        return refuse_metric(unknown_metric, err);
    snprintf(whose, sizeof whose, "%.*s", (int)(unknown_target - subject), subject);
    return refuse_target(comparison, whose, err);
}

static bool read_subject(const struct comparison *comparison, char *subject,
                         struct compare_claim *claim, FILE *err)
{
    char *blank = strpbrk(subject, " \t");

    if (blank != NULL) {
        *blank = '\0';
        const char *whose = blank + 1 + strspn(blank + 1, " \t");
        if (!find_metric(subject, claim))
            return refuse_metric(subject, err);
        return find_targets(comparison, whose, claim) || refuse_target(comparison, whose, err);
    }
    if (!find_metric(subject, claim))
        return read_dotted(comparison, subject, claim, err);
    claim->of = comparison_first(comparison);
    claim->to = COMPARE_NONE;
    if (claim->of == COMPARE_NONE)
        claim->of = comparison_direct(comparison);
    return claim->of != COMPARE_NONE;
}

static enum condition_unit unit_of(const struct compare_claim *claim)
{
    bool plain = claim->to != COMPARE_NONE || claim->word == NULL;

    return plain ? CONDITION_NUMBER : claim->condition.word->unit;
}

static bool parse(const struct comparison *comparison, const char *text,
                  struct compare_claim *claim, FILE *err)
{
    char subject[CONDITION_TEXT];
    const char *value = condition_split(text, subject, &claim->condition);

    if (value == NULL) {
        fprintf(err, "write it as 'p99>5ms', 'haproxy.p99>5ms' or 'cpu_request a/b > 1'");
        return false;
    }
    if (!read_subject(comparison, subject, claim, err))
        return false;
    if (condition_read_bound(unit_of(claim), value, &claim->condition.bound))
        return true;
    const char *unit = claim->metric->unit;
    if (claim->to != COMPARE_NONE)
        fprintf(err, "'%s' is not a number such as 1.5, for a ratio", value);
    else if (claim->word == NULL && unit[0] != '\0')
        fprintf(err, "'%s' is not a number such as 1.5, in %s", value, unit);
    else
        fprintf(err, "'%s' is not %s", value, condition_describe(unit_of(claim)));
    return false;
}

/* A word of the load modes that is known in the same runs as the metric. */
static const char *like_word(const struct compare_claim *claim)
{
    static const struct {
        const char *key;
        const char *word;
    } rows[] = {{"cpu_us_per_connection", "cpu_conn"},
                {"cpu_us_per_request", "cpu_request"},
                {"cpu_ms_per_gib", "cpu_gib"},
                {"user_kib_per_connection", "kib_conn"},
                {"kernel_kib_per_connection", "kib_conn"},
                {"context_switches_per_operation", "rate"},
                {"connections_per_s", "cpu_conn"},
                {"requests_per_s", "cpu_request"},
                {"throughput_gbit_per_s", "cpu_gib"}};

    if (claim->word != NULL)
        return claim->word;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].key, claim->metric->key) == 0)
            return rows[i].word;
    }
    return claim->metric->kind == COMPARE_LATENCY ? "p99" : "errors";
}

static bool lacks_process(const struct comparison *comparison, const struct compare_claim *claim,
                          size_t target, FILE *err)
{
    bool whole_machine = strcmp(claim->metric->key, "kernel_kib_per_connection") == 0;

    if (target == COMPARE_NONE || claim->metric->kind != COMPARE_COST || whole_machine ||
        comparison->targets[target].pids[0] != '\0')
        return false;
    const char *name = comparison->targets[target].name;
    if (comparison->targets[target].direct)
        fprintf(err, "%s has no router whose cost could be measured", name);
    else
        fprintf(err, "say whose cost it is: --via %s=ADDR,pid=N", name);
    return true;
}

/* Whether the runs of this comparison can measure the value; says why not. */
static bool is_known(const struct comparison *comparison, const struct compare_claim *claim,
                     const struct options *run, FILE *err)
{
    const char *why = fail_if_unsuitable(like_word(claim), run);
    bool closed = run->load.rate <= 0;

    if (why == NULL && claim->word == NULL && claim->metric->kind == COMPARE_LATENCY && closed)
        why = "a closed loop measures no latency (use --rate; p99 and the like judge its service "
              "time)";
    if (why != NULL) {
        fprintf(err, "%s is not known in these runs: %s", claim->metric->key, why);
        return false;
    }
    return !lacks_process(comparison, claim, claim->of, err) &&
           !lacks_process(comparison, claim, claim->to, err);
}

bool compare_check_condition(const struct comparison *comparison, const struct options *run,
                             const char *text, FILE *err)
{
    struct compare_claim claim;
    char *why = NULL;
    size_t len;
    FILE *said = open_memstream(&why, &len);

    if (said == NULL)
        return false;
    bool good = parse(comparison, text, &claim, said) && is_known(comparison, &claim, run, said);
    fclose(said);
    if (!good)
        fprintf(err, "sni-bench: compare: --fail-if '%s': %s\n", text, why);
    else if (claim.word != NULL && fail_if_is_latency(claim.word) && run->load.rate <= 0)
        fail_if_warn(text, err);
    free(why);
    return good;
}

/* The value that is judged: the median or the ratio of two medians; of errors the worst round. */
static double measure(const struct comparison *comparison, const struct compare_claim *claim)
{
    struct compare_spread spread;

    if (claim->to != COMPARE_NONE)
        return comparison_ratio(comparison, claim->metric, claim->of, claim->to).ratio;
    if (!comparison_spread(comparison, claim->metric, claim->of, &spread))
        return NAN;
    return claim->metric->kind == COMPARE_COUNT ? spread.max : spread.median;
}

static bool is_doubtful(const struct comparison *comparison, const struct compare_claim *claim,
                        size_t target)
{
    return target != COMPARE_NONE && comparison_is_doubtful(comparison, claim->metric, target);
}

static void say(const struct comparison *comparison, const struct compare_claim *claim,
                const char *text, double seen, FILE *err)
{
    char value[CONDITION_TEXT];
    const char *of = comparison->targets[claim->of].name;

    if (isnan(seen)) {
        fprintf(err, "sni-bench: --fail-if '%s' fails: it was not measured\n", text);
        return;
    }
    condition_format(unit_of(claim), seen, value);
    fprintf(err, "sni-bench: --fail-if '%s' holds: %s", text, value);
    bool doubtful =
        is_doubtful(comparison, claim, claim->of) || is_doubtful(comparison, claim, claim->to);
    const char *doubt = doubtful ? "; the load tool was the limit in some of the runs" : "";
    if (claim->to != COMPARE_NONE) {
        bool noise = comparison_ratio(comparison, claim->metric, claim->of, claim->to).within_noise;
        fprintf(err, " is the ratio of the medians of %s and %s%s%s\n", of,
                comparison->targets[claim->to].name, noise ? ", within noise" : "", doubt);
        return;
    }
    const char *unit = claim->word == NULL ? claim->metric->unit : "";
    const char *what = claim->metric->kind == COMPARE_COUNT ? "worst round" : "median";
    fprintf(err, "%s%s is the %s of %s%s\n", unit[0] == '\0' || unit[0] == '/' ? "" : " ", unit,
            what, of, doubt);
}

bool compare_condition_holds(const struct comparison *comparison, const char *text, FILE *err)
{
    struct compare_claim claim;

    /* It can be parsed: compare_check_condition() has done so before the runs. */
    if (!parse(comparison, text, &claim, err))
        return true;
    double seen = measure(comparison, &claim);
    bool holds = condition_holds(&claim.condition, seen);
    if (holds)
        say(comparison, &claim, text, seen, err);
    return holds;
}
