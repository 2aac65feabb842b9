#ifndef BENCH_REPORT_GRID_H
#define BENCH_REPORT_GRID_H

/*
 * A table of findings: results of torture or verify for several routers, side by side. Built once,
 * written as text, as Markdown or as HTML. Texts may come from strangers, so every form escapes
 * them.
 */

#include <stddef.h>
#include <stdio.h>

/* Each state has a colour on the page, always beside a word; NONE is shown as a dash. */
enum report_state { REPORT_PLAIN, REPORT_GOOD, REPORT_FAIR, REPORT_BAD, REPORT_NONE };
enum report_form { REPORT_TEXT, REPORT_MARKDOWN, REPORT_HTML };

struct report_grid;

/*
 * `columns`: without the one that names the rows. NULL = out of memory; all functions accept NULL.
 */
struct report_grid *report_grid_new(const char *caption, size_t columns);
void report_grid_free(struct report_grid *grid);
/*
 * The head of a column. `color`: of a router, from 1 on (report_palette()); 0 = a column of words,
 * which is shown on the page only.
 */
void report_grid_head(struct report_grid *grid, size_t column, size_t color, const char *text);
/* Begins a row; `detail` may be NULL and is for the page. */
void report_grid_row(struct report_grid *grid, const char *label, const char *detail);
/* A cell of the last row; `word` may be NULL. A cell that is not set is empty. */
void report_grid_cell(struct report_grid *grid, size_t column, enum report_state state,
                      const char *word, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void report_grid_write(const struct report_grid *grid, enum report_form form, FILE *out);

#endif
