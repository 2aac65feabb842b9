/* sni-router run: from a command line to control_run(). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/commands.h"
#include "router/control/control.h"

/* What the command line said. The lists point into argv. */
struct run_options {
    const char *file;
    const char **listens;
    const char **routes;
    size_t listen_count, route_count;
    enum relay_mode mode;
};

static bool parse_mode(const char *word, enum relay_mode *mode)
{
    static const char *const words[] = {
        [RELAY_AUTO] = "auto", [RELAY_COPY] = "copy", [RELAY_SPLICE] = "splice"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) {
            *mode = (enum relay_mode)i;
            return true;
        }
    }
    return false;
}

/* 0, or the exit code (also 0 after --help, with *stop set). */
static int read_options(int argc, char **argv, struct run_options *options, bool *stop)
{
    struct command_reader reader;
    enum option_id option;

    *stop = true;
    command_reader_start(&reader, COMMAND_RUN, argc, argv);
    while ((option = command_next(&reader)) != OPTION_END) {
        if (option == OPTION_STOP)
            return reader.exit_code;
        if (option == OPTION_CONFIG && options->file != NULL)
            return command_refuse(COMMAND_RUN, "--config can be said once only");
        if (option == OPTION_CONFIG)
            options->file = reader.value;
        else if (option == OPTION_LISTEN)
            options->listens[options->listen_count++] = reader.value;
        else if (option == OPTION_ROUTE)
            options->routes[options->route_count++] = reader.value;
        else if (option == OPTION_RELAY && !parse_mode(reader.value, &options->mode))
            return command_refuse(COMMAND_RUN, "--relay %s: say auto, copy or splice",
                                  reader.value);
    }
    bool arguments = options->listen_count + options->route_count > 0;
    if (options->file != NULL && arguments)
        return command_refuse(COMMAND_RUN, "--config goes without --listen and --route");
    if (options->file == NULL && options->listen_count == 0)
        return command_refuse(COMMAND_RUN, "say --config FILE, or --listen and --route");
    if (options->file == NULL && options->route_count == 0)
        return command_refuse(COMMAND_RUN, "--listen needs at least one --route HOST=SERVER");
    *stop = false;
    return 0;
}

/* For each reload, in the thread of errands: what is wrong is logged by control. */
static struct config *load_again(void *context, struct config_files *files,
                                 struct diagnostics *found, char trouble[CONTROL_TROUBLE_MAX])
{
    const struct run_options *options = context;
    struct config *config = NULL;

    _Static_assert(CONTROL_TROUBLE_MAX >= COMMAND_TROUBLE_MAX, "a trouble must fit");
    if (config_file_is_read_once(options->file)) {
        snprintf(trouble, CONTROL_TROUBLE_MAX, "a pipe or device can be read once only");
        config_files_add_failed(files, options->file, ESPIPE);
    } else {
        command_load(options->file, files, &config, found, trouble);
    }
    return config;
}

/* The first configuration; findings go to stderr as they do for `check`, warnings too. */
static int load_first(const struct run_options *options, struct config_files *files,
                      struct config **config)
{
    const char *name = options->file != NULL ? options->file : "(command line)";
    char trouble[COMMAND_TROUBLE_MAX] = "";
    struct diagnostics found = {0};
    int exit_code = 0;

    if (options->file != NULL) {
        exit_code = command_load(options->file, files, config, &found, trouble);
    } else {
        *config = config_load_arguments(options->listens, options->listen_count, options->routes,
                                        options->route_count, &found);
        if (*config == NULL)
            exit_code = found.no_memory ? EX_OSERR : EX_CONFIG;
    }
    diagnostics_print(&found, name, stderr, command_colors(stderr));
    if (trouble[0] != '\0')
        command_complain(COMMAND_RUN, "%s: %s", name, trouble);
    diagnostics_free(&found);
    return exit_code;
}

int command_run(int argc, char **argv)
{
    size_t most = (size_t)argc + 1;
    struct run_options options = {.listens = calloc(most, sizeof(char *)),
                                  .routes = calloc(most, sizeof(char *))};
    struct control_source source = {.load = load_again, .context = &options};
    struct config *config = NULL;
    bool stop = true;
    int exit_code = EX_OSERR;

    source.files = config_files_new();
    if (options.listens != NULL && options.routes != NULL && source.files != NULL)
        exit_code = read_options(argc, argv, &options, &stop);
    if (!stop)
        source.once = options.file == NULL || config_file_is_read_once(options.file);
    if (!stop)
        exit_code = load_first(&options, source.files, &config);
    if (!stop && exit_code == 0) {
        source.file = options.file;
        exit_code = control_run(config, &source, options.mode);
    }
    config_files_drop(source.files);
    free(options.listens);
    free(options.routes);
    return exit_code;
}
