#include "test/support/hex.h"

#include <assert.h>
#include <string.h>

static unsigned digit_value(char digit)
{
    static const char DIGITS[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(DIGITS, digit);

    assert(found != NULL);
    return (unsigned)(found - DIGITS);
}

size_t hex_decode(const char *text, uint8_t *out, size_t cap)
{
    size_t len = 0;

    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        assert(len < cap);
        out[len++] = (uint8_t)(digit_value(text[0]) << 4 | digit_value(text[1]));
        text += 2;
    }
    return len;
}
