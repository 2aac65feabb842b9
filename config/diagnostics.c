/* Printing findings as compilers do, so that editors can jump to them. */
#include "config/diagnostics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/text/terminal.h"
#include "config/text/utf8.h"

/* Longest piece of a source line that is shown, in columns. */
#define SHOWN_COLUMNS 160

void diagnostics_free(struct diagnostics *found)
{
    for (size_t i = 0; i < found->count; i++) {
        free(found->list[i].message);
        free(found->list[i].source_line);
    }
    free(found->list);
    *found = (struct diagnostics){0};
}

struct diagnostic *diagnostics_add(struct diagnostics *found)
{
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? found->capacity * 2 : 8;
        struct diagnostic *list = realloc(found->list, capacity * sizeof *list);
        if (list == NULL)
            return NULL;
        found->list = list;
        found->capacity = capacity;
    }
    assert(found->count < found->capacity);
    struct diagnostic *one = &found->list[found->count++];
    *one = (struct diagnostic){0};
    return one;
}

static int by_position(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;

    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    if (a->severity != b->severity)
        return a->severity < b->severity ? -1 : 1;
    return strcmp(a->message != NULL ? a->message : "", b->message != NULL ? b->message : "");
}

void diagnostics_sort(struct diagnostics *found)
{
    if (found->count > 1)
        qsort(found->list, found->count, sizeof *found->list, by_position);
}

/* The text behind its first `columns` characters. */
static const char *skip_columns(const char *at, size_t columns)
{
    while (*at && columns > 0) {
        at++;
        while (utf8_is_continuation(*at))
            at++;
        columns--;
    }
    return at;
}

/* The caret stands below its character because tabs before it are repeated. */
static void print_source(const struct diagnostic *one, FILE *to, bool color)
{
    const char *start = one->source_line;
    const char *caret = start + one->caret;
    size_t before = utf8_count(start, one->caret);

    assert(one->at.line > 0 && one->at.column > 0);
    bool cut_left = one->at.column - 1 > before;

    if (before > SHOWN_COLUMNS / 2 && utf8_count(start, strlen(start)) > SHOWN_COLUMNS) {
        start = skip_columns(start, before - SHOWN_COLUMNS / 2);
        cut_left = true;
    }
    const char *end = skip_columns(start, SHOWN_COLUMNS);
    fprintf(to, "  %s%.*s%s\n  %s", cut_left ? "..." : "", (int)(end - start), start,
            *end ? "..." : "", cut_left ? "   " : "");
    for (const char *at = start; at < caret; at++) {
        if (!utf8_is_continuation(*at))
            fputc(*at == '\t' ? '\t' : ' ', to);
    }
    fputs(color ? "\033[1;32m^\033[0m\n" : "^\n", to);
}

static void print_one(const struct diagnostic *one, const char *file, FILE *to, bool color)
{
    bool error = one->severity == DIAGNOSTIC_ERROR;
    const char *paint = !color ? "" : error ? "\033[1;31m" : "\033[1;35m";

    fprintf(to, "%s%s:", color ? "\033[1m" : "", file);
    if (one->at.line)
        fprintf(to, "%u:%u:", one->at.line, one->at.column);
    fprintf(to, "%s %s%s:%s %s\n", color ? "\033[0m" : "", paint, error ? "error" : "warning",
            color ? "\033[0m" : "",
            one->message != NULL ? one->message : "(no memory for the message)");
    if (one->source_line != NULL)
        print_source(one, to, color);
}

static void print_rest(size_t counted, const char *word, const char *file, FILE *to)
{
    if (counted > DIAGNOSTICS_KEPT)
        fprintf(to, "%s: ... and %zu more %s%s\n", file, counted - DIAGNOSTICS_KEPT, word,
                counted - DIAGNOSTICS_KEPT == 1 ? "" : "s");
}

void diagnostics_print(const struct diagnostics *found, const char *file, FILE *to, bool color)
{
    char shown[TERMINAL_SHOWN_MAX];
    const char *name = terminal_copy(file, shown, sizeof shown);

    for (size_t i = 0; i < found->count; i++)
        print_one(&found->list[i], name, to, color);
    print_rest(found->errors, "error", name, to);
    print_rest(found->warnings, "warning", name, to);
    if (found->no_memory)
        fprintf(to, "%s: error: not enough memory to load this\n", name);
}
