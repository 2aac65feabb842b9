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

/* --- the command line --- */

/* 0, or the exit code. */
static int look_at_quotes(const char *option, const char *value)
{
    size_t len = strlen(value);

    if (len < 2 || strchr("\"'", value[0]) == NULL || value[len - 1] != value[0])
        return 0;
    return command_refuse(COMMAND_RUN, "%s %s has quotes in it: write %.*s", option, value,
                          (int)len - 2, value + 1);
}

/* One value that is meant to be several, or more than an address. 0, or the exit code. */
static int look_at_listen(const char *value)
{
    size_t len = strcspn(value, ", ");
    const char *second = value + len + strspn(value + len, ", ");

    if (value[len] == '\0' || strncmp(value, "unix:", 5) == 0)
        return look_at_quotes("--listen", value);
    if (strchr(second, ':') == NULL)
        return command_refuse(COMMAND_RUN,
                              "--listen '%s' has more than an address: write --listen %.*s", value,
                              (int)len, value);
    return command_refuse(COMMAND_RUN,
                          "--listen '%s': one address each, as in --listen %.*s --listen %s", value,
                          (int)len, value, second);
}

/* "HOST -> SERVER", "HOST = SERVER": whether an arrow or blanks stand where a "=" alone belongs. */
static bool has_arrow(const char *value, size_t *host_len, const char **servers)
{
    size_t glue;

    *host_len = strcspn(value, " =>");
    if (*host_len > 0 && value[*host_len] == '>' && value[*host_len - 1] == '-')
        --*host_len;
    glue = strspn(value + *host_len, " =->");
    *servers = value + *host_len + glue;
    return *host_len > 0 && **servers != '\0' && strchr(*servers, ' ') == NULL &&
           (glue > 1 || value[*host_len] == ' ');
}

/* What cannot be one host and its servers. 0, or the exit code. */
static int look_at_route(const char *value)
{
    size_t host_len = strcspn(value, "="), arrow_host_len;
    const char *servers;

    if (strstr(value, "unix:") != NULL)
        return 0;
    if (has_arrow(value, &arrow_host_len, &servers))
        return command_refuse(COMMAND_RUN, "--route '%s': write --route %.*s=%s", value,
                              (int)arrow_host_len, value, servers);
    if (strchr(value, ' ') != NULL)
        return command_refuse(COMMAND_RUN,
                              "--route '%s' has a blank: servers are separated by commas, as in "
                              "HOST=S1,S2",
                              value);
    if (value[host_len] != '\0' && strpbrk(value + host_len, ";|") != NULL)
        return command_refuse(
            COMMAND_RUN, "--route '%s': servers are separated by commas, as in HOST=S1,S2", value);
    if (value[0] == '=')
        return command_refuse(COMMAND_RUN,
                              "--route %s has no host (such as --route shop.example.com%s)", value,
                              value);
    if (value[host_len] != '\0' && strspn(value, "*") == host_len)
        return command_refuse(
            COMMAND_RUN,
            "--route '%s': \"%.*s\" alone is not a host: for all other names, run a "
            "file with \"default\": \"%s\"",
            value, (int)host_len, value, value + host_len + 1);
    if (value[host_len] != '\0' && memchr(value, ',', host_len) != NULL)
        return command_refuse(COMMAND_RUN,
                              "--route '%s': one host each, as in --route %.*s%s --route ...",
                              value, (int)strcspn(value, ","), value, value + host_len);
    return look_at_quotes("--route", value);
}

/* 0, or the exit code. */
static int look_at_values(const struct run_options *options)
{
    int code = 0;

    for (size_t i = 0; i < options->listen_count && code == 0; i++)
        code = look_at_listen(options->listens[i]);
    for (size_t i = 0; i < options->route_count && code == 0; i++)
        code = look_at_route(options->routes[i]);
    return code;
}

