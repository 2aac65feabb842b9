/* Flights that a TLS server would accept, or whose only fault is the name they ask for. */

#include <stdio.h>
#include <string.h>

#include "bench/torture_flight.h"

#define NAME_ROOM       320u
#define MLKEM_BYTES     1216u
#define EARLY_DATA      42
#define UNASSIGNED      0x7a00u /* extension types that nobody has registered */
#define MANY_EXTENSIONS 200u
#define CHANGE_CIPHER   20
#define HANDSHAKE       22
#define APPLICATION     23

void build_nothing(struct flight *flight)
{
    (void)flight;
}

void build_plain(struct flight *flight)
{
    flight_hello_for(flight, flight->name, 0);
}

void build_other(struct flight *flight)
{
    flight_hello_for(flight, flight->other, 0);
}

/* Chrome's hello: X25519MLKEM768 and GREASE ECH, longer than one segment. */
void build_post_quantum(struct flight *flight)
{
    struct hello_spec spec;

    hello_spec_init(&spec, flight->name);
    spec.seed = flight->seed;
    flight_hello(flight, &spec);
    flight->cut = 1400;
}

/* The smallest hello, for cases that send it byte by byte. */
void build_small(struct flight *flight)
{
    static const uint16_t tls12[] = {0x0303};
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    spec.versions = tls12;
    spec.version_count = 1;
    spec.session_id_len = 0;
    spec.grease = false;
    flight_hello(flight, &spec);
}

static void build_in_records(struct flight *flight, const size_t *cuts, size_t count)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    flight_records(flight, &message, cuts, count);
}

void build_one_byte_records(struct flight *flight)
{
    static const size_t one[] = {1};

    build_in_records(flight, one, 1);
}

/* Type and first length byte in a record of their own: the message's header is cut too. */
void build_cut_in_header(struct flight *flight)
{
    static const size_t cuts[] = {2, 16384};

    build_in_records(flight, cuts, 2);
}

void build_cut_in_name(struct flight *flight)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    /* Type 2, length 2, list 2, name type 1, name length 2, then half of the name. */
    size_t name_at = message_find(&message, 0) + 9;
    const size_t cuts[] = {name_at + strlen(flight->name) / 2, 16384};
    flight_records(flight, &message, cuts, 2);
}

/* The server_name extension as the last one, behind `before` bytes of an unknown one. */
static void build_late_name(struct flight *flight, uint16_t before)
{
    static const uint8_t filler[17000];
    uint8_t list[NAME_ROOM];
    const char *const names[] = {flight->name, NULL};
    struct hello_spec spec;

    flight_spec(flight, &spec, NULL);
    const struct hello_extension extra[] = {
        {UNASSIGNED, before, filler},
        {0, (uint16_t)server_name_list(list, sizeof list, names), list}};
    spec.extra = extra;
    spec.extra_count = 2;
    flight_hello(flight, &spec);
}

void build_name_in_second_record(struct flight *flight)
{
    build_late_name(flight, 17000);
}

void build_name_last(struct flight *flight)
{
    build_late_name(flight, 0);
}

void build_grease_ech(struct flight *flight)
{
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    spec.ech_grease = true;
    flight_hello(flight, &spec);
}

/* A ticket, early_data, then what 0-RTT looks like on the wire. */
void build_early_data(struct flight *flight)
{
    static const uint8_t change[] = {1};
    struct hello_spec spec;
    uint8_t data[3000];
    const struct hello_extension extra = {EARLY_DATA, 0, NULL};

    flight_spec(flight, &spec, flight->name);
    spec.ticket_bytes = 200;
    spec.extra = &extra;
    spec.extra_count = 1;
    flight_hello(flight, &spec);
    flight_record(flight, CHANGE_CIPHER, change, sizeof change);
    wire_pattern_fill(flight->seed, 0, data, sizeof data);
    flight_record(flight, APPLICATION, data, sizeof data);
}

static void build_ticket(struct flight *flight, size_t bytes)
{
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    spec.key_share_bytes = MLKEM_BYTES;
    spec.ticket_bytes = bytes;
    flight_hello(flight, &spec);
}

void build_ticket_16k(struct flight *flight)
{
    build_ticket(flight, 16384);
}

void build_ticket_60k(struct flight *flight)
{
    build_ticket(flight, 61440);
}

void build_bytes_behind(struct flight *flight)
{
    uint8_t data[4096];

    build_plain(flight);
    for (uint64_t i = 0; i < 64; i++) {
        wire_pattern_fill(flight->seed, i * sizeof data, data, sizeof data);
        flight_bytes(flight, data, sizeof data);
    }
}

