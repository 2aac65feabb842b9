/* sni-router: the table of commands, and from argv to one of them. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "router/cli/command.h"

static const struct command commands[COMMAND_COUNT] = {
    [COMMAND_RUN] =
        {"run", "-c FILE\n--listen ADDRESS... --route HOST=SERVER[,SERVER]...",
         "route connections until told to stop",
         "Accepts connections, reads the server name each client asks for, and carries the bytes "
         "to\n"
         "that name's backend, untouched. Runs in the foreground. SIGHUP reads the file again,\n"
         "SIGTERM lets connections finish, then exits; a second one exits at once.\n\n"
         "Examples:\n"
         "  sni-router run -c /etc/sni-router/sni-router.json\n"
         "  sni-router run --listen :8443 --route shop.example.com=10.0.0.5:443 \\\n"
         "                 --route '*.apps.example.com=10.0.0.7:443,10.0.0.8:443'\n",
         0, 0, command_run},
    [COMMAND_CHECK] =
        {"check", "[--strict] [--json] [-q] FILE...", "say whether configuration files are right",
         "Reads each FILE as `run` would and prints what it holds, or every error in it with its\n"
         "place. Exit code 0: all are right, 66: no such file, 78: errors.\n\n"
         "Example:\n"
         "  sni-router check --strict routes.json && systemctl reload sni-router\n",
         1, -1, command_check},
    [COMMAND_EXPLAIN] =
        {"explain", "FILE HOST [--alpn NAME]... [--from IP] [--listener NAME]",
         "say where a client would be sent, and why",
         "Builds the ClientHello of a client that asks for HOST and routes it with the very code\n"
         "the router runs. Names the winning route with its line in FILE, why it won, and every\n"
         "candidate it beat. Exit code 0: sent to a backend, 1: refused.\n\n"
         "Example:\n"
         "  sni-router explain routes.json shop.example.com --alpn h2 --from 192.0.2.7\n",
         2, 2, command_explain},
    [COMMAND_SCHEMA] =
        {"schema", "", "print the JSON Schema of the configuration",
         "Prints the JSON Schema (draft-07) of the configuration file, for editors and CI.\n\n"
         "Example:\n"
         "  sni-router schema > sni-router.schema.json\n",
         0, 0, command_schema},
    [COMMAND_HELLO] =
        {"hello", "[--json] [--limit SIZE] FILE...", "say what a captured ClientHello offers",
         "Reads the first bytes a TLS client sent, raw, from the first record header on, and says\n"
         "what the router sees in them. FILE may be - for standard input. Exit code 0: each one "
         "is\n"
         "a whole, legal ClientHello, 1: not, 66: a file cannot be read.\n\n"
         "Example:\n"
         "  sni-router hello --json capture.bin\n",
         1, -1, command_hello},
};

const struct command *command_info(enum command_id id)
{
    return &commands[id];
}

enum command_id command_find(const char *name)
{
    unsigned id = 0;

    while (id < COMMAND_COUNT && strcmp(commands[id].name, name) != 0)
        id++;
    return (enum command_id)id;
}

void command_print_overview(FILE *to)
{
    fputs("sni-router " SNI_ROUTER_VERSION
          ": carries TLS connections to the backend of the name they ask for\n\n"
          "Usage: sni-router COMMAND [OPTION]...\n\n"
          "Commands:\n",
          to);
    for (unsigned id = 0; id < COMMAND_COUNT; id++)
        fprintf(to, "  %-8s %s\n", commands[id].name, commands[id].summary);
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
        names[id] = commands[id].name;
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
        command_print_overview(stdout);
    return command_finish(COMMAND_COUNT, 0);
}

/*
 * A standard descriptor that was closed would be given to the next file opened, and output would go
 * there. The stand-in is read-only, so that writing to it still fails.
 */
static void occupy_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY);

    while (fd >= 0 && fd <= 2)
        fd = open("/dev/null", O_RDONLY);
    if (fd > 2)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    enum command_id id;

    occupy_standard_descriptors();
    if (word == NULL) {
        command_print_overview(stderr);
        return EX_USAGE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_help(NULL);
    if (strcmp(word, "help") == 0)
        return print_help(argv[2]);
    id = command_find(word);
    return id < COMMAND_COUNT ? commands[id].run(argc - 1, argv + 1) : refuse_word(word);
}
