#ifndef ROUTER_COMMANDS_H
#define ROUTER_COMMANDS_H

/*
 * The commands: argv[0] is the command's name, the result is the exit code. Each is a file of its
 * own, command_NAME.c.
 */

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_schema(int argc, char **argv);
int command_hello(int argc, char **argv);

/*
 * The very first thing in the process: a router that is to run must not die of a signal that asks
 * it to do something, which it does from here on. Takes no memory and opens nothing.
 */
void commands_prepare(int argc, char *const *argv);

/* From the program's argv to one of them, or to the help. */
int commands_main(int argc, char **argv);

#endif
