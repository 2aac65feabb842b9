/* `check`: whether configuration files are right, and all that is wrong with them. */

#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/commands.h"

#include <stdlib.h>

#include "config/text/terminal.h"
#include "router/log/log.h"

struct check_options {
    bool strict, json, quiet;
};

static uint64_t count_servers(const struct config *config)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < config->backend_count; i++)
        count += config->backends[i].server_count;
    return count;
}

static void print_count(FILE *to, const char *before, uint64_t count, const char *noun)
{
    fprintf(to, "%s%llu %s%s", before, (unsigned long long)count, noun, count == 1 ? "" : "s");
}

static void print_passed(const char *file, const struct config *config, size_t warnings)
{
    char shown[TERMINAL_SHOWN_MAX];

    printf("%s: OK: ", terminal_copy(file, shown, sizeof shown));
    print_count(stdout, "", config->route_count, "route");
    print_count(stdout, ", ", count_servers(config), "server");
    print_count(stdout, ", ", config->backend_count, "backend");
    print_count(stdout, ", ", config->listener_count, "listener");
    if (warnings > 0)
        print_count(stdout, ", ", warnings, "warning");
    putchar('\n');
}

/* The journal has a line for each finding, which says as much. */
static void print_failed(const char *file, const struct diagnostics *found)
{
    char shown[TERMINAL_SHOWN_MAX];

    if (log_is_journal())
        return;
    fprintf(stderr, "%s: FAILED: ", terminal_copy(file, shown, sizeof shown));
    print_count(stderr, "", found->errors, "error");
    print_count(stderr, ", ", found->warnings, "warning");
    fputc('\n', stderr);
}

static void write_diagnostic(struct json_writer *text, const char *severity, struct position at,
                             const char *message)
{
    json_writer_open(text, '{');
    json_writer_key(text, "severity");
    json_writer_word(text, severity);
    json_writer_key(text, "line");
    json_writer_number(text, at.line);
    json_writer_key(text, "column");
    json_writer_number(text, at.column);
    json_writer_key(text, "message");
    json_writer_word(text, message);
    json_writer_close(text, '}');
}

/* `trouble`: why the file could not be read at all; NULL when it was. */
static void print_json(const char *file, bool ok, const struct config *config,
                       const struct diagnostics *found, const char *trouble)
{
    struct json_writer text;
    char buffer[4096];

    command_json_start(&text, buffer, sizeof buffer);
    json_writer_open(&text, '{');
    json_writer_key(&text, "file");
    json_writer_word(&text, file);
    json_writer_key(&text, "ok");
    json_writer_bool(&text, ok);
    json_writer_key(&text, "routes");
    json_writer_number(&text, config != NULL ? config->route_count : 0);
    json_writer_key(&text, "servers");
    json_writer_number(&text, config != NULL ? count_servers(config) : 0);
    json_writer_key(&text, "backends");
    json_writer_number(&text, config != NULL ? config->backend_count : 0);
    json_writer_key(&text, "listeners");
    json_writer_number(&text, config != NULL ? config->listener_count : 0);
    json_writer_key(&text, "errors");
    json_writer_number(&text, found->errors + (trouble != NULL));
    json_writer_key(&text, "warnings");
    json_writer_number(&text, found->warnings);
    json_writer_key(&text, "diagnostics");
    json_writer_open(&text, '[');
    if (trouble != NULL)
        write_diagnostic(&text, "error", (struct position){0, 0}, trouble);
    for (size_t i = 0; i < found->count; i++) {
        const struct diagnostic *one = &found->list[i];

        write_diagnostic(&text, one->severity == DIAGNOSTIC_ERROR ? "error" : "warning", one->at,
                         one->message);
    }
    json_writer_close(&text, ']');
    json_writer_close(&text, '}');
    command_json_end(&text);
}

static int check_file(const char *file, const struct check_options *options)
{
    struct diagnostics found = {0};
    struct config *config = NULL;
    char trouble[COMMAND_TROUBLE_MAX];
    int code = command_load(file, NULL, &config, &found, trouble);
    bool failed = code != 0 || (options->strict && found.warnings > 0);

    file = command_file_name(file);
    if (failed && code == 0)
        code = EX_CONFIG;
    if (trouble[0] != '\0')
        command_complain(COMMAND_CHECK, "%s: %s", file, trouble);
    if (options->json) {
        print_json(file, !failed, config, &found, trouble[0] != '\0' ? trouble : NULL);
    } else {
        if (failed || !options->quiet)
            command_tell(&found, file);
        if (failed && trouble[0] == '\0')
            print_failed(file, &found);
        else if (!failed && !options->quiet)
            print_passed(file, config, found.warnings);
    }
    config_free(config);
    diagnostics_free(&found);
    return code;
}

int command_check(int argc, char **argv)
{
    struct check_options options = {0};
    struct command_reader reader;
    enum option_id option;
    int worst = 0;

    command_reader_start(&reader, COMMAND_CHECK, argc, argv);
    while ((option = command_next(&reader)) != OPTION_END) {
        if (option == OPTION_STOP)
            return reader.exit_code;
        options.strict |= option == OPTION_STRICT;
        options.json |= option == OPTION_JSON;
        options.quiet |= option == OPTION_QUIET;
    }
    for (int i = 0; i < reader.operand_count; i++) {
        int code = check_file(reader.operands[i], &options);

        worst = code > worst ? code : worst;
        if (command_finish(COMMAND_CHECK, 0) != 0) /* in step with the messages on stderr */
            return EX_OSERR;
    }
    return worst;
}
