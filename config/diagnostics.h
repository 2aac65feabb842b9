#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

/* What is wrong with a configuration: the findings of one load, sorted and printed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/position.h"

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

/* A further one, all zero; it moves when another is added. NULL: no memory. */
struct diagnostic *diagnostics_add(struct diagnostics *found);

/* Into the order of the file. What config_load_*() give is sorted already. */
void diagnostics_sort(struct diagnostics *found);

/*
 * Prints them as `file:line:column: error: message`, then the source line and a caret, ready for
 * editors to jump to. With `color`, ANSI colours.
 */
void diagnostics_print(const struct diagnostics *found, const char *file, FILE *to, bool color);

#endif
