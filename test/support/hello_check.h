#ifndef SUPPORT_HELLO_CHECK_H
#define SUPPORT_HELLO_CHECK_H

/*
 * What must hold for every input of hello_parse(), however its bytes arrive. Each check fails the
 * running cmocka test. `what` names the input in the message.
 */

#include <stddef.h>
#include <stdint.h>

#include "sni/hello.h"

/* The message inside the records that begin the bytes; as much of it as they hold. */
size_t hello_unwrap(const uint8_t *wire, size_t len, uint8_t *message, size_t cap);

/*
 * Every beginning of the bytes, flush against an unreadable page, gives HELLO_MORE or `expected`;
 * `need` is above what is there and, for a legal hello, never above what it takes on the wire.
 */
void hello_check_prefixes(const char *what, const uint8_t *wire, size_t len,
                          enum hello_result expected);

/*
 * The bytes are one handshake message in records. Cut into records anew, in two at every byte, in
 * one-byte records, at random: it is judged as before and says the same.
 */
void hello_check_recuts(const char *what, const uint8_t *wire, size_t len);

/* The ALPN names, joined with commas, NUL-terminated. Asserts that they fit. */
void hello_join_alpn(const struct client_hello *hello, char *out, size_t cap);

#endif
