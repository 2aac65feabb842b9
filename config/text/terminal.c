#include "config/text/terminal.h"

#include <assert.h>
#include <string.h>

#include "config/text/utf8.h"

/* The length of a character that may be shown; 0: its first byte may not. */
static size_t shown_length(const char *text, size_t len, enum terminal_keep keep)
{
    if (keep == TERMINAL_TABS && text[0] == '\t')
        return 1;
    size_t length = utf8_length(text, len);

    if (length == 0 || utf8_is_control(text, length))
        return 0;
    return keep == TERMINAL_ASCII && length > 1 ? 0 : length;
}

void terminal_disarm(char *text, enum terminal_keep keep)
{
    size_t len = strlen(text), length;

    for (size_t i = 0; i < len; i += length) {
        length = shown_length(text + i, len - i, keep);
        if (length == 0) {
            text[i] = '?';
            length = 1;
        }
    }
}

const char *terminal_copy(const char *text, char *out, size_t size)
{
    assert(size > 0);
    snprintf(out, size, "%s", text);
    terminal_disarm(out, TERMINAL_UTF8);
    return out;
}

void terminal_put_column(FILE *to, const char *text, size_t most, size_t width)
{
    size_t len = 0;

    for (; text[len] != '\0' && len < most; len++)
        fputc(shown_length(text + len, 1, TERMINAL_ASCII) == 1 ? text[len] : '?', to);
    for (; len < width; len++)
        fputc(' ', to);
}
