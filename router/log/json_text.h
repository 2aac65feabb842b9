#ifndef ROUTER_JSON_TEXT_H
#define ROUTER_JSON_TEXT_H

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

struct json_text {
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
void json_text_start(struct json_text *text, char *bytes, size_t capacity);

/* Objects and arrays: '{' and '}', '[' and ']'. */
void json_text_open(struct json_text *text, char bracket);
void json_text_close(struct json_text *text, char bracket);

/* A key of the object being written; plain ASCII without anything to escape. */
void json_text_key(struct json_text *text, const char *key);

/*
 * A string. The bytes should be UTF-8: each byte that is not part of a well-formed sequence is
 * written as U+FFFD. Control characters are escaped.
 */
void json_text_string(struct json_text *text, const char *bytes, size_t length);
void json_text_word(struct json_text *text, const char *word); /* NUL-terminated; NULL = null */

/*
 * Arbitrary bytes as a string, without loss: printable ASCII as it is, a backslash as two, every
 * other byte as \xhh. So the byte 0x07 reads "\\x07" in the JSON and \x07 once that is decoded.
 */
void json_text_bytes(struct json_text *text, const uint8_t *bytes, size_t length);

void json_text_number(struct json_text *text, uint64_t number);
void json_text_bool(struct json_text *text, bool value);
void json_text_null(struct json_text *text);

/* Ends a line of a JSON-lines text: the next value starts afresh. */
void json_text_end_line(struct json_text *text);

#endif
