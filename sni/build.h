#ifndef SNI_BUILD_H
#define SNI_BUILD_H

/*
 * Builds ClientHellos: any size, any set of extensions, cut into records anywhere. For tests, for
 * `explain`, for the load tool. The default is shaped like a current browser's hello.
 * Writes into the caller's buffer, allocates nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One extension, verbatim. */
struct hello_extension {
    uint16_t type;
    uint16_t len;
    const uint8_t *data;
};

/* What the hello is to contain; start from hello_spec_init(). */
struct hello_spec {
    const char *host;        /* host_name for server_name; NULL = no such extension */
    size_t host_len;         /* 0 = strlen(host); lets a name hold any byte */
    const char *const *alpn; /* protocol names; NULL = no ALPN extension */
    size_t alpn_count;
    uint16_t legacy_version;  /* ClientHello.legacy_version */
    uint16_t record_version;  /* of every record header */
    const uint16_t *versions; /* supported_versions; NULL = no such extension */
    size_t version_count;
    bool grease;            /* GREASE cipher, group, version and extensions */
    bool ech_grease;        /* an encrypted_client_hello extension as browsers send it */
    bool no_extensions;     /* end after the compression methods, as SSLv3 did */
    size_t session_id_len;  /* 0 .. 32 */
    size_t key_share_bytes; /* 0 = X25519 only; 1216 = with an X25519MLKEM768 share */
    size_t ticket_bytes;    /* length of a pre_shared_key/session_ticket to carry, 0 = none */
    size_t total_bytes;     /* pad (RFC 7685) so that the handshake message with its 4-byte
                               header has at least this length; 0 = no padding */
    const struct hello_extension *extra; /* appended verbatim, before any pre_shared_key */
    size_t extra_count;
    uint64_t seed; /* random, session id, key shares come from it */
};

/* A hello for `host` (NULL = no SNI) that offers TLS 1.3 and 1.2, with h2 and http/1.1. */
void hello_spec_init(struct hello_spec *spec, const char *host);

/*
 * Builds the handshake message (4-byte header and body, no record header).
 * Returns its length, or 0 when it does not fit into `cap` or the specification is impossible.
 */
size_t hello_build_handshake(const struct hello_spec *spec, uint8_t *out, size_t cap);

/*
 * Wraps a handshake message into records. `cuts` lists the payload length of each record in turn,
 * the last one repeated until the message ends; NULL = as few records as possible (16384 each).
 * Returns the number of bytes, or 0 when it does not fit or a cut is 0 or above 16384.
 */
size_t hello_wrap_records(const uint8_t *message, size_t len, uint16_t record_version,
                          const size_t *cuts, size_t cut_count, uint8_t *out, size_t cap);

/* Both in one go, as few records as possible. `cap` up to 70,000 is always enough. */
size_t hello_build(const struct hello_spec *spec, uint8_t *out, size_t cap);

#endif
