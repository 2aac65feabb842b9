#include "sni/alert.h"

#include <stdbool.h>

/*
 * The record version is the client's own, for clients that speak just one compare it even on an
 * alert; it ends at 0x0303 (RFC 8446 section 5.1).
 */
void tls_alert_build(uint8_t out[TLS_ALERT_BYTES], enum tls_alert alert, uint16_t legacy_version)
{
    bool older = legacy_version >= 0x0300 && legacy_version < 0x0303;

    out[0] = 21; /* ContentType alert */
    out[1] = 3;
    out[2] = older ? (uint8_t)legacy_version : 3;
    out[3] = 0;
    out[4] = 2;
    out[5] = 2; /* AlertLevel fatal */
    out[6] = (uint8_t)alert;
}
