#ifndef ROUTER_JSON_WRITER_H
#define ROUTER_JSON_WRITER_H

/*
 * Writes JSON (RFC 8259) into a bounded buffer, piece by piece, without allocating.
 *
 * Commas look after themselves: a key or a value puts one before itself unless it is the first of
 * its object or array, or follows a key. What comes out is always valid UTF-8.
 *
 * With a `drain` the buffer is emptied whenever it is full, so that texts of any length can be
 * written; without one the first piece that does not fit sets `full`, nothing is added from then
 * on, and the caller throws the text away. Pure but for the drain; any thread, one at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
    char *bytes; /* the caller's; not NUL-terminated */
    size_t capacity;
    size_t length; /* bytes written so far (since the last drain) */
    bool full;     /* something did not fit: the text is incomplete */
    char last;     /* last byte written, which decides about the comma; 0 at the start */
    /* Takes `length` bytes away; NULL = bounded by the capacity. */
    void (*drain)(void *context, const char *bytes, size_t length);
    void *context; /* for drain */
};

/* Starts an empty text in the caller's buffer (at least 1 byte), without a drain. */
void json_writer_start(struct json_writer *text, char *bytes, size_t capacity);

/* Objects and arrays: '{' and '}', '[' and ']'. */
void json_writer_open(struct json_writer *text, char bracket);
void json_writer_close(struct json_writer *text, char bracket);

/* A key of the object being written; plain ASCII without anything to escape. */
void json_writer_key(struct json_writer *text, const char *key);

/*
 * A string. The bytes should be UTF-8: each byte that is not part of a well-formed sequence is
 * written as U+FFFD. Control characters are escaped.
 */
void json_writer_string(struct json_writer *text, const char *bytes, size_t length);
void json_writer_word(struct json_writer *text, const char *word); /* NUL-terminated; NULL = null */

/*
 * Arbitrary bytes as a string, without loss: printable ASCII as it is, a backslash as two, every
 * other byte as \xhh. So the byte 0x07 reads "\\x07" in the JSON and \x07 once that is decoded.
 */
void json_writer_bytes(struct json_writer *text, const uint8_t *bytes, size_t length);

void json_writer_number(struct json_writer *text, uint64_t number);
void json_writer_bool(struct json_writer *text, bool value);
void json_writer_null(struct json_writer *text);

/* Ends a line of a JSON-lines text: the next value starts afresh. */
void json_writer_end_line(struct json_writer *text);

#endif
