#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

/* Addresses from text. Nothing is resolved and no socket is touched. */

#include <stdbool.h>
#include <stdint.h>

#include "config/text/problem.h"
#include "sni/hostname.h"

/* An address as written; names are resolved by who uses it. */
enum address_kind {
    ADDRESS_IPV4,
    ADDRESS_IPV6,
    ADDRESS_UNIX, /* `path`: a file system path, or "@name" for the abstract name space */
    ADDRESS_NAME  /* `path`: a host name to be resolved (servers only) */
};

struct address {
    enum address_kind kind;
    uint16_t port;    /* host order; 0 for unix */
    bool any;         /* ":443" or "*:443": "[::]:443", or IPv4 alone where there is no IPv6 */
    uint8_t ip[16];   /* network order; 4 bytes used for IPv4 */
    const char *path; /* ADDRESS_UNIX, ADDRESS_NAME */
    const char *text; /* canonical text, for messages and logs: "10.0.0.5:443" */
};

#define ADDRESS_UNIX_MAX 107 /* bytes of a path, or of "@name": sockaddr_un has 108 */

/* An address whose texts have no owner yet: they lie in the draft. */
struct address_draft {
    struct address address; /* its `path` and `text` are NULL */
    char path[HOSTNAME_MAX + 2];
    char text[HOSTNAME_MAX + 16];
};

/*
 * Both: "10.0.0.5:443", "[2001:db8::1]:443", "unix:/path", "unix:@name". To listen also ":443" and
 * "*:443" (both = "[::]:443") and port 0; for servers also "name.example:443".
 */
bool address_parse(const char *text, bool listen, struct address_draft *draft,
                   struct problem *problem);

#endif
