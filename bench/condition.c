/* --fail-if: a word, a comparison, a value with its unit. */

#include "bench/condition.h"
#include "config/text/units.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

static size_t trimmed(const char *text, size_t len)
{
    while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
        len--;
    return len;
}

/* Copies `len` bytes without the blanks at their end; false = nothing is left, or too much. */
static bool copy_trimmed(char out[CONDITION_TEXT], const char *text, size_t len)
{
    len = trimmed(text, len);
    if (len == 0 || len >= CONDITION_TEXT)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

const char *condition_split(const char *text, char subject[CONDITION_TEXT],
                            struct condition *condition)
{
    text += strspn(text, blanks);
    size_t len = strcspn(text, "<>");
    if (text[len] == '\0' || !copy_trimmed(subject, text, len))
        return NULL;
    condition->greater = text[len] == '>';
    condition->equal = text[len + 1] == '=';
    text += len + (condition->equal ? 2 : 1);
    return text + strspn(text, blanks);
}

const struct condition_word *condition_find(const struct condition_word *words, const char *word)
{
    for (; words->word != NULL; words++) {
        if (strcmp(words->word, word) == 0)
            return words;
    }
    return NULL;
}

/* Cuts the unit off, if it is there. */
static void cut_unit(char *text, const char *unit)
{
    size_t len = strlen(text);
    size_t more = strlen(unit);

    if (len > more && strcasecmp(text + len - more, unit) == 0)
        text[trimmed(text, len - more)] = '\0';
}

bool condition_read_bound(enum condition_unit unit, const char *text, double *bound)
{
    char value[CONDITION_TEXT];
    uint64_t whole = 0;
    bool good = false;

    if (!copy_trimmed(value, text, strlen(text)))
        return false;
    switch (unit) {
    case CONDITION_RATE:
        return units_parse_rate(value, bound);
    case CONDITION_SPEED:
        return units_parse_speed(value, bound);
    case CONDITION_KIB:
        cut_unit(value, "KiB");
        return strchr(value, '/') == NULL && units_parse_rate(value, bound);
    case CONDITION_NUMBER:
        return strchr(value, '/') == NULL && units_parse_rate(value, bound);
    case CONDITION_TIME:
        good = units_parse_time(value, &whole);
        break;
    case CONDITION_COUNT:
        good = units_parse_count(value, &whole);
        break;
    case CONDITION_SIZE:
        good = units_parse_size(value, &whole);
        break;
    }
    *bound = (double)whole;
    return good;
}

const char *condition_describe(enum condition_unit unit)
{
    switch (unit) {
    case CONDITION_TIME:
        return "a time such as 5ms or 250us";
    case CONDITION_COUNT:
        return "a count such as 10 or 2k";
    case CONDITION_RATE:
        return "a rate such as 500 or 4k (per second)";
    case CONDITION_SPEED:
        return "a speed such as 100m (MiB per second) or 2gbit";
    case CONDITION_SIZE:
        return "a size such as 64k";
    case CONDITION_KIB:
        return "KiB, such as 0.5";
    case CONDITION_NUMBER:
        break;
    }
    return "a number such as 1.5";
}

const char *condition_format(enum condition_unit unit, double value, char out[CONDITION_TEXT])
{
    char text[UNITS_TEXT];

    switch (unit) {
    case CONDITION_TIME:
        snprintf(out, CONDITION_TEXT, "%s", units_format_time(value, text));
        break;
    case CONDITION_RATE:
        snprintf(out, CONDITION_TEXT, "%.6g/s", value);
        break;
    case CONDITION_SPEED:
        snprintf(out, CONDITION_TEXT, "%s/s", units_format_bytes(value, text));
        break;
    case CONDITION_SIZE:
        snprintf(out, CONDITION_TEXT, "%s", units_format_bytes(value, text));
        break;
    case CONDITION_KIB:
        snprintf(out, CONDITION_TEXT, "%.4g KiB", value);
        break;
    case CONDITION_COUNT:
    case CONDITION_NUMBER:
        snprintf(out, CONDITION_TEXT, "%.6g", value);
        break;
    }
    return out;
}

void condition_print_words(const struct condition_word *words, FILE *out)
{
    for (; words->word != NULL; words++)
        fprintf(out, " %s", words->word);
}

bool condition_parse(const char *text, const struct condition_word *words,
                     struct condition *condition, FILE *err)
{
    char subject[CONDITION_TEXT];
    const char *value = condition_split(text, subject, condition);

    condition->word = value == NULL ? NULL : condition_find(words, subject);
    if (condition->word != NULL &&
        condition_read_bound(condition->word->unit, value, &condition->bound))
        return true;
    fprintf(err, "sni-bench: --fail-if '%s': ", text);
    if (value == NULL) {
        fprintf(err, "write it as a word, one of < <= > >= and a value: %s>0; words:", words->word);
        condition_print_words(words, err);
    } else if (condition->word == NULL) {
        fprintf(err, "there is no '%s'; there are:", subject);
        condition_print_words(words, err);
    } else {
        fprintf(err, "'%s' is not what %s is compared with: %s", value, subject,
                condition_describe(condition->word->unit));
    }
    fputc('\n', err);
    return false;
}

bool condition_holds(const struct condition *condition, double seen)
{
    if (isnan(seen) || (condition->equal && seen == condition->bound))
        return true;
    return condition->greater ? seen > condition->bound : seen < condition->bound;
}

void condition_say(const char *text, enum condition_unit unit, double seen, FILE *err)
{
    char value[CONDITION_TEXT];

    if (isnan(seen))
        fprintf(err, "sni-bench: --fail-if '%s' fails: it was not measured\n", text);
    else
        fprintf(err, "sni-bench: --fail-if '%s' holds: %s\n", text,
                condition_format(unit, seen, value));
}
