#ifndef CONFIG_FINDING_H
#define CONFIG_FINDING_H

/*
 * Findings about a text: from a byte offset and a sentence to a struct diagnostic with line, column
 * and the piece of source to show. Offsets are bytes; columns are characters, counted from 1.
 */

#include <stddef.h>
#include <stdint.h>

#include "config/load.h"

#define REPORT_WHOLE SIZE_MAX /* as offset: the finding concerns the file as a whole */

struct report_checkpoint;

/* Lives while one text is loaded. Borrows `text` and `found`. */
struct report {
    const char *text;
    size_t len;
    struct report_checkpoint *checkpoints; /* line and column at every few KiB of the text */
    struct diagnostics *found;
    bool hide_lines;    /* the operator has not written this text: its lines mean nothing */
    size_t last_offset; /* the last position asked for: the next one is mostly near */
    struct position last;
};

/* False: no memory. Ends with report_end() in any case. */
bool report_start(struct report *report, const char *text, size_t len, struct diagnostics *found);
void report_end(struct report *report);

/*
 * Add a finding at a byte offset. Beyond DIAGNOSTICS_KEPT of a kind they are only counted; after a
 * lack of memory they are not even that. Text of the file that gets into a message is made harmless
 * for terminals.
 */
void report_error(struct report *report, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct report *report, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As report_warning(), at a position that report_position() has given. */
void report_warning_at(struct report *report, struct position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a further error would only be counted: then the work for a good message is in vain. */
bool report_full(const struct report *report);

void report_no_memory(struct report *report);

/* Room for what report_place() writes. */
#define REPORT_PLACE_MAX 48

/* Writes `line 3, column 9`, or `in another argument` when lines mean nothing. Returns `out`. */
const char *report_place(const struct report *report, struct position at,
                         char out[REPORT_PLACE_MAX]);

/*
 * Replaces what must not reach a terminal by question marks: control characters, also those of two
 * bytes (U+0080 to U+009F), and what is not UTF-8.
 */
void report_disarm(char *text, bool keep_tabs);

/* Longest name of a file, or host, that is shown. */
#define REPORT_SHOWN_MAX 4096
/* A copy to print, without what report_disarm() replaces; cut to `size`. Returns `out`. */
const char *report_harmless(const char *text, char *out, size_t size);

/* Bytes of the byte order mark that the text begins with, which is no column; 0: it has none. */
size_t report_mark_bytes(const char *text, size_t len);

struct position report_position(struct report *report, size_t offset);
size_t report_offset(const struct report *report, struct position at);

#endif
