#ifndef CONFIG_TEXT_UTF8_H
#define CONFIG_TEXT_UTF8_H

/* UTF-8 (RFC 3629): what is well-formed, and where characters begin. Pure. */

#include <stdbool.h>
#include <stddef.h>

/*
 * The length of the well-formed character at `text`, of which `len` bytes (at least 1) may be read:
 * 1 to 4. 0: no well-formed character begins there (an overlong form, a surrogate, beyond U+10FFFF,
 * cut off, a stray byte).
 */
size_t utf8_length(const char *text, size_t len);

/* Whether the byte is the second to fourth one of a character. */
static inline bool utf8_is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Whether the character of `length` bytes is a control character: C0, U+007F, C1 (U+0080 on). */
bool utf8_is_control(const char *text, size_t length);

/* How many characters the bytes hold; those of malformed text are counted by their first bytes. */
size_t utf8_count(const char *text, size_t len);

/* The length of the byte order mark that the text begins with; 0: none. */
size_t utf8_mark_length(const char *text, size_t len);

#endif
