/* A table of findings as text, Markdown, HTML. */

#include "bench/report_grid.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report.h"
#include "config/text/terminal.h"

/* Longest text of a cell; widest column on a terminal. */
#define CELL_TEXT  400
#define WIDTH_MOST 48

struct cell {
    enum report_state state;
    char *word; /* word and text are owned; NULL = "" */
    char *text;
};

struct head {
    size_t color; /* 0 = words, for the page only */
    char *text;
};

struct report_grid {
    char *caption;
    size_t columns;
    struct head *heads;
    size_t rows;
    size_t cap;
    struct cell *cells; /* rows * (columns + 1); the first cell names its row */
};

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

struct report_grid *report_grid_new(const char *caption, size_t columns)
{
    struct report_grid *grid = calloc(1, sizeof *grid);

    if (grid == NULL)
        return NULL;
    grid->caption = strdup(caption);
    grid->columns = columns;
    grid->heads = calloc(columns + 1, sizeof *grid->heads);
    if (grid->heads == NULL) {
        report_grid_free(grid);
        return NULL;
    }
    return grid;
}

void report_grid_free(struct report_grid *grid)
{
    if (grid == NULL)
        return;
    for (size_t i = 0; grid->heads != NULL && i < grid->columns; i++)
        free(grid->heads[i].text);
    for (size_t i = 0; i < grid->rows * (grid->columns + 1); i++) {
        free(grid->cells[i].word);
        free(grid->cells[i].text);
    }
    free(grid->heads);
    free(grid->cells);
    free(grid->caption);
    free(grid);
}

void report_grid_head(struct report_grid *grid, size_t column, size_t color, const char *text)
{
    if (grid == NULL)
        return;
    free(grid->heads[column].text);
    grid->heads[column] = (struct head){.color = color, .text = strdup(text)};
}

void report_grid_row(struct report_grid *grid, const char *label, const char *detail)
{
    if (grid == NULL)
        return;
    size_t width = grid->columns + 1;
    if (grid->rows == grid->cap) {
        size_t cap = grid->cap == 0 ? 32 : 2 * grid->cap;
        struct cell *larger = realloc(grid->cells, cap * width * sizeof *larger);
        if (larger == NULL)
            return;
        grid->cells = larger;
        grid->cap = cap;
    }
    struct cell *row = &grid->cells[grid->rows * width];
    memset(row, 0, width * sizeof *row);
    row->text = strdup(label);
    row->word = detail == NULL ? NULL : strdup(detail);
    grid->rows++;
}

void report_grid_cell(struct report_grid *grid, size_t column, enum report_state state,
                      const char *word, const char *format, ...)
{
    char text[CELL_TEXT];
    va_list arguments;

    if (grid == NULL || grid->rows == 0)
        return;
    struct cell *cell = &grid->cells[(grid->rows - 1) * (grid->columns + 1) + 1 + column];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    free(cell->word);
    free(cell->text);
    cell->state = state;
    cell->word = word == NULL ? NULL : strdup(word);
    cell->text = strdup(text);
}

/* --- text --- */

static void join(const struct cell *cell, char text[2 * CELL_TEXT])
{
    if (cell->state == REPORT_NONE) {
        snprintf(text, (size_t)2 * CELL_TEXT, "-");
        return;
    }
    bool both = text_of(cell->word)[0] != '\0' && text_of(cell->text)[0] != '\0';
    snprintf(text, (size_t)2 * CELL_TEXT, "%.*s%s%.*s", CELL_TEXT - 1, text_of(cell->word),
             both ? ": " : "", CELL_TEXT - 1, text_of(cell->text));
}

static size_t width_of(const struct report_grid *grid, size_t column)
{
    char text[2 * CELL_TEXT];
    size_t widest = strlen(text_of(grid->heads[column].text));

    for (size_t row = 0; row < grid->rows; row++) {
        join(&grid->cells[row * (grid->columns + 1) + 1 + column], text);
        size_t width = strlen(text);
        widest = width > widest ? width : widest;
    }
    return widest > WIDTH_MOST ? WIDTH_MOST : widest;
}

static size_t width_of_labels(const struct report_grid *grid)
{
    size_t widest = 0;

    for (size_t row = 0; row < grid->rows; row++) {
        size_t width = strlen(text_of(grid->cells[row * (grid->columns + 1)].text));
        widest = width > widest ? width : widest;
    }
    return widest > WIDTH_MOST ? WIDTH_MOST : widest;
}

