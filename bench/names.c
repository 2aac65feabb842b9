#include "bench/names.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench/random.h"
#include "config/text/units.h"

/* More names than this are a typing error, not a test. */
#define COUNT_MAX 10000000u
#define FILE_MAX  (1ull << 31)

void names_generate(uint32_t index, char out[NAMES_MAX_LENGTH + 1])
{
    snprintf(out, NAMES_MAX_LENGTH + 1, "b%u.bench.test", index);
}

bool names_from_count(struct names *names, uint64_t count, char *error, size_t cap)
{
    memset(names, 0, sizeof *names);
    if (count == 0 || count > COUNT_MAX) {
        snprintf(error, cap, "the number of names must be 1 to %u", COUNT_MAX);
        return false;
    }
    names->count = (uint32_t)count;
    return true;
}

/* Cuts `text` (owned by the set from now on) at the separators. */
static bool split(struct names *names, char separator, char *error, size_t cap)
{
    size_t most = 1;

    for (const char *at = names->text; *at != '\0'; at++)
        most += *at == separator;
    names->list = calloc(most, sizeof *names->list);
    if (names->list == NULL) {
        snprintf(error, cap, "out of memory for %zu names", most);
        return false;
    }
    for (char *at = names->text; at != NULL;) {
        char *next = strchr(at, separator);
        if (next != NULL)
            *next++ = '\0';
        size_t len = strcspn(at, "\r\n");
        at[len] = '\0';
        if (len > NAMES_MAX_LENGTH) {
            snprintf(error, cap, "a name of %zu characters; at most %d fit", len, NAMES_MAX_LENGTH);
            return false;
        }
        if (len > 0 && at[0] != '#')
            names->list[names->count++] = at;
        at = next;
    }
    if (names->count == 0)
        snprintf(error, cap, "there is no name in it; give one at least");
    return names->count > 0;
}

bool names_from_list(struct names *names, const char *list, char *error, size_t cap)
{
    memset(names, 0, sizeof *names);
    names->text = strdup(list);
    if (names->text == NULL) {
        snprintf(error, cap, "out of memory");
        return false;
    }
    return split(names, ',', error, cap);
}

/* The whole file, NUL-terminated; NULL with errno set. */
static char *read_text(FILE *file)
{
    size_t cap = 65536;
    size_t len = 0;
    char *text = malloc(cap + 1);

    while (text != NULL) {
        len += fread(text + len, 1, cap - len, file);
        if (len < cap)
            break;
        cap *= 2;
        char *larger = cap > FILE_MAX ? NULL : realloc(text, cap + 1);
        if (larger == NULL) {
            free(text);
            errno = EFBIG;
            return NULL;
        }
        text = larger;
    }
    if (text != NULL)
        text[len] = '\0';
    return text;
}

bool names_from_file(struct names *names, const char *path, char *error, size_t cap)
{
    memset(names, 0, sizeof *names);
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        snprintf(error, cap, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    names->text = read_text(file);
    int failed = names->text == NULL ? errno : ferror(file) ? EIO : 0;
    if (file != stdin)
        fclose(file);
    if (failed != 0) {
        snprintf(error, cap, "cannot read %s: %s", path, strerror(failed));
        return false;
    }
    return split(names, '\n', error, cap);
}

bool names_from_spec(struct names *names, const char *spec, char *error, size_t cap)
{
    uint64_t count;

    if (units_parse_count(spec, &count))
        return names_from_count(names, count, error, cap);
    return names_from_list(names, spec, error, cap);
}

void names_free(struct names *names)
{
    free(names->list);
    free(names->text);
    free(names->steps);
    memset(names, 0, sizeof *names);
}

bool names_set_zipf(struct names *names, double exponent)
{
    double *steps = malloc(names->count * sizeof *steps);

    if (steps == NULL)
        return false;
    double sum = 0.0;
    for (uint32_t i = 0; i < names->count; i++) {
        sum += pow((double)i + 1.0, -exponent);
        steps[i] = sum;
    }
    for (uint32_t i = 0; i < names->count; i++)
        steps[i] /= sum;
    free(names->steps);
    names->steps = steps;
    return true;
}

uint32_t names_pick(const struct names *names, uint64_t *state)
{
    assert(names->count > 0);
    if (names->count == 1)
        return 0;
    if (names->steps == NULL)
        return random_below(state, names->count);
    double wanted = random_unit(state);
    uint32_t low = 0;
    uint32_t high = names->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (names->steps[middle] > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const char *names_text(const struct names *names, uint32_t index, char buffer[NAMES_MAX_LENGTH + 1])
{
    assert(index < names->count);
    if (names->list != NULL)
        return names->list[index];
    names_generate(index, buffer);
    return buffer;
}

bool names_match(const char *pattern, const char *name)
{
    bool deep = strncmp(pattern, "**.", 3) == 0;

    if (!deep && strncmp(pattern, "*.", 2) != 0)
        return strcasecmp(pattern, name) == 0;
    const char *suffix = pattern + (deep ? 2 : 1);
    size_t suffix_len = strlen(suffix);
    size_t len = strlen(name);
    if (len <= suffix_len || strcasecmp(name + len - suffix_len, suffix) != 0)
        return false;
    return deep || memchr(name, '.', len - suffix_len) == NULL;
}
