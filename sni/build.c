/*
 * ClientHellos as a current browser sends them: the same extensions with the same insides in a like
 * order, and whatever the specification changes about them. Random bytes come from the seed alone.
 */

#include "sni/build.h"

#include <string.h>

#include "sni/extension.h"
#include "sni/frame.h"
#include "sni/writer.h"

#define COUNT_OF(array)    (sizeof(array) / sizeof(array)[0])
#define GROUP_X25519       0x001d
#define GROUP_X25519MLKEM  0x11ec
#define SHARE_X25519_BYTES 32
#define BINDER_BYTES       32
#define RANDOM_BYTES       32
#define SESSION_ID_MAX     32
#define EXTENSION_HEADER   4 /* type and length */

/* One hello in the making. */
struct builder {
    const struct hello_spec *spec;
    struct writer writer;
    uint64_t random; /* state of splitmix64 */
    bool tls13;      /* offered */
};

static uint64_t next_random(struct builder *builder)
{
    uint64_t value = builder->random += 0x9e3779b97f4a7c15u;

    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static void put_random(struct builder *builder, size_t count)
{
    uint8_t *room = writer_room(&builder->writer, count);

    for (size_t i = 0; room != NULL && i < count; i += sizeof(uint64_t)) {
        uint64_t value = next_random(builder);
        size_t part = count - i < sizeof value ? count - i : sizeof value;
        memcpy(room + i, &value, part);
    }
}

/* One of 0x0a0a .. 0xfafa; `salt` tells the places apart, as browsers do. */
static uint16_t grease_value(const struct builder *builder, unsigned salt)
{
    uint64_t pick = (builder->spec->seed >> 7 ^ builder->spec->seed) + salt * 5u;

    return (uint16_t)(0x0a0a + 0x1010 * (pick & 15));
}

static size_t begin_extension(struct builder *builder, unsigned type)
{
    writer_u16(&builder->writer, type);
    return writer_begin(&builder->writer, 2);
}

static void end_extension(struct builder *builder, size_t begin)
{
    writer_end(&builder->writer, begin, 2);
}

static void put_extension(struct builder *builder, unsigned type, const void *data, size_t len)
{
    size_t begin = begin_extension(builder, type);

    writer_bytes(&builder->writer, data, len);
    end_extension(builder, begin);
}

static void put_cipher_suites(struct builder *builder)
{
    static const uint16_t TLS13[] = {0x1301, 0x1302, 0x1303};
    static const uint16_t TLS12[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                                     0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
    size_t begin = writer_begin(&builder->writer, 2);

    if (builder->spec->grease)
        writer_u16(&builder->writer, grease_value(builder, 0));
    for (size_t i = 0; builder->tls13 && i < COUNT_OF(TLS13); i++)
        writer_u16(&builder->writer, TLS13[i]);
    for (size_t i = 0; i < COUNT_OF(TLS12); i++)
        writer_u16(&builder->writer, TLS12[i]);
    writer_end(&builder->writer, begin, 2);
}

static void put_server_name(struct builder *builder)
{
    const struct hello_spec *spec = builder->spec;

    if (spec->host == NULL)
        return;
    size_t extension = begin_extension(builder, EXTENSION_SERVER_NAME);
    size_t list = writer_begin(&builder->writer, 2);
    writer_u8(&builder->writer, 0); /* NameType host_name */
    size_t name = writer_begin(&builder->writer, 2);
    writer_bytes(&builder->writer, spec->host,
                 spec->host_len != 0 ? spec->host_len : strlen(spec->host));
    writer_end(&builder->writer, name, 2);
    writer_end(&builder->writer, list, 2);
    end_extension(builder, extension);
}

static void put_alpn(struct builder *builder)
{
    const struct hello_spec *spec = builder->spec;

    if (spec->alpn == NULL)
        return;
    size_t extension = begin_extension(builder, EXTENSION_ALPN);
    size_t list = writer_begin(&builder->writer, 2);
    for (size_t i = 0; i < spec->alpn_count; i++) {
        size_t name = writer_begin(&builder->writer, 1);
        writer_bytes(&builder->writer, spec->alpn[i], strlen(spec->alpn[i]));
        writer_end(&builder->writer, name, 1);
    }
    writer_end(&builder->writer, list, 2);
    end_extension(builder, extension);
}

static void put_supported_groups(struct builder *builder)
{
    size_t extension = begin_extension(builder, EXTENSION_SUPPORTED_GROUPS);
    size_t list = writer_begin(&builder->writer, 2);

    if (builder->spec->grease)
        writer_u16(&builder->writer, grease_value(builder, 1));
    if (builder->tls13 && builder->spec->key_share_bytes > 0)
        writer_u16(&builder->writer, GROUP_X25519MLKEM);
    writer_u16(&builder->writer, GROUP_X25519);
    writer_u16(&builder->writer, 0x0017); /* secp256r1 */
    writer_u16(&builder->writer, 0x0018); /* secp384r1 */
    writer_end(&builder->writer, list, 2);
    end_extension(builder, extension);
}

static void put_share(struct builder *builder, unsigned group, size_t bytes)
{
    writer_u16(&builder->writer, group);
    size_t share = writer_begin(&builder->writer, 2);
    put_random(builder, bytes);
    writer_end(&builder->writer, share, 2);
}

static void put_key_share(struct builder *builder)
{
    size_t extension = begin_extension(builder, EXTENSION_KEY_SHARE);
    size_t list = writer_begin(&builder->writer, 2);

    if (builder->spec->grease)
        put_share(builder, grease_value(builder, 1), 1);
    if (builder->spec->key_share_bytes > 0)
        put_share(builder, GROUP_X25519MLKEM, builder->spec->key_share_bytes);
    put_share(builder, GROUP_X25519, SHARE_X25519_BYTES);
    writer_end(&builder->writer, list, 2);
    end_extension(builder, extension);
}

static void put_supported_versions(struct builder *builder)
{
    const struct hello_spec *spec = builder->spec;

    if (spec->versions == NULL)
        return;
    size_t extension = begin_extension(builder, EXTENSION_SUPPORTED_VERSIONS);
    size_t list = writer_begin(&builder->writer, 1);
    if (spec->grease)
        writer_u16(&builder->writer, grease_value(builder, 2));
    for (size_t i = 0; i < spec->version_count; i++)
        writer_u16(&builder->writer, spec->versions[i]);
    writer_end(&builder->writer, list, 1);
    end_extension(builder, extension);
}

/* What only a client that offers TLS 1.3 sends. */
static void put_tls13_extensions(struct builder *builder)
{
    static const uint8_t PSK_MODES[] = {1, 1};       /* psk_dhe_ke */
    static const uint8_t COMPRESSIONS[] = {2, 0, 2}; /* brotli */

    if (!builder->tls13)
        return;
    put_key_share(builder);
    put_extension(builder, EXTENSION_PSK_KEY_EXCHANGE_MODES, PSK_MODES, sizeof PSK_MODES);
    put_extension(builder, EXTENSION_COMPRESS_CERTIFICATE, COMPRESSIONS, sizeof COMPRESSIONS);
}

/* GREASE ECH as browsers send it to servers without ECH: an outer hello of random insides. */
static void put_ech(struct builder *builder)
{
    if (!builder->spec->ech_grease)
        return;
    size_t extension = begin_extension(builder, EXTENSION_ENCRYPTED_CLIENT_HELLO);
    writer_u8(&builder->writer, 0);       /* ECHClientHelloType outer */
    writer_u16(&builder->writer, 0x0001); /* HKDF-SHA256 */
    writer_u16(&builder->writer, 0x0001); /* AES-128-GCM */
    put_random(builder, 1);               /* config_id */
    size_t enc = writer_begin(&builder->writer, 2);
    put_random(builder, SHARE_X25519_BYTES);
    writer_end(&builder->writer, enc, 2);
    size_t payload = writer_begin(&builder->writer, 2);
    put_random(builder, 144);
    writer_end(&builder->writer, payload, 2);
    end_extension(builder, extension);
}

/* A TLS 1.2 client carries its ticket here; a TLS 1.3 client offers to take one. */
static void put_session_ticket(struct builder *builder)
{
    size_t extension = begin_extension(builder, EXTENSION_SESSION_TICKET);

    put_random(builder, builder->tls13 ? 0 : builder->spec->ticket_bytes);
    end_extension(builder, extension);
}

/* One identity and its binder (RFC 8446 section 4.2.11); the last extension of all. */
static void put_pre_shared_key(struct builder *builder)
{
    size_t extension = begin_extension(builder, EXTENSION_PRE_SHARED_KEY);
    size_t identities = writer_begin(&builder->writer, 2);
    size_t identity = writer_begin(&builder->writer, 2);

    put_random(builder, builder->spec->ticket_bytes);
    writer_end(&builder->writer, identity, 2);
    put_random(builder, 4); /* obfuscated_ticket_age */
    writer_end(&builder->writer, identities, 2);
    size_t binders = writer_begin(&builder->writer, 2);
    size_t binder = writer_begin(&builder->writer, 1);
    put_random(builder, BINDER_BYTES);
    writer_end(&builder->writer, binder, 1);
    writer_end(&builder->writer, binders, 2);
    end_extension(builder, extension);
}

/* What pre_shared_key will take, which comes behind the padding. */
static size_t pre_shared_key_bytes(const struct builder *builder)
{
    return EXTENSION_HEADER + 2 + 2 + builder->spec->ticket_bytes + 4 + 2 + 1 + BINDER_BYTES;
}

static void put_padding(struct builder *builder, size_t behind)
{
    size_t sum = builder->writer.at + behind;

    if (builder->writer.failed || sum >= builder->spec->total_bytes)
        return;
    size_t gap = builder->spec->total_bytes - sum;
    size_t extension = begin_extension(builder, EXTENSION_PADDING);
    writer_fill(&builder->writer, 0, gap > EXTENSION_HEADER ? gap - EXTENSION_HEADER : 0);
    end_extension(builder, extension);
}

static void put_fixed_extensions(struct builder *builder)
{
    static const uint8_t POINT_FORMATS[] = {1, 0};           /* uncompressed */
    static const uint8_t STATUS_REQUEST[] = {1, 0, 0, 0, 0}; /* ocsp */
    static const uint8_t SIGNATURES[] = {0,    16,   0x04, 0x03, 0x08, 0x04, 0x04, 0x01, 0x05,
                                         0x03, 0x08, 0x05, 0x05, 0x01, 0x08, 0x06, 0x06, 0x01};
    static const uint8_t RENEGOTIATION[] = {0};

    put_extension(builder, EXTENSION_EXTENDED_MASTER_SECRET, NULL, 0);
    put_extension(builder, EXTENSION_RENEGOTIATION_INFO, RENEGOTIATION, sizeof RENEGOTIATION);
    put_extension(builder, EXTENSION_EC_POINT_FORMATS, POINT_FORMATS, sizeof POINT_FORMATS);
    put_extension(builder, EXTENSION_STATUS_REQUEST, STATUS_REQUEST, sizeof STATUS_REQUEST);
    put_extension(builder, EXTENSION_SIGNATURE_ALGORITHMS, SIGNATURES, sizeof SIGNATURES);
    put_extension(builder, EXTENSION_SIGNED_CERTIFICATE_TIMESTAMP, NULL, 0);
}

static void put_extensions(struct builder *builder)
{
    const struct hello_spec *spec = builder->spec;
    bool pre_shared_key = builder->tls13 && spec->ticket_bytes > 0;
    size_t begin = writer_begin(&builder->writer, 2);

    if (spec->grease)
        put_extension(builder, grease_value(builder, 3), NULL, 0);
    put_server_name(builder);
    put_supported_groups(builder);
    put_session_ticket(builder);
    put_alpn(builder);
    put_fixed_extensions(builder);
    put_tls13_extensions(builder);
    put_supported_versions(builder);
    put_ech(builder);
    if (spec->grease)
        put_extension(builder, grease_value(builder, 4), "", 1);
    for (size_t i = 0; i < spec->extra_count; i++)
        put_extension(builder, spec->extra[i].type, spec->extra[i].data, spec->extra[i].len);
    put_padding(builder, pre_shared_key ? pre_shared_key_bytes(builder) : 0);
    if (pre_shared_key)
        put_pre_shared_key(builder);
    writer_end(&builder->writer, begin, 2);
}

static void put_client_hello(struct builder *builder)
{
    const struct hello_spec *spec = builder->spec;
    struct writer *writer = &builder->writer;

    writer_u8(writer, HANDSHAKE_CLIENT_HELLO);
    size_t body = writer_begin(writer, 3);
    writer_u16(writer, spec->legacy_version);
    put_random(builder, RANDOM_BYTES);
    size_t session_id = writer_begin(writer, 1);
    put_random(builder, spec->session_id_len);
    writer_end(writer, session_id, 1);
    put_cipher_suites(builder);
    writer_u8(writer, 1); /* one compression method, null */
    writer_u8(writer, 0);
    if (!spec->no_extensions)
        put_extensions(builder);
    writer_end(writer, body, 3);
}

void hello_spec_init(struct hello_spec *spec, const char *host)
{
    static const char *const ALPN[] = {"h2", "http/1.1"};
    static const uint16_t VERSIONS[] = {0x0304, 0x0303};

    *spec = (struct hello_spec){
        .host = host,
        .alpn = ALPN,
        .alpn_count = COUNT_OF(ALPN),
        .legacy_version = 0x0303,
        .record_version = 0x0301,
        .versions = VERSIONS,
        .version_count = COUNT_OF(VERSIONS),
        .grease = true,
        .ech_grease = true,
        .session_id_len = SESSION_ID_MAX,
        .key_share_bytes = 1216,
    };
}

size_t hello_build_handshake(const struct hello_spec *spec, uint8_t *out, size_t cap)
{
    struct builder builder = {
        .spec = spec, .writer = {.out = out, .cap = cap}, .random = spec->seed};

    for (size_t i = 0; spec->versions != NULL && i < spec->version_count; i++)
        builder.tls13 |= spec->versions[i] == 0x0304;
    if (spec->session_id_len > SESSION_ID_MAX)
        return 0;
    put_client_hello(&builder);
    if (builder.writer.failed || builder.writer.at < spec->total_bytes)
        return 0;
    return builder.writer.at;
}

size_t hello_wrap_records(const uint8_t *message, size_t len, uint16_t record_version,
                          const size_t *cuts, size_t cut_count, uint8_t *out, size_t cap)
{
    struct writer writer = {.out = out, .cap = cap};
    size_t record = 0;

    for (size_t at = 0; at < len; record++) {
        size_t cut = RECORD_PAYLOAD_MAX;
        if (cuts != NULL && cut_count > 0)
            cut = cuts[record < cut_count ? record : cut_count - 1];
        if (cut == 0 || cut > RECORD_PAYLOAD_MAX)
            return 0;
        size_t payload = cut < len - at ? cut : len - at;
        writer_u8(&writer, RECORD_TYPE_HANDSHAKE);
        writer_u16(&writer, record_version);
        writer_u16(&writer, (unsigned)payload);
        writer_bytes(&writer, message + at, payload);
        at += payload;
    }
    return writer.failed ? 0 : writer.at;
}

/*
 * The message is built at the buffer's start, moved behind room for all record headers, and wrapped
 * from there: the wrapper never writes past what it has already read.
 */
size_t hello_build(const struct hello_spec *spec, uint8_t *out, size_t cap)
{
    size_t len = hello_build_handshake(spec, out, cap);
    size_t records = (len + RECORD_PAYLOAD_MAX - 1) / RECORD_PAYLOAD_MAX;
    size_t shift = records * RECORD_HEADER_BYTES;

    if (len == 0 || shift > cap - len)
        return 0;
    memmove(out + shift, out, len);
    return hello_wrap_records(out + shift, len, spec->record_version, NULL, 0, out, cap);
}
