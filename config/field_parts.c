#include "config/field_parts.h"

#include <stdio.h>
#include <string.h>

#include "config/address.h"
#include "config/field_unknown.h"
#include "config/hints.h"
#include "config/text_value.h"

#define HOST_MAX 80 /* longer texts are not put together */
#define ROOM     (HOST_MAX + 24)

#define HOST_WORDS                                                                                 \
    "host|hostname|ip|addr|ip_address|server|target|dial|endpoint|listen|bind|bind_address|"       \
    "listen_address|socket_address|upstream|fqdn|domain|path|socket|unix|url|uri"
#define PORT_WORDS "port|listen_port|server_port|target_port|port_number|port_value|service_port"

static const struct json_node *member_of_words(const struct json_node *node, const char *words)
{
    for (const struct json_node *child = json_first(node); child != NULL;
         child = json_next(child)) {
        if (hint_has_word(words, json_key(child)))
            return child;
    }
    return NULL;
}

static bool is_address(const char *text, bool listen)
{
    struct address_draft draft;
    struct problem problem;

    return address_parse(text, listen, &draft, &problem);
}

/* "443" of 443 or "443"; false: no port. */
static bool port_text(const struct json_node *node, char out[8])
{
    double number = json_kind(node) == JSON_NUMBER ? json_number(node) : 0;

    if (number >= 1 && number <= 65535)
        snprintf(out, 8, "%u", (unsigned)number);
    else if (json_kind(node) == JSON_STRING && strlen(json_string(node)) < 6)
        snprintf(out, 8, "%s", json_string(node));
    else
        return false;
    return true;
}

/* The host of "https://10.0.0.5/x", or the text as it is; false: it is too long. */
static bool host_text(const char *text, char out[HOST_MAX + 1])
{
    const char *scheme = strstr(text, "://");
    const char *start = scheme != NULL ? scheme + 3 : text;
    size_t len = scheme != NULL ? strcspn(start, "/?#") : strlen(start);

    if (len > HOST_MAX)
        return false;
    memcpy(out, start, len);
    out[len] = '\0';
    return true;
}

