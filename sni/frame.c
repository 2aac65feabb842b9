/*
 * Finding one whole handshake message in TLS records: a walk from record header to record header,
 * with a short stop in the first four payload bytes, the message's own header.
 */

#include "sni/frame.h"

#include <string.h>

/* Where the walk stands: at one record of the message. */
struct walk {
    const uint8_t *bytes;
    size_t len;
    size_t record;     /* offset of this record's header */
    uint32_t before;   /* handshake bytes in the records before it */
    uint32_t wanted;   /* handshake bytes in all: as many as are known to belong to the message */
    bool header_known; /* `wanted` is the whole message, not only its header */
    uint8_t header[HANDSHAKE_HEADER_BYTES];
};

/* Bytes that handshake data takes on the wire at least, record headers included. */
static size_t least_on_wire(uint32_t handshake_bytes)
{
    size_t records = (handshake_bytes + RECORD_PAYLOAD_MAX - 1) / RECORD_PAYLOAD_MAX;

    return handshake_bytes + records * RECORD_HEADER_BYTES;
}

static enum hello_result refuse(struct client_hello *hello, enum hello_result result,
                                const char *why)
{
    hello->why = why;
    return result;
}

/* TLSPlaintext.type, .legacy_record_version, .length; the minor version means nothing (5.1). */
static enum hello_result judge_record_header(const struct walk *walk, struct client_hello *hello)
{
    const uint8_t *header = walk->bytes + walk->record;
    size_t here = walk->len - walk->record;
    bool first = walk->record == 0;

    if ((here >= 1 && header[0] != RECORD_TYPE_HANDSHAKE) || (here >= 2 && header[1] != 3))
        return first ? refuse(hello, HELLO_NOT_TLS, "it does not begin with a TLS handshake record")
                     : refuse(hello, HELLO_MALFORMED,
                              "a record that is not a TLS handshake record interrupts the hello");
    if (here < RECORD_HEADER_BYTES) {
        hello->need =
            first ? RECORD_HEADER_BYTES : walk->record + least_on_wire(walk->wanted - walk->before);
        return HELLO_MORE;
    }
    if (record_payload_bytes(header) == 0)
        return refuse(hello, HELLO_MALFORMED, "a handshake record is empty");
    if (record_payload_bytes(header) > RECORD_PAYLOAD_MAX)
        return refuse(hello, HELLO_MALFORMED, "a record is longer than 16384 bytes");
    return HELLO_OK;
}

/* Handshake.msg_type and .length, which may themselves be spread over records. */
static enum hello_result judge_message_header(struct walk *walk, size_t here, uint32_t limit,
                                              struct client_hello *hello)
{
    size_t count = HANDSHAKE_HEADER_BYTES - walk->before;

    if (count > here)
        count = here;
    const uint8_t *payload = walk->bytes + walk->record + RECORD_HEADER_BYTES;
    memcpy(walk->header + walk->before, payload, count);
    size_t have = walk->before + count;
    if (have >= 1 && walk->header[0] != HANDSHAKE_CLIENT_HELLO)
        return refuse(hello, HELLO_MALFORMED, "the first handshake message is not a ClientHello");
    if (have < HANDSHAKE_HEADER_BYTES)
        return HELLO_OK;
    hello->handshake_bytes =
        (uint32_t)walk->header[1] << 16 | (uint32_t)walk->header[2] << 8 | walk->header[3];
    if (hello->handshake_bytes > limit)
        return refuse(hello, HELLO_TOO_LARGE, "the announced length exceeds the limit");
    walk->header_known = true;
    walk->wanted = HANDSHAKE_HEADER_BYTES + hello->handshake_bytes;
    return HELLO_OK;
}

/* Judges the record the walk stands at; HELLO_OK with `*done` unset means: go on behind it. */
static enum hello_result judge_record(struct walk *walk, uint32_t limit, struct client_hello *hello,
                                      bool *done)
{
    enum hello_result result = judge_record_header(walk, hello);

    if (result != HELLO_OK)
        return result;
    hello->records++;
    size_t payload = walk->record + RECORD_HEADER_BYTES;
    uint32_t payload_bytes = record_payload_bytes(walk->bytes + walk->record);
    size_t here = walk->len - payload < payload_bytes ? walk->len - payload : payload_bytes;
    if (!walk->header_known) {
        result = judge_message_header(walk, here, limit, hello);
        if (result != HELLO_OK)
            return result;
    }
    uint32_t rest = walk->wanted - walk->before;
    bool ends_here = rest <= payload_bytes;
    size_t end = payload + (ends_here ? rest : payload_bytes);
    if (end > walk->len) {
        hello->need = ends_here ? end : end + least_on_wire(rest - payload_bytes);
        return HELLO_MORE;
    }
    hello->wire_bytes = (uint32_t)end;
    *done = ends_here;
    walk->before += payload_bytes;
    walk->record = end;
    return HELLO_OK;
}

/*
 * The bytes on the wire need no limit of their own: no record is empty, so a message within `limit`
 * takes at most six bytes for each of its own.
 */
enum hello_result frame_find(const uint8_t *bytes, size_t len, uint32_t limit,
                             struct client_hello *hello)
{
    if (len == 0) {
        hello->need = 1; /* one byte tells plain text */
        return HELLO_MORE;
    }
    struct walk walk = {.bytes = bytes, .len = len, .wanted = HANDSHAKE_HEADER_BYTES};
    enum hello_result result = HELLO_OK;
    bool done = false;
    while (result == HELLO_OK && !done)
        result = judge_record(&walk, limit, hello, &done);
    return result;
}
