#ifndef SNI_HOSTNAME_H
#define SNI_HOSTNAME_H

/* What a legal host name is, for the wire and for the configuration alike. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTNAME_MAX       253
#define HOSTNAME_LABEL_MAX 63

/*
 * Normalises `len` bytes of a host name into `out` (NUL-terminated): ASCII lower case, one trailing
 * dot stripped (`*dot` says so, may be NULL). Legal are only [a-z0-9_.-], labels of 1 to 63, at
 * most 253 in all. Returns the length, or 0 when the name is empty or illegal (then `out` is "").
 */
size_t hostname_normalise(const uint8_t *name, size_t len, char out[HOSTNAME_MAX + 1], bool *dot);

/* Whether the text is an IPv4 or IPv6 literal (the latter bare or in brackets), not a name. */
bool hostname_is_ip(const char *text, size_t len);

#endif
