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
    if (reader.operand_count > 0)
        return command_refuse(COMMAND_SCHEMA,
                              "unexpected '%s': schema takes no file (a file is checked by: "
                              "sni-router check %s)",
                              reader.operands[0], reader.operands[0]);
    fields_schema_print(stdout);
    return command_finish(COMMAND_SCHEMA, 0);
}
