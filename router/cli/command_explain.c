/* `explain`: where a client would be sent by a configuration, and why. */

#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/commands.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "router/cli/explanation.h"
#include "router/cli/explanation_print.h"

#define PROTOCOLS_MAX  64
#define PROTOCOL_BYTES 255
#define HOST_BYTES     60000 /* leaves room for the rest of a hello */
#define HINT_LISTENERS 64

struct explain_options {
    bool json;
    const char *listener; /* as given; NULL = not */
    const char *protocols[PROTOCOLS_MAX];
    struct explanation_client client; /* `alpn` points into this struct */
};

/* "h2,http/1.1": cuts the value, which lies in argv, at its commas. */
static int add_protocols(struct explain_options *options, char *list)
{
    for (char *next = list; next != NULL;) {
        char *comma = strchr(next, ',');

        if (comma != NULL)
            *comma = '\0';
        if (strchr(next, ' ') != NULL)
            return command_refuse(COMMAND_EXPLAIN,
                                  "--alpn: '%s' has a blank: names are separated by commas, as in "
                                  "--alpn h2,http/1.1",
                                  next);
        if (next[0] == '\0' || strlen(next) > PROTOCOL_BYTES)
            return command_refuse(COMMAND_EXPLAIN,
                                  "--alpn: a protocol name has 1 to 255 bytes, as in --alpn "
                                  "h2,http/1.1");
        if (options->client.alpn_count == PROTOCOLS_MAX)
            return command_refuse(COMMAND_EXPLAIN, "--alpn: more than %d names", PROTOCOLS_MAX);
        options->protocols[options->client.alpn_count++] = next;
        next = comma != NULL ? comma + 1 : NULL;
    }
    return 0;
}

/* An IPv4 address in IPv6 clothes is the IPv4 address, as the router sees it. */
static int set_from(struct explain_options *options, const char *value)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, value, &in.sin_addr) == 1)
        peer_from_sockaddr((const struct sockaddr *)&in, &options->client.peer);
    else if (inet_pton(AF_INET6, value, &in6.sin6_addr) == 1)
        peer_from_sockaddr((const struct sockaddr *)&in6, &options->client.peer);
    else
        return command_refuse(COMMAND_EXPLAIN,
                              "--from: '%s' is not an IP address, as 192.0.2.7 or 2001:db8::7",
                              value);
    return 0;
}