void build_many_extensions(struct flight *flight)
{
    struct hello_extension extra[MANY_EXTENSIONS];
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    for (uint16_t i = 0; i < MANY_EXTENSIONS; i++)
        extra[i] = (struct hello_extension){(uint16_t)(UNASSIGNED + i), 2, (const uint8_t *)"ab"};
    spec.extra = extra;
    spec.extra_count = MANY_EXTENSIONS;
    flight_hello(flight, &spec);
}

void build_upper_case(struct flight *flight)
{
    char name[NAME_ROOM];

    snprintf(name, sizeof name, "%s", flight->name);
    for (char *at = name; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    }
    flight_hello_for(flight, name, 0);
}

/* A name that is made from the routed one. */
static void build_around(struct flight *flight, const char *before, const char *behind)
{
    char name[NAME_ROOM];

    snprintf(name, sizeof name, "%s%s%s", before, flight->name, behind);
    flight_hello_for(flight, name, 0);
}

void build_trailing_dot(struct flight *flight)
{
    build_around(flight, "", ".");
}

static void build_old(struct flight *flight, uint16_t version)
{
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    spec.legacy_version = version;
    spec.versions = NULL;
    spec.version_count = 0;
    spec.grease = false;
    flight_hello(flight, &spec);
}

void build_tls10(struct flight *flight)
{
    build_old(flight, 0x0301);
}

void build_tls12(struct flight *flight)
{
    build_old(flight, 0x0303);
}

void build_record_version(struct flight *flight)
{
    struct hello_spec spec;

    flight_spec(flight, &spec, flight->name);
    spec.record_version = 0x03ff;
    flight_hello(flight, &spec);
}

/* A well-formed server_name for the other backend, as the insides of other extensions. */
void build_decoy(struct flight *flight)
{
    uint8_t list[NAME_ROOM + 4];
    const char *const names[] = {flight->other, NULL};
    struct hello_spec spec;
    size_t len = server_name_list(list + 4, NAME_ROOM, names);

    list[0] = 0;
    list[1] = 0;
    list[2] = (uint8_t)(len >> 8);
    list[3] = (uint8_t)len;
    flight_spec(flight, &spec, flight->name);
    const struct hello_extension extra[] = {{UNASSIGNED, (uint16_t)(len + 4), list},
                                            {UNASSIGNED + 1, (uint16_t)len, list + 4}};
    spec.extra = extra;
    spec.extra_count = 2;
    flight_hello(flight, &spec);
}

void build_unknown_name_type(struct flight *flight)
{
    uint8_t list[2 * NAME_ROOM];
    struct hello_spec spec;
    size_t len = 2 + server_name_entry(list + 2, 7, "?", 1);

    len += server_name_entry(list + len, 0, flight->name, strlen(flight->name));
    list[0] = (uint8_t)((len - 2) >> 8);
    list[1] = (uint8_t)(len - 2);
    flight_spec(flight, &spec, NULL);
    const struct hello_extension extra = {0, (uint16_t)len, list};
    spec.extra = &extra;
    spec.extra_count = 1;
    flight_hello(flight, &spec);
}

/* An empty handshake message (hello_request) in the hello's own record. */
void build_message_behind(struct flight *flight)
{
    struct hello_spec spec;
    struct message message;

    flight_spec(flight, &spec, flight->name);
    message_build(flight, &message, &spec);
    memset(message.bytes + message.len, 0, 4);
    flight_record(flight, HANDSHAKE, message.bytes, message.len + 4);
}

void build_unknown(struct flight *flight)
{
    flight_hello_for(flight, "unknown.invalid", 0);
}

void build_subdomain(struct flight *flight)
{
    build_around(flight, "sub.", "");
}

void build_prefix(struct flight *flight)
{
    build_around(flight, "x", "");
}

void build_suffix(struct flight *flight)
{
    build_around(flight, "", ".invalid");
}

/* 253 characters, labels of 63. */
void build_longest_name(struct flight *flight)
{
    char name[253];

    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 64 == 63 ? '.' : 'l';
    flight_hello_for(flight, name, sizeof name);
}

void build_ipv4(struct flight *flight)
{
    flight_hello_for(flight, "127.0.0.1", 0);
}

void build_ipv6(struct flight *flight)
{
    flight_hello_for(flight, "::1", 0);
}

void build_no_sni(struct flight *flight)
{
    flight_hello_for(flight, NULL, 0);
}

void build_no_extensions(struct flight *flight)
{
    struct hello_spec spec;

    flight_spec(flight, &spec, NULL);
    spec.no_extensions = true;
    spec.versions = NULL;
    spec.version_count = 0;
    spec.legacy_version = 0x0300;
    spec.record_version = 0x0300;
    spec.grease = false;
    flight_hello(flight, &spec);
}
