/*
 * A configuration from the command line. It is written as JSON with one line for each argument, so
 * that every rule of the file holds for it too, and so that a finding's line leads back to the
 * argument that it is about.
 */
#include "config/load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/finding.h"
#include "config/text/terminal.h"

/* An argument: an option and its value. */
struct origin {
    const char *option;
    const char *value; /* NULL: none */
};

/* The text and, for each of its lines, the argument it came from. */
struct writing {
    FILE *to;
    struct origin *origins;
    size_t lines;
    size_t room; /* of `origins` */
};

static void line_end(struct writing *writing, const char *option, const char *value)
{
    fputc('\n', writing->to);
    assert(writing->lines < writing->room);
    writing->origins[writing->lines++] = (struct origin){option, value};
}

static void section_end(struct writing *writing)
{
    line_end(writing, NULL, NULL);
}

static void write_quoted(FILE *to, const char *text, size_t len)
{
    fputc('"', to);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            fprintf(to, "\\%c", byte);
        else if (byte < 0x20)
            fprintf(to, "\\u%04x", byte);
        else
            fputc(byte, to);
    }
    fputc('"', to);
}

/* The length of HOST in HOST=SERVERS; of the whole text when "=" is missing (an error, told later).
 */
static size_t host_length(const char *route)
{
    return strcspn(route, "=");
}

static const char *servers_of(const char *route)
{
    const char *equal = strchr(route, '=');

    return equal != NULL ? equal + 1 : NULL;
}

static void write_listeners(struct writing *writing, const char *const *listens, size_t count)
{
    fputs("{\"listeners\": [", writing->to);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", {\"address\": " : "{\"address\": ", writing->to);
        write_quoted(writing->to, listens[i], strlen(listens[i]));
        fputc('}', writing->to);
        line_end(writing, "--listen", listens[i]);
    }
    fputc(']', writing->to);
    section_end(writing);
}

/* A route without "=" is left out here: find_missing_servers() tells. */
static void write_routes(struct writing *writing, const char *const *routes, size_t count)
{
    const char *glue = "";

    fputs(", \"routes\": [", writing->to);
    for (size_t i = 0; i < count; i++) {
        if (servers_of(routes[i]) == NULL)
            continue;
        fprintf(writing->to, "%s{\"host\": ", glue);
        write_quoted(writing->to, routes[i], host_length(routes[i]));
        fputs(", \"backend\": ", writing->to);
        write_quoted(writing->to, routes[i], host_length(routes[i]));
        fputc('}', writing->to);
        line_end(writing, "--route", routes[i]);
        glue = ", ";
    }
    fputc(']', writing->to);
    section_end(writing);
}

static void write_servers(FILE *to, const char *servers)
{
    for (const char *at = servers;; at++) {
        size_t len = strcspn(at, ",");
        write_quoted(to, at, len);
        at += len;
        if (*at == '\0')
            return;
        fputs(", ", to);
    }
}

/* Whether an earlier route has the same host. Two such routes are found to be a conflict later. */
static bool has_host(const char *const *routes, size_t index)
{
    size_t len = host_length(routes[index]);

    for (size_t i = 0; i < index; i++) {
        if (servers_of(routes[i]) != NULL && host_length(routes[i]) == len &&
            memcmp(routes[i], routes[index], len) == 0)
            return true;
    }
    return false;
}

/* Each route has a backend of its own, named as its host. */
static void write_backends(struct writing *writing, const char *const *routes, size_t count)
{
    const char *glue = "";

    fputs(", \"backends\": {", writing->to);
    for (size_t i = 0; i < count; i++) {
        if (servers_of(routes[i]) == NULL || has_host(routes, i))
            continue;
        fputs(glue, writing->to);
        write_quoted(writing->to, routes[i], host_length(routes[i]));
        fputs(": {\"servers\": [", writing->to);
        write_servers(writing->to, servers_of(routes[i]));
        fputs("]}", writing->to);
        line_end(writing, "--route", routes[i]);
        glue = ", ";
    }
    fputs("}}", writing->to);
    section_end(writing);
}

/* --- findings --- */

/* Replaces lines of the made-up text by the arguments they came from. */
static void findings_translate(struct diagnostics *found, const struct writing *writing)
{
    for (size_t i = 0; i < found->count; i++) {
        struct diagnostic *one = &found->list[i];
        struct origin origin = {0};
        char *message = NULL;
        if (one->at.line >= 1 && one->at.line <= writing->lines)
            origin = writing->origins[one->at.line - 1];
        one->at = (struct position){0};
        free(one->source_line);
        one->source_line = NULL;
        if (origin.value == NULL || one->message == NULL)
            continue;
        if (asprintf(&message, "%s %s: %s", origin.option, origin.value, one->message) < 0) {
            found->no_memory = true;
            continue;
        }
        terminal_disarm(message, TERMINAL_UTF8);
        free(one->message);
        one->message = message;
    }
}

static void find_missing_servers(struct diagnostics *found, const char *const *routes, size_t count)
{
    struct finding_log findings;

    if (!finding_log_start(&findings, "", 0, found))
        return;
    for (size_t i = 0; i < count; i++) {
        if (servers_of(routes[i]) == NULL)
            finding_error(&findings, FINDING_WHOLE,
                          "--route %s: expected HOST=SERVER[,SERVER...], such as "
                          "shop.example.com=10.0.0.5:443",
                          routes[i]);
    }
    finding_log_end(&findings);
}

static void positions_clear(struct config *config)
{
    for (uint32_t i = 0; i < config->listener_count; i++)
        config->listeners[i].at = (struct position){0};
    for (uint32_t i = 0; i < config->backend_count; i++) {
        config->backends[i].at = (struct position){0};
        for (uint32_t j = 0; j < config->backends[i].server_count; j++)
            config->backends[i].servers[j].at = (struct position){0};
    }
    for (uint32_t i = 0; i < config->route_count; i++)
        config->routes[i].line = config->routes[i].column = 0;
}

/* --- all of it --- */

static bool arguments_write(struct writing *writing, char **text, size_t *len,
                            const char *const *listens, size_t listen_count,
                            const char *const *routes, size_t route_count)
{
    writing->room = listen_count + 2 * route_count + 3; /* three lines end a section each */
    writing->origins = calloc(writing->room, sizeof *writing->origins);
    writing->to = open_memstream(text, len);
    if (writing->to == NULL || writing->origins == NULL) {
        if (writing->to != NULL)
            fclose(writing->to);
        return false;
    }
    write_listeners(writing, listens, listen_count);
    write_routes(writing, routes, route_count);
    write_backends(writing, routes, route_count);
    bool ok = !ferror(writing->to);
    return fclose(writing->to) == 0 && ok;
}

struct config *config_load_arguments(const char *const *listens, size_t listen_count,
                                     const char *const *routes, size_t route_count,
                                     struct diagnostics *found)
{
    struct writing writing = {0};
    struct config *config = NULL;
    char *text = NULL;
    size_t len = 0;

    if (arguments_write(&writing, &text, &len, listens, listen_count, routes, route_count)) {
        find_missing_servers(found, routes, route_count);
        config = config_load_made_up(text, len, "(command line)", found);
        findings_translate(found, &writing);
    } else {
        found->no_memory = true;
    }
    free(text);
    free(writing.origins);
    if (config != NULL && found->errors > 0) {
        config_free(config);
        config = NULL;
    }
    if (config != NULL)
        positions_clear(config);
    return config;
}
