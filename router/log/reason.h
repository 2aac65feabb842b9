#ifndef ROUTER_REASON_H
#define ROUTER_REASON_H

/*
 * Why a connection ended: one line per reason, and everything that speaks of reasons (the enum, the
 * counters, the words in the log, the letters, the alert, the documentation) is made from it.
 *
 * X(NAME, word, HAProxy's two letters, alert when the policy says "alert", sentence)
 */
#include <stddef.h>

#include "sni/alert.h"

#define REASON_TABLE(X)                                                                            \
    X(CLOSED, "closed", "--", NONE, "both sides ended in order")                                   \
    X(CLIENT_ABORT, "client_abort", "CD", NONE, "the client reset the connection or vanished")     \
    X(SERVER_ABORT, "server_abort", "SD", NONE, "the server reset the connection or vanished")     \
    X(IDLE_TIMEOUT, "idle_timeout", "cD", NONE, "neither side sent anything for timeouts.idle")    \
    X(HALF_CLOSE_TIMEOUT, "half_close_timeout", "cL", NONE,                                        \
      "one side had ended and the other sent nothing for timeouts.half_close")                     \
    X(MAX_DURATION, "max_duration", "PD", NONE, "the connection reached its longest duration")     \
    X(HELLO_TIMEOUT, "hello_timeout", "cR", INTERNAL_ERROR,                                        \
      "no whole ClientHello arrived within timeouts.hello")                                        \
    X(HELLO_ABORT, "hello_abort", "CR", NONE, "the client went away before its hello was whole")   \
    X(NOT_TLS, "not_tls", "PR", PROTOCOL_VERSION, "the first bytes were not a TLS handshake")      \
    X(MALFORMED, "malformed", "PR", DECODE_ERROR, "the ClientHello broke the rules of TLS")        \
    X(TOO_LARGE, "too_large", "PR", ILLEGAL_PARAMETER, "the ClientHello exceeded limits.hello")    \
    X(NO_SNI, "no_sni", "PR", UNRECOGNIZED_NAME, "the ClientHello named no host")                  \
    X(NO_ROUTE, "no_route", "PR", UNRECOGNIZED_NAME, "no route matched the host name")             \
    X(DENIED, "denied", "PR", ACCESS_DENIED, "a rule denied the client")                           \
    X(LIMIT, "limit", "PC", INTERNAL_ERROR, "limits.connections was reached")                      \
    X(CONNECT_REFUSED, "connect_refused", "SC", INTERNAL_ERROR, "the server refused to connect")   \
    X(CONNECT_TIMEOUT, "connect_timeout", "sC", INTERNAL_ERROR,                                    \
      "no server answered within timeouts.connect")                                                \
    X(UNREACHABLE, "unreachable", "SC", INTERNAL_ERROR, "there was no way to the server")          \
    X(NO_SERVER, "no_server", "SC", INTERNAL_ERROR, "no server of the backend could be used")      \
    X(DNS_FAILED, "dns_failed", "SC", INTERNAL_ERROR, "the server's name has no address")          \
    X(LOOP, "loop", "PC", INTERNAL_ERROR, "the server leads back to the router itself")            \
    X(RESOURCE, "resource", "RC", INTERNAL_ERROR, "the router ran out of memory or descriptors")   \
    X(DRAIN_TIMEOUT, "drain_timeout", "KD", NONE, "the router was told to stop")                   \
    X(ADMIN_KILL, "admin_kill", "KD", NONE, "an operator ended the connection")                    \
    X(BACKEND_DOWN, "backend_down", "DD", NONE, "the server was taken down")                       \
    X(INTERNAL, "internal", "I-", INTERNAL_ERROR, "the router made a mistake")

enum reason {
#define REASON_ENUM(name, word, letters, alert, sentence) REASON_##name,
    REASON_TABLE(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT,
    REASON_NONE = REASON_COUNT /* not ended yet */
};

struct reason_info {
    const char *word;
    const char *letters;
    enum tls_alert alert;
    const char *sentence;
};

/* What the table says of a reason; asserts that it is one. */
const struct reason_info *reason_info(enum reason reason);

#endif
