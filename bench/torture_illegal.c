/* Flights that no TLS server would accept: broken hellos, and bytes that are no hello. */

#include <stdio.h>
#include <string.h>

#include "bench/torture_flight.h"

#define NAME_ROOM   640u
#define SERVER_NAME 0
#define UNASSIGNED  0x7a00u
#define ALERT       21
#define HANDSHAKE   22
#define APPLICATION 23
#define RECORD_MAX  16384u

/* A hello whose server_name extension has these insides. */
static void build_with_list(struct flight *flight, const uint8_t *list, size_t len)
{
    struct hello_spec spec;
    const struct hello_extension extra = {SERVER_NAME, (uint16_t)len, list};

    flight_spec(flight, &spec, NULL);
    spec.extra = &extra;
    spec.extra_count = 1;
    flight_hello(flight, &spec);
}

void build_two_names(struct flight *flight)
{
    uint8_t list[2 * NAME_ROOM];
    const char *const names[] = {flight->name, flight->other, NULL};

    build_with_list(flight, list, server_name_list(list, sizeof list, names));
}

void build_two_server_names(struct flight *flight)
{
    uint8_t list[NAME_ROOM];
    const char *const names[] = {flight->other, NULL};
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    const struct hello_extension extra = {
        SERVER_NAME, (uint16_t)server_name_list(list, sizeof list, names), list};
    spec.extra = &extra;
    spec.extra_count = 1;
    flight_hello(flight, &spec);
}

void build_two_extensions(struct flight *flight)
{
    static const struct hello_extension extra[] = {{UNASSIGNED, 1, (const uint8_t *)"a"},
                                                   {UNASSIGNED, 1, (const uint8_t *)"b"}};
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    spec.extra = extra;
    spec.extra_count = 2;
    flight_hello(flight, &spec);
}

void build_empty_name(struct flight *flight)
{
    static const uint8_t list[] = {0, 3, 0, 0, 0};

    build_with_list(flight, list, sizeof list);
}

void build_empty_list(struct flight *flight)
{
    static const uint8_t list[] = {0, 0};

    build_with_list(flight, list, sizeof list);
}

void build_empty_server_name(struct flight *flight)
{
    build_with_list(flight, NULL, 0);
}

/* The routed name, followed by bytes that string functions may overlook. */
static void build_with_tail(struct flight *flight, const char *tail, size_t len)
{
    char name[NAME_ROOM];
    size_t at = (size_t)snprintf(name, NAME_ROOM / 2, "%s", flight->name);

    memcpy(name + at, tail, len);
    flight_hello_for(flight, name, at + len);
}

void build_nul(struct flight *flight)
{
    build_with_tail(flight, "\0.invalid", 9);
}

void build_line_break(struct flight *flight)
{
    build_with_tail(flight, "\r\nX: y", 6);
}

void build_double_dot(struct flight *flight)
{
    build_with_tail(flight, "..", 2);
}

void build_wildcard(struct flight *flight)
{
    char name[NAME_ROOM];

    snprintf(name, sizeof name, "*.%s", flight->name);
    flight_hello_for(flight, name, 0);
}

void build_long_label(struct flight *flight)
{
    char name[NAME_ROOM];

    memset(name, 'l', 64);
    snprintf(name + 64, sizeof name - 64, ".%s", flight->name);
    flight_hello_for(flight, name, 0);
}

void build_long_name(struct flight *flight)
{
    char name[NAME_ROOM];

    for (size_t i = 0; i < 256; i++)
        name[i] = i % 32 == 31 ? '.' : 'n';
    snprintf(name + 256, sizeof name - 256, "%s", flight->name);
    flight_hello_for(flight, name, 0);
}

/* The usual hello with one wrong length in it. */
static void build_lying(struct flight *flight, size_t (*find)(const struct message *message),
                        size_t behind, unsigned width, int delta)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    message_add(&message, find(&message) + behind, width, delta);
    flight_records(flight, &message, NULL, 0);
}

static size_t find_server_name(const struct message *message)
{
    return message_find(message, SERVER_NAME);
}

void build_name_too_long(struct flight *flight)
{
    build_lying(flight, find_server_name, 7, 2, 1);
}

