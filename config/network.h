#ifndef CONFIG_NETWORK_H
#define CONFIG_NETWORK_H

/* Networks (CIDR) from text. */

#include <stdbool.h>
#include <stdint.h>

#include "config/text/problem.h"

/* `bits` of the address count. IPv4 addresses use 4 bytes, `v6` says which. */
struct network {
    bool v6;
    uint8_t bits;
    uint8_t ip[16];
};

/*
 * "10.0.0.0/8", "2001:db8::/32", or a single address. Bits behind the prefix are cleared and
 * *cleared says whether there were any. IPv4 mapped into IPv6 becomes IPv4.
 */
bool network_parse(const char *text, struct network *network, bool *cleared,
                   struct problem *problem);

#endif
