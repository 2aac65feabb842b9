/* What the commands print in common: messages, hints, findings, JSON, and the end of the output. */

#include "router/cli/command_output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/text/suggest.h"
#include "config/text/terminal.h"
#include "router/control/reload_log.h"
#include "router/log/log.h"

/* Room for a sentence around a name that is as long as may be shown. */
#define COMPLAINT_MAX (TERMINAL_SHOWN_MAX + 512)

/* To the journal as a line with a priority. */
static void complain(enum command_id id, enum log_level level, const char *format,
                     va_list arguments)
{
    const char *name = id < COMMAND_COUNT ? command_info(id)->name : "";
    const char *space = name[0] != '\0' ? " " : "";
    char text[COMPLAINT_MAX];

    vsnprintf(text, sizeof text, format, arguments);
    terminal_disarm(text, TERMINAL_UTF8);
    if (log_is_journal())
        log_line(level, "sni-router%s%s: %s", space, name, text);
    else
        fprintf(stderr, "sni-router%s%s: %s%s\n", space, name,
                level == LOG_LEVEL_WARNING ? "warning: " : "", text);
}

void command_complain(enum command_id id, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(id, LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
}

void command_warn(enum command_id id, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(id, LOG_LEVEL_WARNING, format, arguments);
    va_end(arguments);
}

int command_refuse(enum command_id id, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(id, LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
    return command_try_help(id);
}

int command_try_help(enum command_id id)
{
    const char *name = id < COMMAND_COUNT ? command_info(id)->name : "";
    const char *space = name[0] != '\0' ? " " : "";

    if (log_is_journal())
        log_line(LOG_LEVEL_INFO, "Try 'sni-router %s%s--help'.", name, space);
    else
        fprintf(stderr, "Try 'sni-router %s%s--help'.\n", name, space);
    return EX_USAGE;
}

void command_tell(const struct diagnostics *found, const char *file)
{
    if (log_is_journal())
        reload_log_findings(found, file);
    else
        diagnostics_print(found, file, stderr, command_colors(stderr));
}

const char *command_hint(char hint[COMMAND_HINT_MAX], const char *prefix, const char *wrong,
                         const char *const *words, size_t count)
{
    struct suggestion suggestion;

    suggest_start(&suggestion, wrong);
    for (size_t i = 0; i < count; i++)
        suggest_consider(&suggestion, words[i]);
    hint[0] = '\0';
    if (suggestion.nearest != NULL)
        snprintf(hint, COMMAND_HINT_MAX, " (did you mean \"%s%s\"?)", prefix, suggestion.nearest);
    return hint;
}

bool command_colors(FILE *to)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(fileno(to)) == 1 && (no_color == NULL || no_color[0] == '\0');
}

const char *command_file_name(const char *file)
{
    return strcmp(file, "-") == 0 ? "(stdin)" : file;
}

int command_load(const char *file, struct config_files *files, struct config **out,
                 struct diagnostics *found, char trouble[COMMAND_TROUBLE_MAX])
{
    int error;

    trouble[0] = '\0';
    switch (config_load_file(file, files, out, found, &error)) {
    case CONFIG_READ_OK:
        return 0;
    case CONFIG_READ_ABSENT:
        snprintf(trouble, COMMAND_TROUBLE_MAX, "no such file");
        return EX_NOINPUT;
    case CONFIG_READ_FAILED:
        if (error == EACCES || error == EPERM)
            snprintf(trouble, COMMAND_TROUBLE_MAX, "cannot read: %s (this runs as user %u)",
                     strerror(error), (unsigned)geteuid());
        else
            snprintf(trouble, COMMAND_TROUBLE_MAX, "cannot read: %s%s", strerror(error),
                     error == EISDIR ? " (name a file in it)" : "");
        return error == EACCES || error == EPERM ? EX_NOPERM : EX_CONFIG;
    case CONFIG_READ_INVALID:
        break;
    }
    if (!found->no_memory)
        return EX_CONFIG;
    snprintf(trouble, COMMAND_TROUBLE_MAX, "out of memory");
    return EX_OSERR;
}

int command_load_or_complain(enum command_id id, const char *file, struct config **out)
{
    struct diagnostics found = {0};
    char trouble[COMMAND_TROUBLE_MAX];
    int code = command_load(file, NULL, out, &found, trouble);

    file = command_file_name(file);
    if (code != 0)
        command_tell(&found, file);
    if (trouble[0] != '\0')
        command_complain(id, "%s: %s", file, trouble);
    diagnostics_free(&found);
    return code;
}

static void on_json_drain(void *context, const char *bytes, size_t length)
{
    (void)context;
    fwrite(bytes, 1, length, stdout);
}

void command_json_start(struct json_writer *text, char *buffer, size_t capacity)
{
    json_writer_start(text, buffer, capacity);
    text->drain = on_json_drain;
}

void command_json_end(struct json_writer *text)
{
    json_writer_end_line(text);
    on_json_drain(NULL, text->bytes, text->length);
    text->length = 0;
}

int command_finish(enum command_id id, int exit_code)
{
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return exit_code;
    command_complain(id, "cannot write to standard output%s%s", errno != 0 ? ": " : "",
                     errno != 0 ? strerror(errno) : "");
    return EX_OSERR;
}