void build_list_too_long(struct flight *flight)
{
    build_lying(flight, find_server_name, 4, 2, 1);
}

void build_list_too_short(struct flight *flight)
{
    build_lying(flight, find_server_name, 4, 2, -1);
}

void build_extension_too_long(struct flight *flight)
{
    build_lying(flight, find_server_name, 2, 2, 20000);
}

void build_extensions_too_long(struct flight *flight)
{
    build_lying(flight, message_extensions_at, 0, 2, 1);
}

void build_extensions_too_short(struct flight *flight)
{
    build_lying(flight, message_extensions_at, 0, 2, -1);
}

void build_odd_ciphers(struct flight *flight)
{
    build_lying(flight, message_ciphers_at, 0, 2, -1);
}

/* 33 bytes where at most 32 may be: one more is put in, and every length around it is right. */
void build_session_id(struct flight *flight)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    size_t at = message_ciphers_at(&message);
    memmove(message.bytes + at + 1, message.bytes + at, message.len - at);
    message.bytes[at] = 's';
    message.len++;
    message_add(&message, 1, 3, 1);
    message_add(&message, 38, 1, 1);
    flight_records(flight, &message, NULL, 0);
}

/* Half of the hello in a record, another record, the other half. */
static void build_interrupted(struct flight *flight, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    /* Before the name, so that a router that stops there has none. */
    size_t half = message_find(&message, SERVER_NAME);
    flight_record(flight, HANDSHAKE, message.bytes, half);
    flight_record(flight, type, bytes, len);
    flight_record(flight, HANDSHAKE, message.bytes + half, message.len - half);
}

void build_interleaved_alert(struct flight *flight)
{
    static const uint8_t warning[] = {1, 90}; /* user_canceled */

    build_interrupted(flight, ALERT, warning, sizeof warning);
}

void build_empty_record(struct flight *flight)
{
    build_interrupted(flight, HANDSHAKE, NULL, 0);
}

void build_large_record(struct flight *flight)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    spec.total_bytes = RECORD_MAX + 1;
    message_build(flight, &message, &spec);
    flight_record(flight, HANDSHAKE, message.bytes, message.len);
}

/* The usual hello, whose length field says 16 MiB. */
void build_announced_16m(struct flight *flight)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    memset(message.bytes + 1, 0xff, 3);
    flight_records(flight, &message, NULL, 0);
}

void build_server_hello(struct flight *flight)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    message.bytes[0] = 2;
    flight_records(flight, &message, NULL, 0);
}

void build_alert_first(struct flight *flight)
{
    static const uint8_t fatal[] = {2, 40};

    flight_record(flight, ALERT, fatal, sizeof fatal);
    flight_hello_for(flight, flight->name, 0);
}

void build_application_data(struct flight *flight)
{
    flight_record(flight, APPLICATION, "application data", 16);
    flight_hello_for(flight, flight->name, 0);
}

/* CLIENT-HELLO of SSL 2.0: version 2, three cipher kinds, no session, a challenge of 16 bytes. */
void build_sslv2(struct flight *flight)
{
    static const uint8_t hello[] = {0x80, 0x22, 1, 0,    2, 0, 9,    0, 0, 0,
                                    16,   1,    0, 0x80, 7, 0, 0xc0, 3, 0, 0x80};

    flight_bytes(flight, hello, sizeof hello);
    flight_bytes(flight, "0123456789abcdef", 16);
}

void build_http(struct flight *flight)
{
    char text[NAME_ROOM];
    int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %.255s\r\n\r\n", flight->name);

    flight_bytes(flight, text, (size_t)len);
}

void build_ssh(struct flight *flight)
{
    flight_bytes(flight, "SSH-2.0-OpenSSH_9.2\r\n", 21);
}

/* SSLRequest: "may I speak TLS?" */
void build_postgres(struct flight *flight)
{
    static const uint8_t request[] = {0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};

    flight_bytes(flight, request, sizeof request);
}

void build_proxy_header(struct flight *flight)
{
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";

    flight_bytes(flight, line, sizeof line - 1);
    flight_hello_for(flight, flight->name, 0);
}

void build_zeros(struct flight *flight)
{
    static const uint8_t zeros[64];

    flight_bytes(flight, zeros, sizeof zeros);
}
