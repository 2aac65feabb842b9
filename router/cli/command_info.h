#ifndef ROUTER_COMMAND_INFO_H
#define ROUTER_COMMAND_INFO_H

/* The commands of sni-router, as the help and the messages call them. */

enum command_id {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_EXPLAIN,
    COMMAND_SCHEMA,
    COMMAND_HELLO,
    COMMAND_COUNT
};

struct command {
    const char *name;
    const char *operands;    /* as in the usage line; "" = takes none */
    const char *summary;     /* one line for the list of commands */
    const char *description; /* what `COMMAND --help` says, with an example */
    int operands_min;        /* files that it takes at least */
};

const struct command *command_info(enum command_id id);

/* The command of that name; COMMAND_COUNT when there is none. */
enum command_id command_find(const char *name);

#endif
