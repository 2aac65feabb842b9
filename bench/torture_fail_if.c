/* --fail-if of torture: how many cases ended in which way. */

#include <math.h>
#include <string.h>

#include "bench/condition.h"
#include "bench/torture.h"

static const struct condition_word words[] = {
    {"deviations", CONDITION_COUNT},  {"best", CONDITION_COUNT},
    {"not_best", CONDITION_COUNT},    {"problems", CONDITION_COUNT},
    {"backend", CONDITION_COUNT},     {"other_backend", CONDITION_COUNT},
    {"alerts", CONDITION_COUNT},      {"closes", CONDITION_COUNT},
    {"resets", CONDITION_COUNT},      {"answers", CONDITION_COUNT},
    {"timeouts", CONDITION_COUNT},    {"no_backend", CONDITION_COUNT},
    {"unreachable", CONDITION_COUNT}, {NULL, CONDITION_COUNT},
};

/* Whether a case counts for the word. */
static bool counts(const struct torture_outcome *outcome, const char *word)
{
    static const struct {
        const char *word;
        enum torture_end end;
    } ends[] = {
        {"backend", TORTURE_ROUTED}, {"other_backend", TORTURE_OTHER},
        {"alerts", TORTURE_ALERT},   {"closes", TORTURE_CLOSED},
        {"resets", TORTURE_RESET},   {"answers", TORTURE_ANSWERED},
        {"timeouts", TORTURE_HELD},  {"no_backend", TORTURE_ALONE},
    };

    /* A case that could not connect has no end of these. */
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(ends[i].word, word) == 0)
            return outcome->end == ends[i].end && !outcome->unreachable;
    }
    if (strcmp(word, "deviations") == 0)
        return outcome->deviates;
    if (strcmp(word, "best") == 0)
        return outcome->best;
    if (strcmp(word, "not_best") == 0)
        return !outcome->best;
    if (strcmp(word, "problems") == 0)
        return outcome->problem[0] != '\0';
    return outcome->unreachable;
}

bool torture_check_conditions(const struct options *options)
{
    bool good = true;

    for (size_t i = 0; i < options->out.fail_if.count; i++) {
        struct condition condition;
        good = condition_parse(options->out.fail_if.items[i], words, &condition, stderr) && good;
    }
    return good;
}

bool torture_any_condition_holds(const struct torture_report *report)
{
    const struct text_list *texts = &report->options->out.fail_if;
    bool any = false;

    for (size_t i = 0; i < texts->count; i++) {
        struct condition condition;
        /* It can be parsed: torture_check_conditions() has done so before the run. */
        if (!condition_parse(texts->items[i], words, &condition, stderr))
            return true;
        size_t seen = 0;
        for (size_t k = 0; k < report->count; k++)
            seen += counts(&report->outcomes[k], condition.word->word);
        if (!condition_holds(&condition, (double)seen))
            continue;
        condition_say(texts->items[i], condition.word->unit, (double)seen, stderr);
        any = true;
    }
    return any;
}
