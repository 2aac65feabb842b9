#ifndef SNI_LOOKS_H
#define SNI_LOOKS_H

/*
 * What the first bytes of a connection look like that are no TLS: for people who wonder what came
 * to a port for TLS. A guess, never a decision.
 */

#include <stddef.h>
#include <stdint.h>

/* X(LOOKS_, word, what it is told by) */
#define LOOKS_TABLE(X)                                                                             \
    X(UNKNOWN, "unknown", "anything else, or too few bytes to tell")                               \
    X(HTTP, "http", "a method of HTTP and a space; HTTP/2 without TLS begins like that as well")   \
    X(PROXY_V1, "proxy_v1", "`PROXY` and a space: the PROXY protocol's header as text")            \
    X(PROXY_V2, "proxy_v2", "the 12 bytes of the PROXY protocol's binary header")                  \
    X(SSH, "ssh", "`SSH-`")                                                                        \
    X(POSTGRES, "postgres", "PostgreSQL asks whether it may begin TLS, or GSSAPI")                 \
    X(SMTP, "smtp", "`EHLO` or `HELO` and a space")

enum looks {
#define LOOKS_ENUM(kind, text, told_by) LOOKS_##kind,
    LOOKS_TABLE(LOOKS_ENUM)
#undef LOOKS_ENUM
        LOOKS_KINDS
};

/*
 * Judges the first `len` bytes, as far as they go; reads none behind them. Of any beginning of some
 * bytes it says either LOOKS_UNKNOWN or what it says of all of them. Any thread.
 */
enum looks looks_of(const uint8_t *bytes, size_t len);

/* Its word; asserts that it is one. */
const char *looks_word(enum looks looks);

#endif
