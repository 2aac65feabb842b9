/*
 * --fail-if of the load modes: what each word measures, and in which runs it is measured at all. A
 * word that this run cannot measure is refused before the run, so that nobody waits in vain.
 */

#include <math.h>
#include <string.h>

#include "bench/condition.h"
#include "bench/fail_if.h"

const struct condition_word fail_if_words[] = {
    {"p50", CONDITION_TIME},      {"p90", CONDITION_TIME},         {"p95", CONDITION_TIME},
    {"p99", CONDITION_TIME},      {"p99.9", CONDITION_TIME},       {"p99.99", CONDITION_TIME},
    {"max", CONDITION_TIME},      {"mean", CONDITION_TIME},        {"slip", CONDITION_TIME},
    {"rate", CONDITION_RATE},     {"errors", CONDITION_COUNT},     {"throughput", CONDITION_SPEED},
    {"cpu_conn", CONDITION_TIME}, {"cpu_request", CONDITION_TIME}, {"cpu_gib", CONDITION_TIME},
    {"kib_conn", CONDITION_KIB},  {NULL, CONDITION_NUMBER}};

/* The percentile that a word such as "p99" names, 100 for "max"; negative = none. */
static double percentile_of(const char *word)
{
    static const struct {
        const char *word;
        double percentile;
    } rows[] = {{"p50", 50},     {"p90", 90},       {"p95", 95}, {"p99", 99},
                {"p99.9", 99.9}, {"p99.99", 99.99}, {"max", 100}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].word, word) == 0)
            return rows[i].percentile;
    }
    return -1;
}

bool fail_if_is_latency(const char *word)
{
    return percentile_of(word) >= 0 || strcmp(word, "mean") == 0;
}

bool fail_if_is_cost(const char *word)
{
    return strncmp(word, "cpu_", 4) == 0 || strcmp(word, "kib_conn") == 0;
}

const char *fail_if_unsuitable(const char *word, const struct options *options)
{
    unsigned mode = options->mode->bit;
    bool kept = mode == MODE_LATENCY && !options->load.new_conn;
    bool operations = mode == MODE_CONN || mode == MODE_LATENCY;

    if ((fail_if_is_latency(word) || strcmp(word, "rate") == 0) && !operations)
        return "only conn and latency have operations to time and to count";
    if (strcmp(word, "slip") == 0 && options->load.rate <= 0)
        return "without --rate nothing is due, so nothing can be late";
    if (strcmp(word, "throughput") == 0 && mode == MODE_IDLE)
        return "idle moves no bytes";
    if (strcmp(word, "cpu_conn") == 0 && (!operations || kept))
        return "only conn and latency --new-conn count connections";
    if (strcmp(word, "cpu_request") == 0 && !kept)
        return "only latency on kept connections counts requests";
    if (strcmp(word, "cpu_gib") == 0 && mode != MODE_BULK)
        return "only bulk measures it";
    if (strcmp(word, "kib_conn") == 0 && mode != MODE_IDLE)
        return "only idle measures it";
    return NULL;
}

static bool check(const char *text, const struct options *options, FILE *err)
{
    struct condition condition;

    if (!condition_parse(text, fail_if_words, &condition, err))
        return false;
    const char *word = condition.word->word;
    const char *why = fail_if_unsuitable(word, options);
    if (why == NULL && fail_if_is_cost(word) && options->out.pids == NULL)
        why = "say whose cost it is: --pid PID";
    if (why != NULL)
        fprintf(err, "sni-bench: --fail-if '%s': %s is not known in this run: %s\n", text, word,
                why);
    else if (fail_if_is_latency(word) && options->load.rate <= 0)
        fail_if_warn(text, err);
    return why == NULL;
}

void fail_if_warn(const char *text, FILE *err)
{
    fprintf(err,
            "sni-bench: --fail-if '%s' judges the service time of a closed loop, which is no "
            "latency; --rate measures that\n",
            text);
}

bool fail_if_check(const struct options *options, FILE *err)
{
    for (size_t i = 0; i < options->out.fail_if.count; i++) {
        if (!check(options->out.fail_if.items[i], options, err))
            return false;
    }
    return true;
}

static double known(double value, double scale)
{
    return value < 0 ? NAN : value * scale;
}

double fail_if_measure(const struct result *result, const char *word)
{
    const struct histogram *latency = result->phases[LOAD_PHASE_LATENCY];
    const struct histogram *slip = result->phases[LOAD_PHASE_SLIP];
    const struct load_counts *window = &result->window;
    const struct result_costs *costs = &result->costs;
    bool timed = result->seconds > 0;
    double percentile = percentile_of(word);

    if (percentile >= 0 && latency->count > 0)
        return (double)histogram_percentile(latency, percentile);
    if (strcmp(word, "mean") == 0 && latency->count > 0)
        return histogram_mean(latency);
    if (strcmp(word, "slip") == 0 && slip->count > 0)
        return (double)slip->max_ns;
    if (strcmp(word, "rate") == 0 && timed)
        return (double)(window->completed + window->requests) / result->seconds;
    if (strcmp(word, "errors") == 0)
        return (double)result_errors(&result->total);
    if (strcmp(word, "throughput") == 0 && timed)
        return (double)(window->bytes_in + window->bytes_out) / result->seconds;
    if (strcmp(word, "cpu_conn") == 0)
        return known(costs->cpu_us_per_conn, 1e3);
    if (strcmp(word, "cpu_request") == 0)
        return known(costs->cpu_us_per_request, 1e3);
    if (strcmp(word, "cpu_gib") == 0)
        return known(costs->cpu_ms_per_gib, 1e6);
    if (strcmp(word, "kib_conn") == 0)
        return known(costs->user_kib_per_conn, 1);
    return NAN;
}

bool fail_if_holds(const struct result *result, FILE *err)
{
    const struct text_list *texts = &result->options->out.fail_if;
    bool any = false;

    for (size_t i = 0; i < texts->count; i++) {
        struct condition condition;
        /* It can be parsed: fail_if_check() has done so before the run. */
        if (!condition_parse(texts->items[i], fail_if_words, &condition, err))
            return true;
        double seen = fail_if_measure(result, condition.word->word);
        if (!condition_holds(&condition, seen))
            continue;
        condition_say(texts->items[i], condition.word->unit, seen, err);
        any = true;
    }
    return any;
}
