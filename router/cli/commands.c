/* From argv to a command. */

#include "router/cli/commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "router/cli/command_info.h"
#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/first_word.h"
#include "router/control/signals.h"
#include "router/log/log.h"

static int (*const entries[COMMAND_COUNT])(int argc, char **argv) = {
    [COMMAND_RUN] = command_run,         [COMMAND_CHECK] = command_check,
    [COMMAND_EXPLAIN] = command_explain, [COMMAND_SCHEMA] = command_schema,
    [COMMAND_HELLO] = command_hello,
};

static void print_overview(FILE *to)
{
    fputs("sni-router " SNI_ROUTER_VERSION
          ": carries TLS connections to the backend of the name they ask for\n\n"
          "Usage: sni-router COMMAND [OPTION]...\n\n"
          "Commands:\n",
          to);
    for (unsigned id = 0; id < COMMAND_COUNT; id++)
        fprintf(to, "  %-8s %s\n", command_info(id)->name, command_info(id)->summary);
    fputs("\nOptions:\n"
          "  -h, --help     print this; after a COMMAND: its help\n"
          "  -V, --version  print the version (-v as well)\n\n"
          "To start without a file:\n"
          "  sni-router run --listen :8443 --route shop.example.com=10.0.0.5:443\n",
          to);
}

static int print_version(void)
{
    printf("sni-router " SNI_ROUTER_VERSION "\nlibuv %s\n", uv_version_string());
    return command_finish(COMMAND_COUNT, 0);
}

/* `help` and `help COMMAND`. */
static int print_help(char **words)
{
    bool of_command = words[0] != NULL && strcmp(words[0], "help") != 0;
    enum command_id id = of_command ? command_find(words[0]) : COMMAND_COUNT;

    if (of_command && id == COMMAND_COUNT)
        return first_word_refuse(words);
    if (of_command)
        command_print_help(id, stdout);
    else
        print_overview(stdout);
    return command_finish(COMMAND_COUNT, 0);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c, const char *d)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0 ||
           strcmp(word, d) == 0;
}

void commands_prepare(int argc, char *const *argv)
{
    if (argc > 1 && command_find(argv[1]) == COMMAND_RUN)
        signals_prepare();
}

int commands_main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    enum command_id id;

    log_start();
    if (word == NULL) {
        print_overview(stderr);
        return EX_USAGE;
    }
    if (is_one_of(word, "--version", "-V", "-v", "version"))
        return print_version();
    if (is_one_of(word, "--help", "-h", "-?", "help"))
        return print_help(word[0] == '-' ? argv + argc : argv + 2);
    id = command_find(word);
    return id < COMMAND_COUNT ? entries[id](argc - 1, argv + 1) : first_word_refuse(argv + 1);
}
