#ifndef SNI_HELLO_H
#define SNI_HELLO_H

/*
 * The ClientHello as a TLS server would first see it (RFC 8446 section 4.1.2, RFC 6066 section 3).
 *
 * hello_parse() looks at the bytes that have arrived so far on a connection and says what they are.
 * It is stateless: when it answers HELLO_MORE the caller comes back with the same bytes and more.
 * It steps over TLS record headers by itself, so a hello cut into records anywhere reads like one
 * that is not. It reads no byte past `len`, allocates nothing and keeps nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sni/hostname.h"

enum hello_result {
    HELLO_OK,        /* a whole, legal ClientHello; the struct is filled */
    HELLO_MORE,      /* a legal beginning; `need` says how many bytes in all are wanted at least */
    HELLO_NOT_TLS,   /* not a TLS handshake record: plain text, SSLv2, another protocol */
    HELLO_MALFORMED, /* TLS, but no TLS server should accept it; `why` says what is wrong */
    HELLO_TOO_LARGE  /* the announced length exceeds the limit */
};

/* Default limit for the announced length of the handshake message, bytes. */
#define HELLO_LIMIT_DEFAULT 65536u
/* Most versions kept in client_hello.versions; a hello that offers more is still read whole. */
#define HELLO_VERSIONS_MAX 16

/* How the server name was given. */
enum hello_name {
    HELLO_NAME_NONE, /* no server_name extension */
    HELLO_NAME_HOST, /* `host` holds a legal, normalised host name */
    HELLO_NAME_IP    /* an IP literal (RFC 6066 forbids it): `host` holds it, no route matches it */
};

/*
 * What was offered. Filled completely on HELLO_OK. On other results only `need`, `why`, `records`,
 * `wire_bytes`, `handshake_bytes` and `legacy_version` mean anything, each as far as judged, else
 * 0.
 */
struct client_hello {
    /* the name */
    enum hello_name name;
    uint8_t host_len;
    bool trailing_dot;           /* one trailing dot was stripped from the name */
    char host[HOSTNAME_MAX + 1]; /* lower case, no trailing dot, NUL-terminated */

    /* what else was offered */
    uint16_t legacy_version;  /* ClientHello.legacy_version */
    uint16_t highest_version; /* highest offered: 0x0300 .. 0x0304, drafts of TLS 1.3 (0x7fxx)
                                 count as 0x0304; 0 = only versions unknown here */
    uint8_t version_count;
    uint16_t versions[HELLO_VERSIONS_MAX]; /* in the client's order, GREASE left out; without
                                              supported_versions just the legacy version,
                                              and then highest_version is 0x0303 at most */
    bool ech;                              /* encrypted_client_hello (0xfe0d) was there */
    bool early_data;                       /* early_data (42) was there */

    /* lengths */
    uint32_t handshake_bytes; /* announced length of the handshake message's body */
    uint32_t wire_bytes;      /* from the first record header to the hello's last byte */
    uint32_t records;         /* TLS records the hello was cut into */
    size_t need;              /* HELLO_MORE: at least so many bytes in all, always > len */
    const char *why;          /* HELLO_MALFORMED, _NOT_TLS, _TOO_LARGE: a constant sentence */

    /* the caller's bytes; the rest is for hello_alpn_next() only: where the ALPN list lies there */
    const uint8_t *input;      /* they must outlive the struct's ALPN use */
    uint32_t alpn_at;          /* offset of the list within them */
    uint32_t alpn_record_left; /* bytes of its record from there on */
    uint32_t alpn_bytes;       /* its length in bytes; 0 = no ALPN extension */
};

/*
 * Judges `len` bytes. `limit` bounds the announced handshake length, and with it the bytes on the
 * wire: they are at most hello_wire_limit(limit). Any thread. The struct points into `bytes`.
 *
 * The answer does not depend on how the bytes were cut in time: for any beginning of them it is
 * either HELLO_MORE or what it is for all of them. Record headers, the message type and the
 * announced length are judged as soon as they are there, the first byte already tells plain text;
 * what is inside the message is judged when the message is whole. Bytes behind the hello (early
 * data, other records) are not looked at.
 *
 * `need` is never more than what a legal hello that begins like this takes on the wire: up to the
 * next record's end, and from there the rest of the message in records as large as may be. So a
 * caller may sleep until so many bytes are there.
 *
 * Legal is what RFC 8446 section 4.1.2, RFC 6066 and RFC 7301 allow, with these decisions: the
 * minor version of record headers is ignored (RFC 8446 section 5.1); records that are empty, or
 * interrupt the hello, are not legal; an IP literal as server name is (HELLO_NAME_IP); server names
 * of a type other than host_name are stepped over, and a list of only such names is
 * HELLO_NAME_NONE; any legacy_version from 3.0 on is (RFC 5246 appendix E.1: servers negotiate
 * down); bytes behind the compression methods that are no extension block are not, though SSL 3.0
 * to TLS 1.1 let servers ignore them: those that do not ignore them might read a name there. What
 * is inside extensions that do not matter for routing is left to the server.
 */
enum hello_result hello_parse(const uint8_t *bytes, size_t len, uint32_t limit,
                              struct client_hello *hello);

/*
 * Bytes a buffer must hold so that every hello within `limit` can be judged: 6 * limit + 64, for
 * one-byte records.
 */
size_t hello_wire_limit(uint32_t limit);

/* A position in the ALPN list; start with {0}. The members are hello_alpn_next()'s own. */
struct hello_alpn {
    bool started;
    uint32_t at;
    uint32_t record_left;
    uint32_t left;
};

/*
 * Copies the next offered protocol name (RFC 7301; 1 to 255 arbitrary bytes, GREASE left out) into
 * `name` and its length into `len`. False at the end of the list. Needs a hello that was HELLO_OK
 * and whose input is still there.
 */
bool hello_alpn_next(const struct client_hello *hello, struct hello_alpn *position,
                     uint8_t name[255], uint8_t *len);

/* Whether the client offered exactly this protocol. */
bool hello_offers_alpn(const struct client_hello *hello, const char *protocol, size_t len);

/* "ok", "more", "not_tls", "malformed", "too_large". */
const char *hello_result_word(enum hello_result result);

/* "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"; NULL for anything else. */
const char *hello_version_word(uint16_t version);

/* GREASE values 0x0a0a, 0x1a1a, .. 0xfafa (RFC 8701). */
bool hello_is_grease(uint16_t value);

#endif
