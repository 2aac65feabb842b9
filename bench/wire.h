#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

/*
 * What generator and backend say to each other.
 *
 *   client                                          backend
 *   ClientHello (any size, any cut), or a TLS handshake with --tls
 *   request: 32 bytes  ------------------------->
 *                      <-------------------------  banner: 8 bytes, then the backend's name
 *   ... what the request's mode says, both ways ...
 *                      <-------------------------  trailer: 24 bytes, only with WIRE_TRAILER
 *
 * Without --tls everything behind the hello is plain bytes. A router that passes TLS through does
 * not look at them, so neither side spends time on cryptography. With --tls the same bytes travel
 * inside the session. Integers are big-endian.
 *
 *   request   0 "SNIb"  4 version (1)  5 mode  6 flags (2)  8 seed (8)  16 up (8)  24 down (8)
 *   banner    0 "SNIr"  4 version (1)  5 flags  6 name length (2)  8 name
 *   trailer   0 "SNIt"  4 version (1)  5 flags  6 zero (2)  8 bytes received (8)
 *            16 offset of the first byte that was not the pattern's (8), all ones when none
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION       1
#define WIRE_REQUEST_BYTES 32u
#define WIRE_BANNER_HEAD   8u
#define WIRE_NAME_MAX      255u
#define WIRE_TRAILER_BYTES 24u
#define WIRE_NO_OFFSET     UINT64_MAX

/* What the backend does after its banner. */
enum wire_mode {
    WIRE_ECHO = 1,   /* returns every byte until the client's FIN */
    WIRE_SINK = 2,   /* takes `up` bytes (0 = until FIN), then ends */
    WIRE_SOURCE = 3, /* sends `down` bytes (0 = until the client goes), then closes */
    WIRE_DUPLEX = 4, /* SINK and SOURCE at once; ends when both have */
    WIRE_REQUEST = 5 /* for each `up` bytes received sends `down` bytes, until FIN */
};

/* Request flags. */
#define WIRE_PATTERN 1u /* bytes both ways are the seeded pattern; the backend checks its side */
#define WIRE_TRAILER                                                                               \
    2u /* SINK, DUPLEX: say at the end how much arrived and whether it was right                   \
        */

/* Banner flags. */
#define WIRE_MISROUTED 1u /* the hello asked for a name that this backend does not serve */
#define WIRE_NO_SNI    2u /* the hello carried no host name */

/* Trailer flags. */
#define WIRE_CORRUPT 1u

struct wire_request {
    enum wire_mode mode;
    uint16_t flags;
    uint64_t seed;
    uint64_t up_bytes;
    uint64_t down_bytes;
};

struct wire_trailer {
    bool corrupt;
    uint64_t received;
    uint64_t first_bad;
};

/* A banner as it arrives; start from {0}. */
struct wire_banner {
    uint16_t got;  /* bytes taken so far */
    uint8_t flags; /* valid from WIRE_BANNER_HEAD bytes on */
    uint8_t name_len;
    uint8_t head[WIRE_BANNER_HEAD];
    char name[WIRE_NAME_MAX + 1]; /* NUL-terminated when whole */
};

enum wire_result {
    WIRE_WHOLE, /* the banner is complete */
    WIRE_MORE,  /* the beginning of a banner */
    WIRE_BAD    /* not a banner */
};

void wire_write_request(const struct wire_request *request, uint8_t out[WIRE_REQUEST_BYTES]);
/* False when these are not a request of this version. */
bool wire_read_request(const uint8_t bytes[WIRE_REQUEST_BYTES], struct wire_request *request);

/* Writes head and name (cut at WIRE_NAME_MAX) and returns the number of bytes. */
size_t wire_write_banner(uint8_t flags, const char *name,
                         uint8_t out[WIRE_BANNER_HEAD + WIRE_NAME_MAX]);
/* Takes the bytes that belong to the banner; `used` says how many. */
enum wire_result wire_feed_banner(struct wire_banner *banner, const uint8_t *bytes, size_t len,
                                  size_t *used);

void wire_write_trailer(const struct wire_trailer *trailer, uint8_t out[WIRE_TRAILER_BYTES]);
bool wire_read_trailer(const uint8_t bytes[WIRE_TRAILER_BYTES], struct wire_trailer *trailer);

/*
 * The pattern: byte n of the stream is byte n%8 (little-endian) of a mix of seed and n/8, so any
 * piece can be written or checked on its own. The backend's stream uses wire_down_seed().
 */
void wire_pattern_fill(uint64_t seed, uint64_t offset, uint8_t *out, size_t len);
/* Offset within `bytes` of the first byte that differs, or `len` when none does. */
size_t wire_pattern_check(uint64_t seed, uint64_t offset, const uint8_t *bytes, size_t len);
uint64_t wire_down_seed(uint64_t seed);

#endif
