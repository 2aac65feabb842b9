/* From argv to a command. */

#include "router/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "router/cli/command_info.h"
#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/control/signals.h"

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
          "  -V, --version  print the version\n\n"
          "To start without a file:\n"
          "  sni-router run --listen :8443 --route shop.example.com=10.0.0.5:443\n",
          to);
}

static int print_version(void)
{
    printf("sni-router " SNI_ROUTER_VERSION "\nlibuv %s\n", uv_version_string());
    return command_finish(COMMAND_COUNT, 0);
}

/* The first word is neither a command nor an option we know. */
static int refuse_word(const char *word)
{
    const char *names[COMMAND_COUNT + 1];
    char hint[COMMAND_HINT_MAX];

    for (unsigned id = 0; id < COMMAND_COUNT; id++)
        names[id] = command_info(id)->name;
    names[COMMAND_COUNT] = "help";
    if (word[0] == '-')
        command_complain(COMMAND_COUNT, "unknown option %s before the command", word);
    else
        command_complain(COMMAND_COUNT, "unknown command '%s'%s", word,
                         command_hint(hint, "", word, names, COMMAND_COUNT + 1));
    fputs("Try 'sni-router --help'.\n", stderr);
    return EX_USAGE;
}

/* `help` and `help COMMAND`. */
static int print_help(const char *name)
{
    enum command_id id = name != NULL ? command_find(name) : COMMAND_COUNT;

    if (name != NULL && id == COMMAND_COUNT)
        return refuse_word(name);
    if (name != NULL)
        command_print_help(id, stdout);
    else
        print_overview(stdout);
    return command_finish(COMMAND_COUNT, 0);
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

    if (word == NULL) {
        print_overview(stderr);
        return EX_USAGE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_help(NULL);
    if (strcmp(word, "help") == 0)
        return print_help(argv[2]);
    id = command_find(word);
    return id < COMMAND_COUNT ? entries[id](argc - 1, argv + 1) : refuse_word(word);
}