/* Puts the parts together; false: they make no address. */
static bool parts_join(const struct address_parts *parts, bool listen, char out[ROOM])
{
    char port[8] = "443", host[HOST_MAX + 1] = "";

    if (parts->port != NULL && !port_text(parts->port, port))
        return false;
    if (parts->host == NULL)
        snprintf(host, sizeof host, "%s", listen ? "" : "10.0.0.5");
    else if (json_kind(parts->host) != JSON_STRING || !host_text(json_string(parts->host), host))
        return false;
    if (parts->port == NULL && is_address(host, listen))
        snprintf(out, ROOM, "%s", host);
    else if (host[0] == '/' && parts->port == NULL)
        snprintf(out, ROOM, "unix:%s", host);
    else
        snprintf(out, ROOM, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
    return is_address(out, listen);
}

/* Nearly all objects have none: then there is nothing to look for. */
static bool has_unknown(const struct value_type *type, const struct json_node *node)
{
    for (const struct json_node *child = json_first(node); child != NULL;
         child = json_next(child)) {
        if (field_find(type->fields, json_key(child)) == NULL)
            return true;
    }
    return false;
}

/* The key that takes the address, how, and whether to listen; false: an object without addresses.
 */
static bool takes_address(const struct value_type *type, bool *listen, bool *list)
{
    const struct value_type *first = type->fields[0].type;

    *list = first->item != NULL && first->item->fields != NULL &&
            first->item->fields[0].type->kind == VALUE_SERVER;
    *listen = first->kind == VALUE_LISTEN;
    return *list || *listen || first->kind == VALUE_SERVER;
}

static void say_whole(struct field_reader *reader, const struct value_type *type,
                      const struct json_node *first, const struct json_node *second, bool list,
                      const char *address)
{
    bool two = second != NULL && second != first;

    finding_error(reader->findings, json_key_offset(first),
                  "unknown key%s \"%.40s\"%s%.40s%s in %s: write \"%s\": %s\"%s\"%s",
                  two ? "s" : "", json_key(first), two ? " and \"" : "",
                  two ? json_key(second) : "", two ? "\"" : "", type->name, type->fields[0].key,
                  list ? "[" : "", address, list ? "]" : "");
}

bool field_say_parts(struct field_reader *reader, const struct value_type *type,
                     const struct json_node *node, struct address_parts *parts)
{
    bool listen, list;
    char address[ROOM];

    *parts = (struct address_parts){NULL, NULL};
    if (!takes_address(type, &listen, &list) || !has_unknown(type, node))
        return false;
    const struct json_node *given = json_member(node, type->fields[0].key);
    struct address_parts found = {.port = member_of_words(node, PORT_WORDS)};
    found.host = given != NULL ? given : member_of_words(node, HOST_WORDS);
    /* A "hostname" of a listener is what others route by: then the port alone is the address. */
    if (listen && given == NULL && found.port != NULL && !parts_join(&found, listen, address))
        found.host = NULL;
    /* An address that is given is a part only when it lacks the port. */
    if (given != NULL && (list || found.port == NULL || json_kind(given) != JSON_STRING ||
                          is_address(json_string(given), listen)))
        return false;
    const struct json_node *first = given == NULL && found.host != NULL ? found.host : found.port;
    if (first == NULL || !parts_join(&found, listen, address))
        return false;
    *parts = found;
    say_whole(reader, type, first, found.port, list, address);
    return true;
}

/* --- names as keys --- */

/* The address in `"s1": "10.0.0.5:443"` or `"s1": { "address": "10.0.0.5:443" }`, or NULL. */
static const char *address_of(const struct json_node *node, bool listen)
{
    const struct json_node *inside =
        json_kind(node) == JSON_OBJECT ? json_member(node, "address") : node;
    bool text = inside != NULL && json_kind(inside) == JSON_STRING;

    return text && strlen(json_string(inside)) <= HOST_MAX &&
                   is_address(json_string(inside), listen)
               ? json_string(inside)
               : NULL;
}

static bool is_host(const char *text)
{
    struct host_pattern host;
    struct problem problem;

    return strchr(text, '.') != NULL && host_parse(text, &host, &problem);
}

/* What to write for the first member; false: its key is no name of this kind. */
static bool write_named(const struct value_type *type, const struct json_node *first, char *out,
                        size_t size)
{
    const struct field *fields = type->fields;
    bool listen = fields[0].type->kind == VALUE_LISTEN;
    const char *key = json_key(first), *address = NULL;
    bool text = json_kind(first) == JSON_STRING;

    if (strlen(key) > HOST_MAX)
        return false;
    if (listen || fields[0].type->kind == VALUE_SERVER)
        address = address_of(first, listen);
    if (address != NULL && !is_address(key, listen))
        snprintf(out, size, "{ \"name\": \"%s\", \"address\": \"%s\" } (several are an array)", key,
                 address);
    else if (type == &type_route && is_host(key))
        snprintf(out, size, "{ \"host\": \"%s\", \"backend\": \"%s\" }", key,
                 text && strlen(json_string(first)) <= HOST_MAX ? json_string(first) : "shop");
    else if (type == &type_backend && is_address(key, false))
        snprintf(out, size, "\"servers\": [\"%s\"]", key);
    else
        return false;
    return true;
}

bool field_say_by_name(struct field_reader *reader, const struct value_type *type,
                       const struct json_node *node)
{
    const struct json_node *first = json_first(node);
    char instead[3 * ROOM];

    if (first == NULL || field_find(type->fields, json_key(first)) != NULL ||
        !write_named(type, first, instead, sizeof instead))
        return false;
    for (const struct json_node *child = first; child != NULL; child = json_next(child)) {
        if (!field_key_is_free(type, json_key(child)))
            return false;
    }
    finding_error(reader->findings, json_key_offset(first), "unknown key \"%s\" in %s: write %s",
                  json_key(first), type->name, instead);
    return true;
}
