#include "config/text/utf8.h"

#include <assert.h>
#include <string.h>

/* The length that the first byte announces; 0: it cannot be the first byte of a character. */
static size_t announced_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2) /* a continuation, or an overlong form of one byte */
        return 0;
    if (first < 0xe0)
        return 2;
    if (first < 0xf0)
        return 3;
    return first <= 0xf4 ? 4 : 0;
}

size_t utf8_length(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;

    assert(len > 0);
    unsigned char first = bytes[0];
    size_t length = announced_length(first);

    if (length == 0 || length > len)
        return 0;
    if (length == 1)
        return 1;
    /* Bounds of the second byte: RFC 3629 section 4. */
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (!utf8_is_continuation(text[i]))
            return 0;
    }
    return length;
}

bool utf8_is_control(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;

    assert(length >= 1 && length <= 4);
    if (length == 1)
        return bytes[0] < 0x20 || bytes[0] == 0x7f;
    return length == 2 && bytes[0] == 0xc2 && bytes[1] <= 0x9f;
}

size_t utf8_count(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += !utf8_is_continuation(text[i]);
    return count;
}

size_t utf8_mark_length(const char *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}
