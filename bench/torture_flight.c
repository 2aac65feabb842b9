#include "bench/torture_flight.h"

#include <assert.h>
#include <string.h>

#define RECORD_HEAD     5u
#define TYPE_HANDSHAKE  22
#define RECORD_VERSION  0x0301
#define SESSION_AT      38u /* header 4, version 2, random 32 */
#define EXTENSION_HEAD  4u
#define NAME_ENTRY_HEAD 3u

void flight_spec(const struct flight *flight, struct hello_spec *spec, const char *host)
{
    hello_spec_init(spec, host);
    spec->ech_grease = false;
    spec->key_share_bytes = 0;
    spec->seed = flight->seed;
}

void flight_bytes(struct flight *flight, const void *bytes, size_t len)
{
    if (len > TORTURE_FLIGHT_BYTES - flight->len) {
        flight->failed = true;
        return;
    }
    if (len > 0)
        memcpy(flight->bytes + flight->len, bytes, len);
    flight->len += len;
}

/* Adds the bytes that a builder of sni/ wrote behind the flight; 0 = they did not fit. */
static void took(struct flight *flight, size_t len)
{
    flight->failed = flight->failed || len == 0;
    flight->len += len;
}

void flight_hello(struct flight *flight, const struct hello_spec *spec)
{
    took(flight,
         hello_build(spec, flight->bytes + flight->len, TORTURE_FLIGHT_BYTES - flight->len));
}

void flight_hello_for(struct flight *flight, const char *host, size_t len)
{
    struct hello_spec spec;

    flight_spec(flight, &spec, host);
    spec.host_len = len;
    flight_hello(flight, &spec);
}

void flight_record(struct flight *flight, uint8_t type, const void *payload, size_t len)
{
    uint8_t head[RECORD_HEAD] = {type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};

    if (type == TYPE_HANDSHAKE)
        head[2] = 1;
    flight_bytes(flight, head, sizeof head);
    flight_bytes(flight, payload, len);
}

void flight_records(struct flight *flight, const struct message *message, const size_t *cuts,
                    size_t count)
{
    took(flight,
         hello_wrap_records(message->bytes, message->len, RECORD_VERSION, cuts, count,
                            flight->bytes + flight->len, TORTURE_FLIGHT_BYTES - flight->len));
}

void message_build(struct flight *flight, struct message *message, const struct hello_spec *spec)
{
    message->len = hello_build_handshake(spec, message->bytes, sizeof message->bytes);
    assert(message->len > 0);
    flight->failed = flight->failed || message->len == 0;
}

void message_add(struct message *message, size_t at, unsigned width, int delta)
{
    uint32_t value = 0;

    assert(at + width <= message->len);
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | message->bytes[at + i];
    value += (uint32_t)delta;
    for (unsigned i = 0; i < width; i++)
        message->bytes[at + i] = (uint8_t)(value >> 8 * (width - 1 - i));
}

static size_t get_u16(const struct message *message, size_t at)
{
    assert(at + 2 <= message->len);
    return (size_t)(message->bytes[at] << 8 | message->bytes[at + 1]);
}

size_t message_ciphers_at(const struct message *message)
{
    return SESSION_AT + 1 + message->bytes[SESSION_AT];
}

size_t message_extensions_at(const struct message *message)
{
    size_t at = message_ciphers_at(message);

    at += 2 + get_u16(message, at);
    return at + 1 + message->bytes[at];
}

size_t message_find(const struct message *message, uint16_t type)
{
    size_t at = message_extensions_at(message) + 2;

    while (get_u16(message, at) != type)
        at += EXTENSION_HEAD + get_u16(message, at + 2);
    return at;
}

size_t server_name_entry(uint8_t *out, uint8_t type, const char *name, size_t len)
{
    out[0] = type;
    out[1] = (uint8_t)(len >> 8);
    out[2] = (uint8_t)len;
    memcpy(out + NAME_ENTRY_HEAD, name, len);
    return NAME_ENTRY_HEAD + len;
}

size_t server_name_list(uint8_t *out, size_t cap, const char *const *names)
{
    size_t at = 2;

    for (; *names != NULL; names++) {
        assert(at + NAME_ENTRY_HEAD + strlen(*names) <= cap);
        at += server_name_entry(out + at, 0, *names, strlen(*names));
    }
    out[0] = (uint8_t)((at - 2) >> 8);
    out[1] = (uint8_t)(at - 2);
    return at;
}
