/*
 * The ClientHello, read as RFC 8446 section 4.1.2 writes it.
 *
 * First frame.c finds the whole message in its records, or says what is missing. Then the fields
 * are read in order with one cursor each. Nothing inside the message is judged before the message
 * is whole. The readers of structures return what is wrong as a sentence, NULL when nothing is.
 */

#include "sni/hello.h"

#include <assert.h>
#include <string.h>

#include "sni/cursor.h"
#include "sni/extension.h"
#include "sni/frame.h"

#define RANDOM_BYTES        32
#define SESSION_ID_MAX      32
#define NAME_TYPE_HOST_NAME 0

/*
 * Which extension types were seen: one bit each, in 1024 words that are cleared when first touched.
 * So a usual hello pays for its twenty types only, and one with thousands stays linear.
 */
struct type_set {
    uint64_t touched[16]; /* one bit for each word */
    uint64_t words[1024];
};

/* Adds the type; false when it was there already. */
static bool type_set_add(struct type_set *set, uint16_t type)
{
    unsigned word = type / 64;
    uint64_t word_bit = (uint64_t)1 << word % 64;
    uint64_t type_bit = (uint64_t)1 << type % 64;
    uint64_t seen = (set->touched[word / 64] & word_bit) != 0 ? set->words[word] : 0;

    set->touched[word / 64] |= word_bit;
    set->words[word] = seen | type_bit;
    return (seen & type_bit) == 0;
}

/* An IP literal is no host name, but some clients send one: kept as it is, lower case. */
static bool take_ip_literal(const char *name, size_t len, struct client_hello *hello)
{
    bool dotted = len > 0 && name[len - 1] == '.';

    len -= dotted;
    if (!hostname_is_ip(name, len))
        return false;
    for (size_t i = 0; i < len; i++)
        hello->host[i] = (char)(name[i] >= 'A' && name[i] <= 'F' ? name[i] + ('a' - 'A') : name[i]);
    hello->host[len] = '\0';
    hello->host_len = (uint8_t)len;
    hello->trailing_dot = dotted;
    hello->name = HELLO_NAME_IP;
    return true;
}

/* opaque HostName<1..2^16-1> */
static const char *read_host_name(struct cursor host_name, struct client_hello *hello)
{
    uint8_t name[HOSTNAME_MAX + 1]; /* one more for a trailing dot */
    uint32_t len = host_name.left;

    if (hello->name != HELLO_NAME_NONE)
        return "two host names";
    if (len == 0 || len > sizeof name)
        return len == 0 ? "the host name is empty" : "the host name is too long";
    cursor_copy(&host_name, name, len);
    if (take_ip_literal((const char *)name, len, hello))
        return NULL;
    size_t host_len = hostname_normalise(name, len, hello->host, &hello->trailing_dot);
    if (host_len == 0)
        return "the host name is illegal";
    hello->host_len = (uint8_t)host_len;
    hello->name = HELLO_NAME_HOST;
    return NULL;
}

/*
 * ServerName server_name_list<1..2^16-1>. Names of another type than host_name are stepped over:
 * RFC 6066 section 3 promises that they begin with a 16-bit length too.
 */
static const char *read_server_name(struct cursor extension, struct client_hello *hello)
{
    struct cursor list = cursor_vector16(&extension);

    if (extension.failed || extension.left != 0 || list.left == 0)
        return "the length of the server name list is wrong";
    while (list.left > 0) {
        uint8_t name_type = cursor_u8(&list);
        struct cursor name = cursor_vector16(&list);
        if (list.failed)
            return "the length of a server name is wrong";
        if (name_type == NAME_TYPE_HOST_NAME) {
            const char *why = read_host_name(name, hello);
            if (why != NULL)
                return why;
        }
    }
    return NULL;
}

