#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/*
 * Reports: results of earlier runs as tables, and as one self-contained page.
 *
 *   report.c         the mode
 *   report_load.c    files to sections: each comparison is one, loose runs of a mode together one
 *   report_html.c    the page: tables first, readable without scripts
 *   report_parts.c   its parts below the tables
 *   report_charts.c  what the charts show, as JSON for bench/report.d/page.js
 *   report_escape.c  the only way that text from outside gets into the page
 *   report_assets.c  style and script, linked into the binary
 *
 * The page asks nothing of anybody: no request leaves it, a content security policy that knows the
 * hashes of its two scripts says so to the browser as well.
 */

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bench/compare.h"

#define REPORT_SECTIONS_MAX 64

struct report {
    size_t section_count;
    struct comparison sections[REPORT_SECTIONS_MAX];
    cJSON *documents; /* [{"file": .., "document": ..}], as they were read; owned */
};

bool report_init(struct report *report);
void report_free(struct report *report);
/*
 * Adds a result or a comparison that --json wrote; `file` names it. Takes the document over. False:
 * it is neither, or there are too many; `why` gets a constant sentence.
 */
bool report_add(struct report *report, cJSON *document, const char *file, const char **why);
/* Reads such a file; says on stderr what is wrong with it. */
bool report_add_file(struct report *report, const char *path);

/* Writes the page; "-" is stdout. False = said on stderr why not. */
bool report_write_html(const struct report *report, const char *path);
/* The page of one document: what --html does in the other modes. */
bool report_write_document(const cJSON *document, const char *path);

/* The mode. */
int report_run_mode(const struct options *options);

/* ---- inside the report ---- */

/* Colour of a target: grey for the direct one. "#1f6feb"; and the class that has it. */
const char *report_color(const struct comparison *comparison, size_t target);
size_t report_color_class(const struct comparison *comparison, size_t target);
/* "h1": the n-th colour for the style sheet, NULL when there are no more. */
const char *report_palette(size_t n);

/* All charts of all sections: an array, and which belong to a section. The caller deletes it. */
cJSON *report_make_charts(const struct report *report);

/* The first environment that any run tells of, or NULL. */
const cJSON *report_environment(const struct report *report);
/* The rows below the tables of a section; the machine; the raw results. */
void report_put_percentiles(const struct comparison *comparison, FILE *out);
void report_put_remarks(const struct comparison *comparison, FILE *out);
void report_put_environment(const struct report *report, FILE *out);
void report_put_commands(const struct report *report, FILE *out);

/* Text as HTML: nothing in it is markup; what is not UTF-8 or not text becomes U+FFFD. */
void report_put_text(FILE *out, const char *text);
/* JSON inside a script element: nothing in it ends the element. */
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
