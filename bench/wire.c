#include "bench/wire.h"

#include <string.h>

#include "bench/random.h"

static const uint8_t request_magic[4] = {'S', 'N', 'I', 'b'};
static const uint8_t banner_magic[4] = {'S', 'N', 'I', 'r'};
static const uint8_t trailer_magic[4] = {'S', 'N', 'I', 't'};

static void put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint16_t get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

void wire_write_request(const struct wire_request *request, uint8_t out[WIRE_REQUEST_BYTES])
{
    memcpy(out, request_magic, sizeof request_magic);
    out[4] = WIRE_VERSION;
    out[5] = (uint8_t)request->mode;
    put_u16(out + 6, request->flags);
    put_u64(out + 8, request->seed);
    put_u64(out + 16, request->up_bytes);
    put_u64(out + 24, request->down_bytes);
}

bool wire_read_request(const uint8_t bytes[WIRE_REQUEST_BYTES], struct wire_request *request)
{
    if (memcmp(bytes, request_magic, sizeof request_magic) != 0 || bytes[4] != WIRE_VERSION)
        return false;
    if (bytes[5] < WIRE_ECHO || bytes[5] > WIRE_REQUEST)
        return false;
    request->mode = (enum wire_mode)bytes[5];
    request->flags = get_u16(bytes + 6);
    request->seed = get_u64(bytes + 8);
    request->up_bytes = get_u64(bytes + 16);
    request->down_bytes = get_u64(bytes + 24);
    /* A WIRE_REQUEST of 0 bytes would be answered for ever. */
    return request->mode != WIRE_REQUEST || request->up_bytes > 0;
}

size_t wire_write_banner(uint8_t flags, const char *name,
                         uint8_t out[WIRE_BANNER_HEAD + WIRE_NAME_MAX])
{
    size_t len = strnlen(name, WIRE_NAME_MAX);

    memcpy(out, banner_magic, sizeof banner_magic);
    out[4] = WIRE_VERSION;
    out[5] = flags;
    put_u16(out + 6, (uint16_t)len);
    memcpy(out + WIRE_BANNER_HEAD, name, len);
    return WIRE_BANNER_HEAD + len;
}

/* Reads the head once its 8 bytes are there. */
static bool read_banner_head(struct wire_banner *banner)
{
    uint16_t name_len = get_u16(banner->head + 6);

    if (memcmp(banner->head, banner_magic, sizeof banner_magic) != 0 ||
        banner->head[4] != WIRE_VERSION || name_len > WIRE_NAME_MAX)
        return false;
    banner->flags = banner->head[5];
    banner->name_len = (uint8_t)name_len;
    banner->name[name_len] = '\0';
    return true;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum wire_result wire_feed_banner(struct wire_banner *banner, const uint8_t *bytes, size_t len,
                                  size_t *used)
{
    *used = 0;
    if (banner->got < WIRE_BANNER_HEAD) {
        size_t part = min_size(WIRE_BANNER_HEAD - banner->got, len);
        memcpy(banner->head + banner->got, bytes, part);
        banner->got = (uint16_t)(banner->got + part);
        *used = part;
        /*
         * Bytes that are no banner are known by the first one that differs, before all eight are
         * there.
         */
        if (memcmp(banner->head, banner_magic, min_size(banner->got, sizeof banner_magic)) != 0)
            return WIRE_BAD;
        if (banner->got < WIRE_BANNER_HEAD)
            return WIRE_MORE;
        if (!read_banner_head(banner))
            return WIRE_BAD;
    }
    size_t have = banner->got - WIRE_BANNER_HEAD;
    size_t part = min_size(banner->name_len - have, len - *used);
    memcpy(banner->name + have, bytes + *used, part);
    banner->got = (uint16_t)(banner->got + part);
    *used += part;
    return banner->got == WIRE_BANNER_HEAD + banner->name_len ? WIRE_WHOLE : WIRE_MORE;
}

void wire_write_trailer(const struct wire_trailer *trailer, uint8_t out[WIRE_TRAILER_BYTES])
{
    memcpy(out, trailer_magic, sizeof trailer_magic);
    out[4] = WIRE_VERSION;
    out[5] = trailer->corrupt ? WIRE_CORRUPT : 0;
    put_u16(out + 6, 0);
    put_u64(out + 8, trailer->received);
    put_u64(out + 16, trailer->first_bad);
}

bool wire_read_trailer(const uint8_t bytes[WIRE_TRAILER_BYTES], struct wire_trailer *trailer)
{
    if (memcmp(bytes, trailer_magic, sizeof trailer_magic) != 0 || bytes[4] != WIRE_VERSION)
        return false;
    trailer->corrupt = (bytes[5] & WIRE_CORRUPT) != 0;
    trailer->received = get_u64(bytes + 8);
    trailer->first_bad = get_u64(bytes + 16);
    return true;
}

uint64_t wire_down_seed(uint64_t seed)
{
    return ~seed;
}

static uint64_t pattern_word(uint64_t seed, uint64_t index)
{
    return random_mix(seed + index * 0x9e3779b97f4a7c15ull);
}

/* The word as it lies in the stream, on any machine. */
static void pattern_bytes(uint64_t seed, uint64_t index, uint8_t out[8])
{
    uint64_t word = pattern_word(seed, index);

    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(word >> (8 * i));
}

void wire_pattern_fill(uint64_t seed, uint64_t offset, uint8_t *out, size_t len)
{
    uint8_t word[8];

    while (len > 0) {
        size_t skip = offset % 8;
        size_t part = min_size(8 - skip, len);
        pattern_bytes(seed, offset / 8, word);
        if (part == 8)
            memcpy(out, word, 8);
        else
            memcpy(out, word + skip, part);
        out += part;
        offset += part;
        len -= part;
    }
}

size_t wire_pattern_check(uint64_t seed, uint64_t offset, const uint8_t *bytes, size_t len)
{
    uint8_t word[8];
    size_t at = 0;

    while (at < len) {
        size_t skip = (offset + at) % 8;
        size_t part = min_size(8 - skip, len - at);
        pattern_bytes(seed, (offset + at) / 8, word);
        if (memcmp(bytes + at, word + skip, part) != 0) {
            while (bytes[at] == word[skip]) {
                at++;
                skip++;
            }
            return at;
        }
        at += part;
    }
    return len;
}
