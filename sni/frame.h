#ifndef SNI_FRAME_H
#define SNI_FRAME_H

/*
 * TLS records around one handshake message (RFC 8446 sections 4 and 5.1). Internal to sni/.
 */

#include <stddef.h>
#include <stdint.h>

#include "sni/hello.h"

#define RECORD_HEADER_BYTES    5
#define RECORD_PAYLOAD_MAX     16384u
#define RECORD_TYPE_HANDSHAKE  22
#define HANDSHAKE_HEADER_BYTES 4
#define HANDSHAKE_CLIENT_HELLO 1

/* The length field of a record header that is wholly there. */
static inline uint16_t record_payload_bytes(const uint8_t *header)
{
    return (uint16_t)(header[3] << 8 | header[4]);
}

/*
 * Looks for a whole ClientHello message in the records at `bytes`. Judges every record header, the
 * message type and the announced length as soon as they are there, each from nothing but itself
 * and what precedes it: so the answer never depends on how the bytes were cut in time. Fills
 * `handshake_bytes`, `wire_bytes` and `records`, on HELLO_MORE `need`, on errors `why`.
 */
enum hello_result frame_find(const uint8_t *bytes, size_t len, uint32_t limit,
                             struct client_hello *hello);

#endif
