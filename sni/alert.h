#ifndef SNI_ALERT_H
#define SNI_ALERT_H

/* TLS alerts as a router sends them before the handshake: in clear (RFC 8446 section 6). */

#include <stddef.h>
#include <stdint.h>

enum tls_alert {
    TLS_ALERT_NONE = 0, /* close_notify is never sent by us, so 0 is free to mean "no alert" */
    TLS_ALERT_HANDSHAKE_FAILURE = 40,
    TLS_ALERT_ILLEGAL_PARAMETER = 47,
    TLS_ALERT_ACCESS_DENIED = 49,
    TLS_ALERT_DECODE_ERROR = 50,
    TLS_ALERT_PROTOCOL_VERSION = 70,
    TLS_ALERT_INTERNAL_ERROR = 80,
    TLS_ALERT_MISSING_EXTENSION = 109,
    TLS_ALERT_UNRECOGNIZED_NAME = 112
};

#define TLS_ALERT_BYTES 7

/*
 * Writes a fatal alert record. `legacy_version` is the hello's (0 = unknown): the record carries
 * that version when it is SSL 3.0 to TLS 1.1, else 0x0303, so that every client reads it.
 */
void tls_alert_build(uint8_t out[TLS_ALERT_BYTES], enum tls_alert alert, uint16_t legacy_version);

#endif
