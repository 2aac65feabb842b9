#ifndef CONFIG_FINDING_H
#define CONFIG_FINDING_H

/*
 * Findings about a text: from a byte offset and a sentence to a struct diagnostic with line, column
 * and the piece of source to show. Offsets are bytes; columns are characters, counted from 1.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/diagnostics.h"

#define FINDING_WHOLE SIZE_MAX /* as offset: the finding concerns the file as a whole */

struct finding_checkpoint;

/* Lives while one text is loaded. Borrows `text` and `found`. */
struct finding_log {
    const char *text;
    size_t len;
    struct finding_checkpoint *checkpoints; /* line and column at every few KiB of the text */
    struct diagnostics *found;
    bool hide_lines;    /* the operator has not written this text: its lines mean nothing */
    size_t last_offset; /* where the next position is counted from, since it is mostly near */
    struct position last;
};

/* False: no memory. Ends with finding_log_end() in any case. */
bool finding_log_start(struct finding_log *findings, const char *text, size_t len,
                       struct diagnostics *found);
void finding_log_end(struct finding_log *findings);

/*
 * Add a finding at a byte offset. Beyond DIAGNOSTICS_KEPT of a kind they are only counted; after a
 * lack of memory they are not even counted. Text of the file that gets into a message is made
 * harmless for terminals.
 */
void finding_error(struct finding_log *findings, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void finding_warning(struct finding_log *findings, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As finding_warning(), at a position that finding_position() has given. */
void finding_warning_at(struct finding_log *findings, struct position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a further error would only be counted: its message need not be worked out. */
bool finding_log_full(const struct finding_log *findings);

void finding_no_memory(struct finding_log *findings);

/* Room for what finding_place() writes. */
#define FINDING_PLACE_MAX 48

/* Writes `line 3, column 9`, or `in another argument` when lines mean nothing. Returns `out`. */
const char *finding_place(const struct finding_log *findings, struct position at,
                          char out[FINDING_PLACE_MAX]);

/* Between offsets and positions. An offset beyond the end counts as the end. */
struct position finding_position(struct finding_log *findings, size_t offset);
size_t finding_offset(const struct finding_log *findings, struct position at);

#endif
