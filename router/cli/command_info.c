#include "router/cli/command_info.h"

#include <assert.h>
#include <string.h>

static const struct command commands[COMMAND_COUNT] = {
    [COMMAND_RUN] =
        {"run", "-c FILE\n--listen ADDRESS... --route HOST=SERVER[,SERVER]...",
         "route connections until told to stop",
         "Accepts connections, reads the server name each client asks for, and carries the bytes "
         "to\n"
         "that name's backend, untouched. Runs in the foreground. SIGHUP reads the file again,\n"
         "SIGTERM lets connections finish, then exits; a second one exits at once.\n\n"
         "Examples:\n"
         "  sni-router run -c routes.json\n"
         "  sni-router run --listen :8443 --route shop.example.com=10.0.0.5:443 \\\n"
         "                 --route '*.apps.example.com=10.0.0.7:443,10.0.0.8:443'\n",
         0},
    [COMMAND_CHECK] =
        {"check", "[--strict] [--json] [-q] FILE...", "say whether configuration files are right",
         "Reads each FILE as `run` would and prints what it holds, or every error in it with its\n"
         "place. Exit code 0: all are right, 66: no such file, 77: no permission, 78: errors.\n\n"
         "Example:\n"
         "  sni-router check --strict routes.json && kill -HUP \"$(pidof sni-router)\"\n",
         1},
    [COMMAND_EXPLAIN] =
        {"explain", "FILE HOST [--alpn NAME]... [--from IP] [--listener NAME]",
         "say where a client would be sent, and why",
         "Builds the ClientHello of a client that asks for HOST and routes it with the very code\n"
         "the router runs. Names the winning route with its line in FILE, why it won, and every\n"
         "candidate it beat. Exit code 0: sent to a backend, 1: refused.\n\n"
         "Example:\n"
         "  sni-router explain routes.json shop.example.com --alpn h2 --from 192.0.2.7\n",
         0},
    [COMMAND_SCHEMA] =
        {"schema", "", "print the JSON Schema of the configuration",
         "Prints the JSON Schema (draft-07) of the configuration file, for editors and CI.\n\n"
         "Example:\n"
         "  sni-router schema > sni-router.schema.json\n",
         0},
    [COMMAND_HELLO] =
        {"hello", "[--json] [--limit SIZE] FILE...", "say what a captured ClientHello offers",
         "Reads the first bytes a TLS client sent, raw, from the first record header on, and says\n"
         "what the router sees in them. FILE may be - for standard input. Exit code 0: each one "
         "is\n"
         "a whole, legal ClientHello, 1: not, 66: a file cannot be read.\n\n"
         "Example:\n"
         "  sni-router hello --json capture.bin\n",
         1},
};

const struct command *command_info(enum command_id id)
{
    assert(id < COMMAND_COUNT);
    return &commands[id];
}

enum command_id command_find(const char *name)
{
    unsigned id = 0;

    while (id < COMMAND_COUNT && strcmp(commands[id].name, name) != 0)
        id++;
    return (enum command_id)id;
}
