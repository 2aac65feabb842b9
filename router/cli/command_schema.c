/* `schema`: the JSON Schema of the configuration file. */

#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/commands.h"

#include "config/fields_schema.h"

int command_schema(int argc, char **argv)
{
    struct command_reader reader;

    command_reader_start(&reader, COMMAND_SCHEMA, argc, argv);
    if (command_next(&reader) == OPTION_STOP)
        return reader.exit_code;
    fields_schema_print(stdout);
    return command_finish(COMMAND_SCHEMA, 0);
}