/* The listeners and the routes, or the file, and not both. 0, or the exit code. */
static int look_at_options(const struct run_options *options)
{
    bool listens = options->listen_count > 0, routes = options->route_count > 0;

    if (options->file != NULL && (listens || routes))
        return command_refuse(COMMAND_RUN,
                              "--config and %s do not go together: put %s into the "
                              "file, or do without it",
                              listens ? "--listen" : "--route",
                              listens ? "the listener" : "the route");
    if (options->file != NULL || (listens && routes))
        return look_at_values(options);
    if (listens)
        return command_refuse(COMMAND_RUN, "--listen needs at least one --route HOST=SERVER");
    if (routes)
        return command_refuse(COMMAND_RUN,
                              "--route needs a --listen ADDRESS, such as --listen :443");
    return command_refuse(COMMAND_RUN,
                          "there is nothing to run: say --config FILE, or --listen ADDRESS and "
                          "--route HOST=SERVER");
}

/* An operand, of which `run` takes none: what it was probably meant for. */
static int refuse_operand(const struct run_options *options, const char *word)
{
    const char *last = options->route_count > 0 ? options->routes[options->route_count - 1] : NULL;

    if (strchr(word, '=') != NULL)
        return command_refuse(COMMAND_RUN, "unexpected '%s' (did you mean \"--route %s\"?)", word,
                              word);
    if (word[0] == ':')
        return command_refuse(COMMAND_RUN, "unexpected '%s' (did you mean \"--listen %s\"?)", word,
                              word);
    if (last != NULL && strchr(last, '=') == NULL)
        return command_refuse(COMMAND_RUN, "unexpected '%s' (did you mean \"--route %s=%s\"?)",
                              word, last, word);
    if (options->file != NULL)
        return command_refuse(COMMAND_RUN, "unexpected '%s': the configuration is %s already", word,
                              options->file);
    if (options->listen_count + options->route_count > 0)
        return command_refuse(COMMAND_RUN,
                              "unexpected '%s': it belongs to no option (servers of one host are "
                              "separated by commas: HOST=S1,S2)",
                              word);
    return command_refuse(COMMAND_RUN, "unexpected '%s' (did you mean \"--config %s\"?)", word,
                          word);
}

/* 0, or the exit code (also 0 after --help, with *stop set). */
static int read_options(int argc, char **argv, struct run_options *options, bool *stop)
{
    struct command_reader reader;
    enum option_id option;
    int exit_code;

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
    if (reader.operand_count > 0)
        return refuse_operand(options, reader.operands[0]);
    exit_code = look_at_options(options);
    *stop = exit_code != 0;
    return exit_code;
}

/* --- the configuration --- */

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

static int load_first_file(const char *file, struct config_files *files, struct config **config)
{
    char trouble[COMMAND_TROUBLE_MAX];
    struct diagnostics found = {0};
    int exit_code = command_load(file, files, config, &found, trouble);

    file = command_file_name(file);
    command_tell(&found, file);
    if (trouble[0] != '\0')
        command_complain(COMMAND_RUN, "%s: %s", file, trouble);
    diagnostics_free(&found);
    return exit_code;
}

/* From --listen and --route, which are a part of the command line: it is that which is wrong. */
static int load_arguments(const struct run_options *options, struct config **config)
{
    struct diagnostics found = {0};

    *config = config_load_arguments(options->listens, options->listen_count, options->routes,
                                    options->route_count, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (found.list[i].severity == DIAGNOSTIC_WARNING)
            command_warn(COMMAND_RUN, "%s", found.list[i].message);
        else
            command_complain(COMMAND_RUN, "%s", found.list[i].message);
    }
    int exit_code = *config != NULL ? 0 : found.no_memory ? EX_OSERR : EX_USAGE;
    if (found.no_memory)
        command_complain(COMMAND_RUN, "out of memory");
    if (exit_code == EX_USAGE)
        command_try_help(COMMAND_RUN);
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
        exit_code = options.file != NULL ? load_first_file(options.file, source.files, &config)
                                         : load_arguments(&options, &config);
    if (!stop && exit_code == 0) {
        source.file = options.file;
        exit_code = control_run(config, &source, options.mode);
    }
    config_files_drop(source.files);
    free(options.listens);
    free(options.routes);
    return exit_code;
}
