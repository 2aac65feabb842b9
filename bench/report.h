#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/*
 * Reports: results of earlier runs as tables, and as one self-contained page.
 *
 *   report.c         the mode
 *   report_load.c    files to sections: one per comparison, one for all single runs of a mode;
 *                    results of torture and verify are findings, shown side by side
 *   report_check.c   whether a file is as its schema says
 *   report_torture.c, report_verify.c   tables of these; report_grid.c writes them
 *   report_document.c   how a result of torture or verify begins
 *   report_html.c    the page: tables first, readable without scripts
 *   report_parts.c   its parts below the tables
 *   report_charts.c  what the charts show, as JSON for bench/report.d/page.js
 *   report_escape.c  the only way that text from outside gets into the page
 *   report_assets.c  style and script, linked into the binary
 *
 * The page sends no requests. A content security policy with the hashes of its two scripts makes
 * the browser enforce that.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/compare.h"
#include "bench/report_grid.h"

#define REPORT_SECTIONS_MAX 64
#define REPORT_FINDINGS_MAX 16
/* The section number of the charts of verify, which belong to no comparison. */
#define REPORT_VERIFY_SECTION REPORT_SECTIONS_MAX

/* A result of torture or verify; its parts belong to `documents`. */
struct report_finding {
    const char *name; /* the router's name, or the file's */
    const cJSON *document;
};

struct report_findings {
    size_t count;
    struct report_finding items[REPORT_FINDINGS_MAX];
};

struct report {
    size_t section_count;
    struct comparison sections[REPORT_SECTIONS_MAX];
    struct report_findings tortures;
    struct report_findings verifies;
    cJSON *documents; /* [{"file": .., "document": ..}], as they were read; owned */
};

bool report_init(struct report *report);
void report_free(struct report *report);
/*
 * Adds a result or a comparison that --json wrote; `file` names it. Takes the document over. False:
 * the document is neither, or there are too many; `why` gets a constant sentence.
 */
bool report_add(struct report *report, cJSON *document, const char *file, const char **why);
/*
 * Whether a document that says it comes from sni-bench has the version and the types that its
 * schema asks for; if not, `why` says what is wrong. Any other document passes here, and
 * report_add() refuses it.
 */
bool report_check(const cJSON *document, char *why, size_t cap);
/* Reads a file and adds it; says on stderr what is wrong with it. */
bool report_add_file(struct report *report, const char *path);

/* Writes the page; "-" is stdout. False = it could not be written; said on stderr. */
bool report_write_html(const struct report *report, const char *path);
/* Writes the page of one document, for --html of the other modes. */
bool report_write_document(const cJSON *document, const char *path);

/*
 * Begins a result of verify or torture: what ran, when, where, against which router. The caller
 * deletes it; NULL = out of memory.
 */
cJSON *report_new_document(const struct options *options, double wall_start);
/*
 * Whether --json and --html can be written, asked before a long run; says on stderr which cannot.
 */
bool report_check_outputs(const struct options *options);
/* Where the text result goes: stdout, or stderr when --json or --html writes to stdout. */
FILE *report_text_output(const struct options *options);
/* Writes --json and --html. Takes the document over (NULL = it could not be made). */
bool report_write_outputs(const struct options *options, cJSON *document);
/* Prints the lines of a schema; the last one is NULL. */
void report_print_lines(const char *const *lines, FILE *out);

/* Runs the mode; returns an enum bench_exit. */
int report_run_mode(const struct options *options);

/* --- inside the report --- */

/*
 * The colour of a target, such as "#1f6feb", grey for the direct one; its number in the style
 * sheet.
 */
const char *report_color(const struct comparison *comparison, size_t target);
size_t report_color_class(const struct comparison *comparison, size_t target);
/* The n-th colour of the style sheet; NULL when there are no more. */
const char *report_palette(size_t n);

/* The colour of the n-th finding, for report_palette() and the style sheet: from 1 on. */
size_t report_finding_color(size_t index);
/* Writes the tables of torture and verify, if there are results. `charts` is for the page. */
void report_write_torture(const struct report *report, enum report_form form, FILE *out);
void report_write_verify(const struct report *report, enum report_form form, const cJSON *charts,
                         FILE *out);

/*
 * Makes a chart, adds lines to it and points to the lines. Lines without points and charts without
 * lines are dropped.
 */
cJSON *report_new_chart(const char *kind, size_t section, const char *title, const char *unit);
cJSON *report_new_line(const char *name, const char *color, int dash);
void report_add_point(cJSON *line, double x, double y);
void report_keep_line(cJSON *chart, cJSON *line, bool any);
void report_keep_chart(cJSON *charts, cJSON *chart);
void report_add_verify_charts(const struct report *report, cJSON *charts);
/* Writes the places of a section's charts into the page. */
void report_put_charts(const cJSON *charts, size_t section, FILE *out);

/* The charts of all sections, as an array. The caller deletes it. */
cJSON *report_make_charts(const struct report *report);

/* The first environment that any run describes, or NULL. */
const cJSON *report_environment(const struct report *report);
/* The rows below the tables of a section; the machine; the raw results. */
void report_put_percentiles(const struct comparison *comparison, FILE *out);
void report_put_remarks(const struct comparison *comparison, FILE *out);
void report_put_environment(const struct report *report, FILE *out);
void report_put_commands(const struct report *report, FILE *out);

/*
 * Writes text as HTML: nothing in it is markup; malformed UTF-8 and control characters become
 * U+FFFD.
 */
void report_put_text(FILE *out, const char *text);
/* Writes text as Markdown: nothing in it is markup or ends the cell of a table. */
void report_put_markdown(FILE *out, const char *text);
/* Writes JSON into a script element: nothing in it ends the element. */
void report_put_json(FILE *out, const char *json);

/* Text that is linked into the binary. */
struct report_asset {
    const char *text; /* no NUL behind it */
    size_t len;
};

struct report_asset report_page_css(void);
struct report_asset report_page_js(void);
struct report_asset report_uplot_css(void);
struct report_asset report_uplot_js(void);
struct report_asset report_uplot_license(void);

#endif