/* ProtocolName protocol_name_list<2..2^16-1>, each opaque<1..2^8-1> (RFC 7301 section 3.1) */
static const char *read_alpn(struct cursor extension, struct client_hello *hello)
{
    struct cursor list = cursor_vector16(&extension);

    if (extension.failed || extension.left != 0 || list.left == 0)
        return "the length of the ALPN list is wrong";
    hello->alpn_at = (uint32_t)(list.at - hello->input);
    hello->alpn_record_left = list.record_left;
    hello->alpn_bytes = list.left;
    while (list.left > 0) {
        struct cursor name = cursor_vector8(&list);
        if (list.failed || name.left == 0)
            return "the length of an ALPN name is wrong";
    }
    return NULL;
}

/*
 * What a version counts as: itself when known, TLS 1.3 for its drafts (0x7f00 + number, and
 * Facebook's 0xfb00 + number), else 0.
 */
static uint16_t version_counts_as(uint16_t version)
{
    if (version >> 8 == 0x7f || version >> 8 == 0xfb)
        return 0x0304;
    return version >= 0x0300 && version <= 0x0304 ? version : 0;
}

static void note_version(struct client_hello *hello, uint16_t version)
{
    if (hello_is_grease(version))
        return;
    if (hello->version_count < HELLO_VERSIONS_MAX)
        hello->versions[hello->version_count++] = version;
    uint16_t known = version_counts_as(version);
    if (known > hello->highest_version)
        hello->highest_version = known;
}

/* ProtocolVersion versions<2..254> (RFC 8446 section 4.2.1) */
static const char *read_supported_versions(struct cursor extension, struct client_hello *hello)
{
    struct cursor versions = cursor_vector8(&extension);

    if (extension.failed || extension.left != 0 || versions.left == 0 || versions.left % 2 != 0)
        return "the length of the version list is wrong";
    while (versions.left > 0)
        note_version(hello, cursor_u16(&versions));
    return NULL;
}

/* struct { ExtensionType extension_type; opaque extension_data<0..2^16-1>; } Extension */
static const char *read_extension(uint16_t type, struct cursor data, struct client_hello *hello)
{
    switch (type) {
    case EXTENSION_SERVER_NAME:
        return read_server_name(data, hello);
    case EXTENSION_ALPN:
        return read_alpn(data, hello);
    case EXTENSION_SUPPORTED_VERSIONS:
        return read_supported_versions(data, hello);
    case EXTENSION_EARLY_DATA:
        hello->early_data = true;
        return NULL;
    case EXTENSION_ENCRYPTED_CLIENT_HELLO:
        hello->ech = true;
        return NULL;
    default:
        return NULL;
    }
}

/* No type may come twice (RFC 8446 section 4.2). */
static const char *read_extensions(struct cursor extensions, struct client_hello *hello,
                                   bool *versions_seen)
{
    struct type_set seen;

    memset(seen.touched, 0, sizeof seen.touched);
    while (extensions.left > 0) {
        uint16_t type = cursor_u16(&extensions);
        struct cursor data = cursor_vector16(&extensions);
        if (extensions.failed)
            return "the length of an extension is wrong";
        if (!type_set_add(&seen, type))
            return "an extension comes twice";
        const char *why = read_extension(type, data, hello);
        if (why != NULL)
            return why;
        *versions_seen |= type == EXTENSION_SUPPORTED_VERSIONS;
    }
    return NULL;
}

/* Without supported_versions legacy_version is the offer, and it cannot mean TLS 1.3. */
static void note_legacy_offer(struct client_hello *hello)
{
    hello->versions[0] = hello->legacy_version;
    hello->version_count = 1;
    hello->highest_version = hello->legacy_version > 0x0303 ? 0x0303 : hello->legacy_version;
}