/* By name or by address; the only listener need not be named. */
static int find_listener(struct explain_options *options, const struct config *config)
{
    const char *names[HINT_LISTENERS];
    char hint[COMMAND_HINT_MAX];
    uint32_t count =
        config->listener_count < HINT_LISTENERS ? config->listener_count : HINT_LISTENERS;

    options->client.listener = config->listener_count == 1 ? 0 : CONFIG_NONE;
    if (options->listener == NULL)
        return 0;
    for (uint32_t i = 0; i < config->listener_count; i++) {
        options->client.listener = i;
        if (strcmp(config->listeners[i].name, options->listener) == 0 ||
            strcmp(config->listeners[i].address.text, options->listener) == 0)
            return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        names[i] = config->listeners[i].name;
    return command_refuse(COMMAND_EXPLAIN, "--listener: %s has no listener '%s'%s", config->file,
                          options->listener,
                          command_hint(hint, "", options->listener, names, count));
}

/* 0, or the exit code. */
static int take_option(struct explain_options *options, enum option_id option,
                       struct command_reader *reader)
{
    switch (option) {
    case OPTION_STOP:
        return reader->exit_code;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_LISTENER:
        options->listener = reader->value;
        return 0;
    case OPTION_FROM:
        return set_from(options, reader->value);
    case OPTION_ALPN:
        return add_protocols(options, reader->value);
    default:
        return EX_USAGE;
    }
}

static int explain(struct explain_options *options, const struct config *config)
{
    uint8_t *buffer = malloc(EXPLANATION_HELLO_MAX);
    struct explanation explanation;
    struct json_writer text;
    char json[4096];
    int code;

    if (buffer == NULL) {
        command_complain(COMMAND_EXPLAIN, "out of memory");
        return EX_OSERR;
    }
    if (!explanation_make(config, &options->client, buffer, &explanation)) {
        code = command_refuse(COMMAND_EXPLAIN, "HOST or --alpn is too long for a ClientHello");
    } else {
        code = explanation.decision.backend != CONFIG_NONE ? 0 : COMMAND_EXIT_NO;
        command_json_start(&text, json, sizeof json);
        if (options->json) {
            explanation_write_json(&explanation, options->client.host, &text);
            command_json_end(&text);
        } else {
            explanation_print(&explanation, options->client.host, stdout);
        }
    }
    free(buffer);
    return code;
}

/* --- the operands --- */

static bool is_file(const char *word)
{
    return strcmp(word, "-") == 0 || access(word, F_OK) == 0;
}

/* FILE and HOST. 0, or the exit code. */
static int look_at_operands(char **words, int count)
{
    if (count == 0)
        return command_refuse(COMMAND_EXPLAIN,
                              "FILE and HOST are missing: sni-router explain FILE HOST");
    if (count == 1 && (is_file(words[0]) || strchr(words[0], '/') != NULL))
        return command_refuse(COMMAND_EXPLAIN, "HOST is missing: sni-router explain %s HOST",
                              words[0]);
    if (count == 1)
        return command_refuse(COMMAND_EXPLAIN, "FILE is missing: sni-router explain FILE %s",
                              words[0]);
    if (!is_file(words[0]) && is_file(words[1]))
        return command_refuse(COMMAND_EXPLAIN, "FILE comes before HOST: sni-router explain %s %s",
                              words[1], words[0]);
    if (count > 2)
        return command_refuse(COMMAND_EXPLAIN,
                              "unexpected '%s': one HOST at a time (what else is known of the "
                              "client: --alpn, --from, --listener)",
                              words[2]);
    return 0;
}

/*
 * The host of "https://HOST:443/path" or "HOST:443"; its length in *len. NULL: the word is no URL
 * and has no port.
 */
static const char *host_inside(const char *word, size_t *len)
{
    const char *scheme = strstr(word, "://");
    const char *host = scheme != NULL ? scheme + 3 : word;
    const char *port;

    *len = strcspn(host, "/?#:");
    port = host[*len] == ':' ? host + *len + 1 : NULL;
    if (*len == 0 || (scheme == NULL && host[*len] == '\0') ||
        (port != NULL && (port[0] == '\0' || strchr(port, ':') != NULL)))
        return NULL;
    return host;
}

/* Not what a client can ask for; names that break the rules of TLS are explained. 0, or the code.
 */
static int look_at_host(const char *word)
{
    size_t len;
    const char *host = host_inside(word, &len);

    if (strlen(word) > HOST_BYTES)
        return command_refuse(COMMAND_EXPLAIN, "HOST is longer than %d bytes", HOST_BYTES);
    if (host != NULL)
        return command_refuse(COMMAND_EXPLAIN, "'%s' is more than a host name: write %.*s", word,
                              (int)len, host);
    if (word[0] == '*')
        return command_refuse(COMMAND_EXPLAIN,
                              "'%s' is a pattern: write a name that it stands for, such as "
                              "www%s",
                              word, word + strspn(word, "*"));
    return 0;
}

int command_explain(int argc, char **argv)
{
    struct explain_options options = {0};
    struct command_reader reader;
    struct config *config = NULL;
    enum option_id option;
    int code;

    options.client.alpn = options.protocols;
    command_reader_start(&reader, COMMAND_EXPLAIN, argc, argv);
    while ((option = command_next(&reader)) != OPTION_END) {
        code = take_option(&options, option, &reader);
        if (option == OPTION_STOP || code != 0)
            return code;
    }
    code = look_at_operands(reader.operands, reader.operand_count);
    if (code == 0)
        code = look_at_host(reader.operands[1]);
    if (code != 0)
        return code;
    options.client.host = reader.operands[1];
    code = command_load_or_complain(COMMAND_EXPLAIN, reader.operands[0], &config);
    if (code == 0)
        code = find_listener(&options, config);
    if (code == 0)
        code = explain(&options, config);
    config_free(config);
    return command_finish(COMMAND_EXPLAIN, code);
}
