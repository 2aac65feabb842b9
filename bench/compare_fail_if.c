/* --fail-if of a comparison: "METRIC TARGET[/TARGET] < > <= >= NUMBER". */

#include "bench/compare.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 128

/* A condition taken apart. */
struct condition {
    const struct compare_metric *metric;
    size_t of;
    size_t to; /* COMPARE_NONE: the value itself, not a ratio */
    bool greater;
    bool equal;
    double bound;
};

/* The next word, up to a blank or a comparison; `text` moves behind it and the blanks. */
static void take_word(const char **text, char word[WORD_MAX])
{
    size_t len = strcspn(*text, " <>");
    snprintf(word, WORD_MAX, "%.*s", (int)len, *text);
    *text += len;
    *text += strspn(*text, " ");
}

static bool find(const struct comparison *comparison, const char *name, size_t *target, FILE *err)
{
    *target = comparison_find_target(comparison, name);
    if (*target != COMPARE_NONE)
        return true;
    fprintf(err, "there is no target '%s'; there are", name);
    for (size_t i = 0; i < comparison->target_count; i++)
        fprintf(err, " %s", comparison->targets[i].name);
    return false;
}

static bool find_metric(const char *key, struct condition *condition, FILE *err)
{
    condition->metric = compare_find_metric(key);
    if (condition->metric != NULL)
        return true;
    fprintf(err, "there is no metric '%s'; there are", key);
    for (const struct compare_metric *metric = compare_metrics; metric->key != NULL; metric++)
        fprintf(err, " %s", metric->key);
    return false;
}

static bool parse_bound(const char *text, struct condition *condition)
{
    char *end;
    condition->greater = text[0] == '>';
    if (text[0] != '>' && text[0] != '<')
        return false;
    condition->equal = text[1] == '=';
    text += condition->equal ? 2 : 1;
    text += strspn(text, " ");
    condition->bound = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(condition->bound);
}

static bool parse(const struct comparison *comparison, const char *text,
                  struct condition *condition, FILE *err)
{
    char word[WORD_MAX];
    text += strspn(text, " ");
    take_word(&text, word);
    if (!find_metric(word, condition, err))
        return false;
    take_word(&text, word);
    char *slash = strchr(word, '/');
    condition->to = COMPARE_NONE;
    if (slash != NULL) {
        *slash = '\0';
        if (!find(comparison, slash + 1, &condition->to, err))
            return false;
    }
    if (!find(comparison, word, &condition->of, err))
        return false;
    if (!parse_bound(text, condition)) {
        fprintf(err, "end it with > or < and a number");
        return false;
    }
    return true;
}

bool compare_check_condition(const struct comparison *comparison, const char *text, FILE *err)
{
    struct condition condition;
    char *why = NULL;
    size_t len;
    FILE *said = open_memstream(&why, &len);
    if (said == NULL)
        return false;
    bool good = parse(comparison, text, &condition, said);
    fclose(said);
    if (!good)
        fprintf(err,
                "sni-bench: compare: --fail-if '%s': %s\n"
                "write it as 'cpu_ms_per_gib a/b > 0.4' (ratio of medians) or 'p99_ms a > 5'\n",
                text, why);
    free(why);
    return good;
}

bool compare_condition_holds(const struct comparison *comparison, const char *text, double *seen)
{
    struct condition condition;
    struct compare_spread spread;
    *seen = NAN;
    FILE *nowhere = fopen("/dev/null", "we");
    bool good = nowhere != NULL && parse(comparison, text, &condition, nowhere);
    if (nowhere != NULL)
        fclose(nowhere);
    if (!good)
        return true;
    if (condition.to != COMPARE_NONE)
        *seen = comparison_ratio(comparison, condition.metric, condition.of, condition.to).ratio;
    else if (comparison_spread(comparison, condition.metric, condition.of, &spread))
        *seen = spread.median;
    /* What was not measured cannot be shown to be within bounds. */
    if (isnan(*seen) || (condition.equal && *seen == condition.bound))
        return true;
    return condition.greater ? *seen > condition.bound : *seen < condition.bound;
}
