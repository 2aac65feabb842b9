#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

/*
 * From JSON text to a struct config, or to all errors at once.
 *
 * A strict scanner (RFC 8259) goes over the text first and notes where every value stands; cJSON
 * then builds the trees, one piece of the text at a time; the field table (fields.h) drives
 * validation, defaults, "did you mean", the JSON Schema and the reference. cJSON writes a
 * process-global on every parse: one thread only, the control thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

/* Findings kept of each severity; the others are only counted. */
#define DIAGNOSTICS_KEPT 100

/* One finding. `source_line` is the line of the file it stands on, cut when it is long. */
struct diagnostic {
    enum diagnostic_severity severity;
    struct position at; /* line 0: concerns the file as a whole */
    char *message;      /* one sentence, no newline */
    char *source_line;  /* NULL when there is none; tabs kept */
    size_t caret;       /* bytes of source_line before the place meant */
};

/* All findings of one load, in the order of the file. Start with {0}. */
struct diagnostics {
    struct diagnostic *list;
    size_t count, capacity;
    size_t errors, warnings; /* errors beyond the kept list are still counted */
    bool no_memory;          /* a finding was lost, or the load failed, for want of memory */
};

void diagnostics_free(struct diagnostics *found);

/* Into the order of the file. config_load_*() have done so already. */
void diagnostics_sort(struct diagnostics *found);

/*
 * Prints them as `file:line:column: error: message`, then the source line and a caret, ready for
 * editors to jump to. With `color`, ANSI colours.
 */
void diagnostics_print(const struct diagnostics *found, const char *file, FILE *to, bool color);

/*
 * Reads text. Returns the configuration, or NULL when there was an error; warnings alone do not
 * prevent it. `file` is only a name, for messages. The text may be freed afterwards.
 */
struct config *config_load_text(const char *text, size_t len, const char *file,
                                struct diagnostics *found);

enum config_read { CONFIG_READ_OK, CONFIG_READ_INVALID, CONFIG_READ_ABSENT, CONFIG_READ_FAILED };

/*
 * Reads a file ("-" = stdin). CONFIG_READ_OK sets *out. CONFIG_READ_INVALID: `found` has the
 * errors. CONFIG_READ_ABSENT: no such file. CONFIG_READ_FAILED: errno says why it was unreadable.
 */
enum config_read config_load_file(const char *file, struct config **out, struct diagnostics *found);

/*
 * Builds the configuration that `run --listen A --route HOST=SERVER` stands for, by writing it as
 * JSON and loading that, so every rule holds for it too. Several servers: HOST=S1,S2.
 */
struct config *config_load_arguments(const char *const *listens, size_t listen_count,
                                     const char *const *routes, size_t route_count,
                                     struct diagnostics *found);

/* Prints the JSON Schema (draft-07) made from the field table. */
void config_schema_print(FILE *to);

/* Prints the reference of all keys (Markdown) made from the field table. */
void config_reference_print(FILE *to);

#endif
