#include <string.h>

#include "bench/options.h"

/* Column where the explanations begin. */
#define HELP_COLUMN 28
#define HELP_WIDTH  98

/*
 * Prints text from column `indent` on, where the cursor stands already, and breaks lines at
 * HELP_WIDTH.
 */
static void print_wrapped(FILE *out, const char *text, int indent)
{
    int column = indent;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > indent && column + 1 + (int)word > HELP_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += (int)word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const struct option_row *row)
{
    char left[64];
    char letter[8] = "    ";

    if (row->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->argument == NULL ? "" : " ",
             row->argument == NULL ? "" : row->argument);
    fprintf(out, "%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    print_wrapped(out, row->help, HELP_COLUMN);
}

void options_print_help(const struct mode *mode, FILE *out)
{
    fprintf(out, "usage: sni-bench %s%s%s\n\n", mode->name, mode->arguments[0] == '\0' ? "" : " ",
            mode->arguments);
    print_wrapped(out, mode->about, 0);
    fprintf(out, "\noptions:\n");
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        if ((row->modes & mode->bit) != 0)
            print_row(out, row);
    }
    fprintf(out, "\nexample:\n%s\n", mode->example);
    fprintf(out, "Counts take k m g (thousands), sizes k m g (1024-fold), times ns us ms s m h.\n");
}

void options_print_usage(FILE *out)
{
    fprintf(out, "usage: sni-bench MODE [options]\n\n"
                 "Load for SNI routers, and backends that say who they are.\n\nmodes:\n");
    for (const struct mode *mode = bench_modes; mode->name != NULL; mode++)
        fprintf(out, "  %-10s %s\n", mode->name, mode->summary);
    fprintf(out, "\nsni-bench MODE --help has the options and an example; --version the version.\n"
                 "Exit: 0 ok, 1 failed, 2 not valid (such as: the tool was the limit), 64 usage, "
                 "99 a --fail-if holds.\n");
}
