#ifndef ROUTER_HABITS_H
#define ROUTER_HABITS_H

/*
 * What people write who know other programs: their words for options and commands, and what does
 * the same here.
 */

#include <stdbool.h>

#include "router/cli/command_info.h"

/*
 * What to write instead of an option that `command` does not have; COMMAND_COUNT: it stands before
 * the command. `name` is without its dashes: a long form, or one letter. NULL: nothing is known.
 */
const char *habit_of_option(enum command_id command, const char *name);

/*
 * The command that does what another program's command of that name does. COMMAND_COUNT: none, and
 * *advice is a sentence about it, or NULL.
 */
enum command_id habit_of_command(const char *word, const char **advice);

/* Whether an option of that name is, in some program, the one for the configuration file. */
bool habit_names_file(const char *name);

#endif
