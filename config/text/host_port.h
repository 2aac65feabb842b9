#ifndef CONFIG_TEXT_HOST_PORT_H
#define CONFIG_TEXT_HOST_PORT_H

/*
 * "host:port", "[v6]:port" and "unix:path", taken apart but not judged: which hosts are good, and
 * what to say about the others, is for the caller to know. Pure.
 */

#include <stddef.h>

enum host_port_form {
    HOST_PORT_PLAIN,    /* one colon, before it the host (which may be empty) */
    HOST_PORT_BRACKETS, /* the host stands in brackets, a colon follows */
    HOST_PORT_UNIX,     /* behind "unix:"; `host` is the path or "@name", there is no port */
    HOST_PORT_UNCLOSED, /* begins with a bracket, but no "]:" follows */
    HOST_PORT_NO_COLON,
    HOST_PORT_COLONS /* several colons without brackets */
};

/* Points into the text; only the first three forms have parts. */
struct host_port {
    const char *host;
    size_t host_len;
    const char *port; /* to the end of the text */
};

enum host_port_form host_port_split(const char *text, struct host_port *parts);

#endif