static const char *read_client_hello(struct cursor body, struct client_hello *hello)
{
    hello->legacy_version = cursor_u16(&body);
    cursor_skip(&body, RANDOM_BYTES);
    struct cursor session_id = cursor_vector8(&body);
    struct cursor cipher_suites = cursor_vector16(&body);
    struct cursor compression_methods = cursor_vector8(&body);
    if (body.failed)
        return "the message is too short for a ClientHello";
    if (hello->legacy_version < 0x0300) { /* higher ones are negotiated down: RFC 5246, E.1 */
        return "the version in the hello is below 3.0";
    }
    if (session_id.left > SESSION_ID_MAX)
        return "the session id is longer than 32 bytes";
    if (cipher_suites.left == 0 || cipher_suites.left % 2 != 0)
        return "the length of the cipher suites is wrong";
    if (compression_methods.left == 0)
        return "no compression methods";
    bool versions_seen = false;
    if (body.left > 0) { /* SSL 3.0 knew no extensions */
        struct cursor extensions = cursor_vector16(&body);
        if (body.failed || body.left != 0)
            return "the length of the extensions is wrong";
        const char *why = read_extensions(extensions, hello, &versions_seen);
        if (why != NULL)
            return why;
    }
    if (!versions_seen)
        note_legacy_offer(hello);
    return NULL;
}

enum hello_result hello_parse(const uint8_t *bytes, size_t len, uint32_t limit,
                              struct client_hello *hello)
{
    *hello = (struct client_hello){.input = bytes};
    enum hello_result result = frame_find(bytes, len, limit, hello);
    if (result != HELLO_OK)
        return result;
    struct cursor message = {
        .at = bytes,
        .left = HANDSHAKE_HEADER_BYTES + hello->handshake_bytes,
    };
    cursor_skip(&message, HANDSHAKE_HEADER_BYTES);
    hello->why = read_client_hello(message, hello);
    return hello->why == NULL ? HELLO_OK : HELLO_MALFORMED;
}

size_t hello_wire_limit(uint32_t limit)
{
    return (size_t)limit * (RECORD_HEADER_BYTES + 1) + 64;
}

static bool alpn_is_grease(const uint8_t *name, size_t len)
{
    return len == 2 && hello_is_grease((uint16_t)(name[0] << 8 | name[1]));
}

bool hello_alpn_next(const struct client_hello *hello, struct hello_alpn *position,
                     uint8_t name[255], uint8_t *len)
{
    if (!position->started)
        *position = (struct hello_alpn){.started = true,
                                        .at = hello->alpn_at,
                                        .record_left = hello->alpn_record_left,
                                        .left = hello->alpn_bytes};
    struct cursor list = {.at = hello->input + position->at,
                          .record_left = position->record_left,
                          .left = position->left};
    bool found = false;
    while (!found && list.left > 0) {
        *len = cursor_u8(&list);
        cursor_copy(&list, name, *len);
        assert(!list.failed);
        found = !alpn_is_grease(name, *len);
    }
    position->at = (uint32_t)(list.at - hello->input);
    position->record_left = list.record_left;
    position->left = list.left;
    return found;
}

bool hello_offers_alpn(const struct client_hello *hello, const char *protocol, size_t len)
{
    struct hello_alpn position = {0};
    uint8_t name[255];
    uint8_t name_len;

    while (hello_alpn_next(hello, &position, name, &name_len)) {
        if (name_len == len && memcmp(name, protocol, len) == 0)
            return true;
    }
    return false;
}

const char *hello_result_word(enum hello_result result)
{
    static const char *const WORDS[] = {
        [HELLO_OK] = "ok",
        [HELLO_MORE] = "more",
        [HELLO_NOT_TLS] = "not_tls",
        [HELLO_MALFORMED] = "malformed",
        [HELLO_TOO_LARGE] = "too_large",
    };

    assert((unsigned)result < sizeof WORDS / sizeof WORDS[0]);
    return WORDS[result];
}

const char *hello_version_word(uint16_t version)
{
    static const char *const WORDS[] = {"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};

    return version >= 0x0300 && version <= 0x0304 ? WORDS[version - 0x0300] : NULL;
}

bool hello_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}
