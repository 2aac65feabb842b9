#ifndef BENCH_TORTURE_FLIGHT_H
#define BENCH_TORTURE_FLIGHT_H

/* Functions that build the flights of the catalogue. */

#include "bench/torture.h"
#include "sni/build.h"

/* Room for one handshake message. */
#define FLIGHT_MESSAGE_BYTES (128u * 1024)

/* A handshake message before it is wrapped. */
struct message {
    uint8_t bytes[FLIGHT_MESSAGE_BYTES];
    size_t len;
};

/* A hello for `host` without post-quantum share and ECH, about 500 bytes: the base of most cases.
 */
void flight_spec(const struct flight *flight, struct hello_spec *spec, const char *host);

/* Appends bytes as they are. */
void flight_bytes(struct flight *flight, const void *bytes, size_t len);
/* Appends a hello in as few records as possible. */
void flight_hello(struct flight *flight, const struct hello_spec *spec);
/* Appends the usual hello for a name; `len` 0 = strlen. */
void flight_hello_for(struct flight *flight, const char *host, size_t len);
/* Appends one record of any type. */
void flight_record(struct flight *flight, uint8_t type, const void *payload, size_t len);
/* Appends a message cut into records of these lengths, the last one repeated. */
void flight_records(struct flight *flight, const struct message *message, const size_t *cuts,
                    size_t count);

void message_build(struct flight *flight, struct message *message, const struct hello_spec *spec);
/* Adds to the big-endian number of `width` bytes at `at`; it may overflow. */
void message_add(struct message *message, size_t at, unsigned width, int delta);
/* Where things lie in a message that was built here. */
size_t message_ciphers_at(const struct message *message);    /* length of the cipher suites */
size_t message_extensions_at(const struct message *message); /* length of the extensions */
/* The extension's type field; asserts that it is there. */
size_t message_find(const struct message *message, uint16_t type);

/* The insides of a server_name extension: one entry per name, NULL at the end. */
size_t server_name_list(uint8_t *out, size_t cap, const char *const *names);
/* One server_name entry at `out`; returns its length. */
size_t server_name_entry(uint8_t *out, uint8_t type, const char *name, size_t len);

/* Builders of the catalogue. */
void build_plain(struct flight *flight);
void build_other(struct flight *flight);
void build_post_quantum(struct flight *flight);
void build_small(struct flight *flight);
void build_one_byte_records(struct flight *flight);
void build_cut_in_name(struct flight *flight);
void build_cut_in_header(struct flight *flight);
void build_name_in_second_record(struct flight *flight);
void build_name_last(struct flight *flight);
void build_grease_ech(struct flight *flight);
void build_early_data(struct flight *flight);
void build_ticket_16k(struct flight *flight);
void build_ticket_60k(struct flight *flight);
void build_bytes_behind(struct flight *flight);
void build_many_extensions(struct flight *flight);
void build_upper_case(struct flight *flight);
void build_trailing_dot(struct flight *flight);
void build_tls10(struct flight *flight);
void build_tls12(struct flight *flight);
void build_record_version(struct flight *flight);
void build_decoy(struct flight *flight);
void build_unknown_name_type(struct flight *flight);
void build_message_behind(struct flight *flight);

void build_unknown(struct flight *flight);
void build_subdomain(struct flight *flight);
void build_prefix(struct flight *flight);
void build_suffix(struct flight *flight);
void build_longest_name(struct flight *flight);
void build_ipv4(struct flight *flight);
void build_ipv6(struct flight *flight);
void build_no_sni(struct flight *flight);
void build_no_extensions(struct flight *flight);

void build_two_names(struct flight *flight);
void build_two_server_names(struct flight *flight);
void build_two_extensions(struct flight *flight);
void build_empty_name(struct flight *flight);
void build_empty_list(struct flight *flight);
void build_empty_server_name(struct flight *flight);
void build_nul(struct flight *flight);
void build_line_break(struct flight *flight);
void build_wildcard(struct flight *flight);
void build_long_label(struct flight *flight);
void build_long_name(struct flight *flight);
void build_double_dot(struct flight *flight);
void build_name_too_long(struct flight *flight);
void build_list_too_long(struct flight *flight);
void build_list_too_short(struct flight *flight);
void build_extension_too_long(struct flight *flight);
void build_extensions_too_long(struct flight *flight);
void build_extensions_too_short(struct flight *flight);
void build_session_id(struct flight *flight);
void build_odd_ciphers(struct flight *flight);
void build_interleaved_alert(struct flight *flight);
void build_empty_record(struct flight *flight);
void build_large_record(struct flight *flight);
void build_announced_16m(struct flight *flight);
void build_server_hello(struct flight *flight);
void build_alert_first(struct flight *flight);
void build_application_data(struct flight *flight);
void build_sslv2(struct flight *flight);
void build_http(struct flight *flight);
void build_ssh(struct flight *flight);
void build_postgres(struct flight *flight);
void build_proxy_header(struct flight *flight);
void build_zeros(struct flight *flight);
void build_nothing(struct flight *flight);

#endif