static void write_text(const struct report_grid *grid, FILE *out)
{
    char text[2 * CELL_TEXT];
    size_t labels = width_of_labels(grid);

    terminal_put_column(out, text_of(grid->caption), WIDTH_MOST, 0);
    fputs("\n\n  ", out);
    terminal_put_column(out, "", WIDTH_MOST, labels);
    for (size_t i = 0; i < grid->columns; i++) {
        fputs("  ", out);
        if (grid->heads[i].color != 0)
            terminal_put_column(out, text_of(grid->heads[i].text), WIDTH_MOST, width_of(grid, i));
    }
    fputc('\n', out);
    for (size_t row = 0; row < grid->rows; row++) {
        const struct cell *cells = &grid->cells[row * (grid->columns + 1)];
        fputs("  ", out);
        terminal_put_column(out, text_of(cells->text), WIDTH_MOST, labels);
        for (size_t i = 0; i < grid->columns; i++) {
            if (grid->heads[i].color == 0)
                continue;
            join(&cells[i + 1], text);
            fputs("  ", out);
            terminal_put_column(out, text, WIDTH_MOST, width_of(grid, i));
        }
        fputc('\n', out);
    }
    fputc('\n', out);
}

/* --- Markdown --- */

static void put_markdown_cell(FILE *out, const struct cell *cell)
{
    const char *mark = cell->state == REPORT_BAD ? "**" : "";
    const char *text = text_of(cell->text);

    fprintf(out, " %s", mark);
    if (cell->state == REPORT_NONE)
        fputs("–", out);
    report_put_markdown(out, text[0] == '\0' ? text_of(cell->word) : text);
    fprintf(out, "%s |", mark);
}

static void write_markdown(const struct report_grid *grid, FILE *out)
{
    fputs("### ", out);
    report_put_markdown(out, text_of(grid->caption));
    fputs("\n\n| |", out);
    for (size_t i = 0; i < grid->columns; i++) {
        if (grid->heads[i].color == 0)
            continue;
        fputc(' ', out);
        report_put_markdown(out, text_of(grid->heads[i].text));
        fputs(" |", out);
    }
    fputs("\n|---|", out);
    for (size_t i = 0; i < grid->columns; i++)
        fputs(grid->heads[i].color == 0 ? "" : "---|", out);
    fputc('\n', out);
    for (size_t row = 0; row < grid->rows; row++) {
        const struct cell *cells = &grid->cells[row * (grid->columns + 1)];
        fputs("| ", out);
        report_put_markdown(out, text_of(cells->text));
        fputs(" |", out);
        for (size_t i = 0; i < grid->columns; i++) {
            if (grid->heads[i].color != 0)
                put_markdown_cell(out, &cells[i + 1]);
        }
        fputc('\n', out);
    }
    fputc('\n', out);
}

/* --- HTML --- */

static void put_html_cell(FILE *out, const struct cell *cell)
{
    static const char *const classes[] = {[REPORT_PLAIN] = "plain",
                                          [REPORT_GOOD] = "good",
                                          [REPORT_FAIR] = "fair",
                                          [REPORT_BAD] = "bad",
                                          [REPORT_NONE] = "none"};

    fprintf(out, "<td class=\"%s\">", classes[cell->state]);
    if (cell->word != NULL) {
        fputs("<b>", out);
        report_put_text(out, cell->word);
        fputs("</b> ", out);
    }
    report_put_text(out, cell->state == REPORT_NONE ? "–" : text_of(cell->text));
    fputs("</td>", out);
}

static void write_html(const struct report_grid *grid, FILE *out)
{
    fputs("<table class=\"finding\"><caption>", out);
    report_put_text(out, text_of(grid->caption));
    fputs("</caption>\n<thead><tr><td></td>", out);
    for (size_t i = 0; i < grid->columns; i++) {
        fputs("<th scope=\"col\">", out);
        if (grid->heads[i].color != 0)
            fprintf(out, "<span class=\"swatch c%zu\"></span>", grid->heads[i].color);
        report_put_text(out, text_of(grid->heads[i].text));
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t row = 0; row < grid->rows; row++) {
        const struct cell *cells = &grid->cells[row * (grid->columns + 1)];
        fputs("<tr><th scope=\"row\">", out);
        report_put_text(out, text_of(cells->text));
        if (cells->word != NULL) {
            fputs("<span class=\"unit\">", out);
            report_put_text(out, cells->word);
            fputs("</span>", out);
        }
        fputs("</th>", out);
        for (size_t i = 0; i < grid->columns; i++)
            put_html_cell(out, &cells[i + 1]);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table>\n", out);
}

void report_grid_write(const struct report_grid *grid, enum report_form form, FILE *out)
{
    if (grid == NULL)
        fputs("out of memory\n", out);
    else if (form == REPORT_TEXT)
        write_text(grid, out);
    else if (form == REPORT_MARKDOWN)
        write_markdown(grid, out);
    else
        write_html(grid, out);
}
