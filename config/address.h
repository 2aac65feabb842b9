#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

/* Addresses and networks from text. Nothing is resolved and no socket is touched. */

#include <stdbool.h>

#include "config/config.h"
#include "config/text_value.h"

#define ADDRESS_UNIX_MAX 107 /* bytes of a path, or of "@name": sockaddr_un has 108 */

/* An address before it has a home: `path` and `text` are here. */
struct address_draft {
    struct address address; /* its `path` and `text` are NULL */
    char path[HOSTNAME_MAX + 2];
    char text[HOSTNAME_MAX + 16];
};

/*
 * "10.0.0.5:443", "[2001:db8::1]:443", "unix:/path", "unix:@name". To listen also ":443" and
 * "*:443"
 * (= "[::]:443") and port 0; for servers also "name.example:443".
 */
bool address_parse(const char *text, bool listen, struct address_draft *draft,
                   struct problem *problem);

/* Into `address`, its texts into the arena. False: no memory. */
bool address_store(const struct address_draft *draft, struct arena *arena, struct address *address);

/*
 * "10.0.0.0/8", "2001:db8::/32", or a single address. Bits behind the prefix are cleared and
 * *cleared says whether there were any. IPv4 mapped into IPv6 becomes IPv4.
 */
bool network_parse(const char *text, struct network *network, bool *cleared,
                   struct problem *problem);

#endif
