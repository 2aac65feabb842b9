#include "config/finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_token.h"

/*
 * A file of many megabytes may be one single line, so neither lines nor columns can be counted from
 * the start each time: every STEP bytes the line and column are written down, and counting starts
 * from there.
 */
#define STEP ((size_t)4096)

#define MESSAGE_MAX 400
/* Bytes of source kept on each side of the caret; longer lines are cut. */
#define SOURCE_SIDE ((size_t)120)

struct report_checkpoint {
    struct position at;
};

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Counts on from `at`, which is the position of `from`, to `to`. */
static struct position position_advance(const char *text, size_t from, size_t to,
                                        struct position at)
{
    for (size_t i = from; i < to; i++) {
        if (text[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (!is_continuation(text[i])) {
            at.column++;
        }
    }
    return at;
}

size_t report_mark_bytes(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool report_start(struct report *report, const char *text, size_t len, struct diagnostics *found)
{
    struct position first = {1, report_mark_bytes(text, len) > 0 ? 0 : 1};

    *report = (struct report){.text = text, .len = len, .found = found, .last = first};
    report->checkpoints = malloc((len / STEP + 1) * sizeof *report->checkpoints);
    if (report->checkpoints == NULL) {
        report_no_memory(report);
        return false;
    }
    report->checkpoints[0].at = first;
    for (size_t i = 1; i <= len / STEP; i++)
        report->checkpoints[i].at =
            position_advance(text, (i - 1) * STEP, i * STEP, report->checkpoints[i - 1].at);
    return true;
}

void report_end(struct report *report)
{
    free(report->checkpoints);
    report->checkpoints = NULL;
}

struct position report_position(struct report *report, size_t offset)
{
    if (offset > report->len)
        offset = report->len;
    if (offset < report->last_offset || offset - report->last_offset > STEP) {
        report->last_offset = offset / STEP * STEP;
        report->last = report->checkpoints[offset / STEP].at;
    }
    report->last = position_advance(report->text, report->last_offset, offset, report->last);
    report->last_offset = offset;
    return report->last;
}

static bool position_before(struct position a, struct position b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

size_t report_offset(const struct report *report, struct position at)
{
    size_t low = 0, high = report->len / STEP; /* the last checkpoint not after `at` */

    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (position_before(at, report->checkpoints[middle].at))
            high = middle - 1;
        else
            low = middle;
    }
    size_t offset = low * STEP;
    struct position here = report->checkpoints[low].at;
    while (offset < report->len && position_before(here, at)) {
        here = position_advance(report->text, offset, offset + 1, here);
        offset++;
    }
    /* The column changes with a character's first byte: its other bytes are behind us now. */
    while (offset < report->len && is_continuation(report->text[offset]))
        offset++;
    return offset;
}

const char *report_place(const struct report *report, struct position at,
                         char out[REPORT_PLACE_MAX])
{
    if (report->hide_lines)
        snprintf(out, REPORT_PLACE_MAX, "in another argument");
    else
        snprintf(out, REPORT_PLACE_MAX, "line %u, column %u", at.line, at.column);
    return out;
}

bool report_full(const struct report *report)
{
    return report->found->errors >= DIAGNOSTICS_KEPT;
}

void report_no_memory(struct report *report)
{
    report->found->no_memory = true;
}

void report_disarm(char *text, bool keep_tabs)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len;) {
        unsigned char byte = (unsigned char)text[i];
        size_t length = byte < 0x80 ? 1 : token_utf8(text, len, i);
        bool control = (byte < 0x20 && !(keep_tabs && byte == '\t')) || byte == 0x7f ||
                       (length == 2 && byte == 0xc2 && (unsigned char)text[i + 1] <= 0x9f);
        if (control || length == 0)
            memset(text + i, '?', length ? length : 1);
        i += length ? length : 1;
    }
}

const char *report_harmless(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s", text);
    report_disarm(out, false);
    return out;
}

/* The line around `offset`, cut on both sides when it is long; *caret = bytes before `offset`. */
static char *source_copy(const struct report *report, size_t offset, size_t *caret)
{
    const char *text = report->text;
    size_t mark = report_mark_bytes(text, report->len);
    size_t start = offset, end = offset;

    while (start > mark && text[start - 1] != '\n' && offset - start < SOURCE_SIDE)
        start--;
    while (end < report->len && text[end] != '\n' && end - offset < SOURCE_SIDE)
        end++;
    while (start < offset && is_continuation(text[start]))
        start++;
    while (end > offset && end < report->len && is_continuation(text[end]))
        end--;
    if (end > offset && text[end - 1] == '\r')
        end--;
    char *copy = malloc(end - start + 1);
    if (copy == NULL)
        return NULL;
    for (size_t i = start; i < end; i++)
        copy[i - start] = text[i] ? text[i] : '?';
    copy[end - start] = '\0';
    report_disarm(copy, true);
    *caret = offset - start;
    return copy;
}

static struct diagnostic *diagnostics_add(struct diagnostics *found)
{
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? found->capacity * 2 : 8;
        struct diagnostic *list = realloc(found->list, capacity * sizeof *list);
        if (list == NULL)
            return NULL;
        found->list = list;
        found->capacity = capacity;
    }
    struct diagnostic *one = &found->list[found->count++];
    *one = (struct diagnostic){0};
    return one;
}

static char *message_format(const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];
    int len = vsnprintf(message, sizeof message, format, arguments);

    if (len < 0)
        return NULL;
    if ((size_t)len >= sizeof message) { /* cut before a character, not inside */
        size_t end = sizeof message - sizeof "...";
        while (end > 0 && is_continuation(message[end]))
            end--;
        memcpy(message + end, "...", sizeof "...");
    }
    report_disarm(message, false);
    return strdup(message);
}

static void report_add(struct report *report, enum diagnostic_severity severity, size_t offset,
                       const char *format, va_list arguments)
{
    struct diagnostics *found = report->found;
    size_t *counter = severity == DIAGNOSTIC_ERROR ? &found->errors : &found->warnings;

    /* What lacked memory was left out: what is missed now may well be in the file. */
    if (found->no_memory)
        return;
    if ((*counter)++ >= DIAGNOSTICS_KEPT)
        return;
    struct diagnostic *one = diagnostics_add(found);
    if (one == NULL) {
        report_no_memory(report);
        return;
    }
    one->severity = severity;
    one->message = message_format(format, arguments);
    if (offset != REPORT_WHOLE) {
        one->at = report_position(report, offset);
        one->source_line = source_copy(report, offset, &one->caret);
    }
    if (one->message == NULL || (offset != REPORT_WHOLE && one->source_line == NULL))
        report_no_memory(report);
}

void report_error(struct report *report, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_add(report, DIAGNOSTIC_ERROR, offset, format, arguments);
    va_end(arguments);
}

void report_warning(struct report *report, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_add(report, DIAGNOSTIC_WARNING, offset, format, arguments);
    va_end(arguments);
}

void report_warning_at(struct report *report, struct position at, const char *format, ...)
{
    va_list arguments;
    bool kept = report->found->warnings < DIAGNOSTICS_KEPT; /* else the offset does not matter */

    va_start(arguments, format);
    report_add(report, DIAGNOSTIC_WARNING, kept ? report_offset(report, at) : REPORT_WHOLE, format,
               arguments);
    va_end(arguments);
}
