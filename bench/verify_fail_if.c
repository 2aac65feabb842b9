/* --fail-if of verify: counts of the whole run, and how many streams were whole in a second. */

#include <math.h>
#include <string.h>

#include "bench/condition.h"
#include "bench/verify.h"

/* The words of the faults are those of the result. */
static const struct condition_word words[] = {
    {"faults", CONDITION_COUNT},
    {"misrouted", CONDITION_COUNT},
    {"corrupt", CONDITION_COUNT},
    {"truncated", CONDITION_COUNT},
    {"dropped", CONDITION_COUNT},
    {"stalled", CONDITION_COUNT},
    {"streams", CONDITION_COUNT},
    {"rate", CONDITION_RATE},
    {"exchanges", CONDITION_COUNT},
    {"reloads", CONDITION_COUNT},
    {"reloads_failed", CONDITION_COUNT},
    {"reloads_left_out", CONDITION_COUNT},
    {NULL, CONDITION_COUNT},
};

static double measure(const struct verify *verify, const char *word)
{
    for (int fault = 0; fault < VERIFY_FAULTS; fault++) {
        if (strcmp(word, verify_fault_word((enum verify_fault)fault)) == 0)
            return (double)verify->faults[fault];
    }
    if (strcmp(word, "faults") == 0)
        return (double)verify_fault_count(verify);
    if (strcmp(word, "streams") == 0)
        return (double)verify_whole_count(verify);
    if (strcmp(word, "rate") == 0 && verify_seconds(verify) > 0)
        return (double)verify_whole_count(verify) / verify_seconds(verify);
    if (strcmp(word, "exchanges") == 0)
        return (double)verify->exchanges;
    if (strcmp(word, "reloads") == 0)
        return (double)verify->reloads;
    if (strcmp(word, "reloads_failed") == 0)
        return (double)verify->reloads_failed;
    if (strcmp(word, "reloads_left_out") == 0)
        return (double)verify->reloads_late;
    return NAN;
}

bool verify_check_conditions(const struct options *options)
{
    bool good = true;

    for (size_t i = 0; i < options->out.fail_if.count; i++) {
        const char *text = options->out.fail_if.items[i];
        struct condition condition;
        if (!condition_parse(text, words, &condition, stderr)) {
            good = false;
        } else if (strncmp(condition.word->word, "reloads", 7) == 0 &&
                   options->verify.reload_cmd == NULL) {
            fprintf(stderr, "sni-bench: --fail-if '%s': nothing is reloaded: add --reload-cmd\n",
                    text);
            good = false;
        }
    }
    return good;
}

bool verify_any_condition_holds(const struct verify *verify)
{
    const struct text_list *texts = &verify->options->out.fail_if;
    bool any = false;

    for (size_t i = 0; i < texts->count; i++) {
        struct condition condition;
        /* It can be parsed: verify_check_conditions() has done so before the run. */
        if (!condition_parse(texts->items[i], words, &condition, stderr))
            return true;
        double seen = measure(verify, condition.word->word);
        if (!condition_holds(&condition, seen))
            continue;
        condition_say(texts->items[i], condition.word->unit, seen, stderr);
        any = true;
    }
    return any;
}
