#include "config/text/host_port.h"

#include <string.h>

enum host_port_form host_port_split(const char *text, struct host_port *parts)
{
    const char *colon = strchr(text, ':');

    *parts = (struct host_port){0};
    if (strncmp(text, "unix:", 5) == 0) {
        *parts = (struct host_port){.host = text + 5, .host_len = strlen(text + 5)};
        return HOST_PORT_UNIX;
    }
    if (text[0] == '[') {
        const char *end = strchr(text, ']');

        if (end == NULL || end[1] != ':')
            return HOST_PORT_UNCLOSED;
        *parts = (struct host_port){text + 1, (size_t)(end - text - 1), end + 2};
        return HOST_PORT_BRACKETS;
    }
    if (colon == NULL)
        return HOST_PORT_NO_COLON;
    if (strchr(colon + 1, ':') != NULL)
        return HOST_PORT_COLONS;
    *parts = (struct host_port){text, (size_t)(colon - text), colon + 1};
    return HOST_PORT_PLAIN;
}
