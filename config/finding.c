#include "config/finding.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/text/terminal.h"
#include "config/text/utf8.h"

/*
 * A file of many megabytes may be one single line, so neither lines nor columns can be counted from
 * the start each time: every STEP bytes the line and column are written down, and counting starts
 * from there.
 */
#define STEP ((size_t)4096)

#define MESSAGE_MAX 400
/* Bytes of source kept on each side of the caret; longer lines are cut. */
#define SOURCE_SIDE ((size_t)120)

struct finding_checkpoint {
    struct position at;
};

/* The position of offset `to`, counted on from `at`, the position of offset `from`. */
static struct position position_advance(const char *text, size_t from, size_t to,
                                        struct position at)
{
    for (size_t i = from; i < to; i++) {
        if (text[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (!utf8_is_continuation(text[i])) {
            at.column++;
        }
    }
    return at;
}

bool finding_log_start(struct finding_log *findings, const char *text, size_t len,
                       struct diagnostics *found)
{
    struct position first = {1, utf8_mark_length(text, len) > 0 ? 0 : 1};

    *findings = (struct finding_log){.text = text, .len = len, .found = found, .last = first};
    findings->checkpoints = malloc((len / STEP + 1) * sizeof *findings->checkpoints);
    if (findings->checkpoints == NULL) {
        finding_no_memory(findings);
        return false;
    }
    findings->checkpoints[0].at = first;
    for (size_t i = 1; i <= len / STEP; i++)
        findings->checkpoints[i].at =
            position_advance(text, (i - 1) * STEP, i * STEP, findings->checkpoints[i - 1].at);
    return true;
}

void finding_log_end(struct finding_log *findings)
{
    free(findings->checkpoints);
    findings->checkpoints = NULL;
}

struct position finding_position(struct finding_log *findings, size_t offset)
{
    assert(findings->checkpoints != NULL);
    if (offset > findings->len)
        offset = findings->len;
    if (offset < findings->last_offset || offset - findings->last_offset > STEP) {
        findings->last_offset = offset / STEP * STEP;
        findings->last = findings->checkpoints[offset / STEP].at;
    }
    findings->last =
        position_advance(findings->text, findings->last_offset, offset, findings->last);
    findings->last_offset = offset;
    return findings->last;
}

static bool position_before(struct position a, struct position b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

size_t finding_offset(const struct finding_log *findings, struct position at)
{
    size_t low = 0, high = findings->len / STEP; /* the last checkpoint not after `at` */

    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (position_before(at, findings->checkpoints[middle].at))
            high = middle - 1;
        else
            low = middle;
    }
    size_t offset = low * STEP;
    struct position here = findings->checkpoints[low].at;
    while (offset < findings->len && position_before(here, at)) {
        here = position_advance(findings->text, offset, offset + 1, here);
        offset++;
    }
    /* The column was counted up at the first byte of the character before: skip its other bytes. */
    while (offset < findings->len && utf8_is_continuation(findings->text[offset]))
        offset++;
    return offset;
}

const char *finding_place(const struct finding_log *findings, struct position at,
                          char out[FINDING_PLACE_MAX])
{
    if (findings->hide_lines)
        snprintf(out, FINDING_PLACE_MAX, "in another argument");
    else
        snprintf(out, FINDING_PLACE_MAX, "line %u, column %u", at.line, at.column);
    return out;
}

bool finding_log_full(const struct finding_log *findings)
{
    return findings->found->errors >= DIAGNOSTICS_KEPT;
}

void finding_no_memory(struct finding_log *findings)
{
    findings->found->no_memory = true;
}

/* The line around `offset`, cut on both sides when it is long; *caret = bytes before `offset`. */
static char *source_copy(const struct finding_log *findings, size_t offset, size_t *caret)
{
    const char *text = findings->text;
    size_t mark = utf8_mark_length(text, findings->len);
    size_t start = offset, end = offset;

    while (start > mark && text[start - 1] != '\n' && offset - start < SOURCE_SIDE)
        start--;
    while (end < findings->len && text[end] != '\n' && end - offset < SOURCE_SIDE)
        end++;
    while (start < offset && utf8_is_continuation(text[start]))
        start++;
    while (end > offset && end < findings->len && utf8_is_continuation(text[end]))
        end--;
    if (end > offset && text[end - 1] == '\r')
        end--;
    char *copy = malloc(end - start + 1);
    if (copy == NULL)
        return NULL;
    for (size_t i = start; i < end; i++)
        copy[i - start] = text[i] ? text[i] : '?';
    copy[end - start] = '\0';
    terminal_disarm(copy, TERMINAL_TABS);
    *caret = offset - start;
    return copy;
}

static char *message_format(const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];
    int len = vsnprintf(message, sizeof message, format, arguments);

    if (len < 0)
        return NULL;
    if ((size_t)len >= sizeof message) { /* cut before a character, not inside */
        size_t end = sizeof message - sizeof "...";
        while (end > 0 && utf8_is_continuation(message[end]))
            end--;
        memcpy(message + end, "...", sizeof "...");
    }
    terminal_disarm(message, TERMINAL_UTF8);
    return strdup(message);
}

static void finding_add(struct finding_log *findings, enum diagnostic_severity severity,
                        size_t offset, const char *format, va_list arguments)
{
    struct diagnostics *found = findings->found;
    size_t *counter = severity == DIAGNOSTIC_ERROR ? &found->errors : &found->warnings;

    assert(offset == FINDING_WHOLE || offset <= findings->len);
    /* Parts of the file were skipped for want of memory: what seems missing may be in them. */
    if (found->no_memory)
        return;
    if ((*counter)++ >= DIAGNOSTICS_KEPT)
        return;
    struct diagnostic *one = diagnostics_add(found);
    if (one == NULL) {
        finding_no_memory(findings);
        return;
    }
    one->severity = severity;
    one->message = message_format(format, arguments);
    if (offset != FINDING_WHOLE) {
        one->at = finding_position(findings, offset);
        one->source_line = source_copy(findings, offset, &one->caret);
    }
    if (one->message == NULL || (offset != FINDING_WHOLE && one->source_line == NULL))
        finding_no_memory(findings);
}

void finding_error(struct finding_log *findings, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    finding_add(findings, DIAGNOSTIC_ERROR, offset, format, arguments);
    va_end(arguments);
}

void finding_warning(struct finding_log *findings, size_t offset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    finding_add(findings, DIAGNOSTIC_WARNING, offset, format, arguments);
    va_end(arguments);
}

void finding_warning_at(struct finding_log *findings, struct position at, const char *format, ...)
{
    va_list arguments;
    bool kept = findings->found->warnings < DIAGNOSTICS_KEPT; /* else the offset is not needed */

    va_start(arguments, format);
    finding_add(findings, DIAGNOSTIC_WARNING, kept ? finding_offset(findings, at) : FINDING_WHOLE,
                format, arguments);
    va_end(arguments);
}
