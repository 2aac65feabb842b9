/* Text from outside on its way into the page. Names, labels and results may be anybody's. */

#include "bench/report.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the UTF-8 sequence at `text` (RFC 3629), 0 when it is none. Ends with a NUL. */
static size_t sequence(const unsigned char *text)
{
    size_t len = text[0] < 0x80                      ? 1
                 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                 : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                 : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                     : 0;

    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, beyond the last code point. */
    bool wrong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0) ||
                 (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90);
    return wrong ? 0 : len;
}

/* HTML allows no control characters but white space, written as entities or not. */
static bool is_control(const unsigned char *text, size_t len)
{
    bool low = text[0] < 0x20 && text[0] != '\n' && text[0] != '\t';
    bool high = len == 2 && text[0] == 0xc2 && text[1] < 0xa0;

    return low || text[0] == 0x7f || high;
}

static const char *entity(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void report_put_text(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        size_t len = sequence(at);
        const char *written = entity(*at);
        if (len == 0 || is_control(at, len))
            fputs(REPLACEMENT, out);
        else if (written != NULL)
            fputs(written, out);
        else
            fwrite(at, 1, len, out);
        at += len == 0 ? 1 : len;
    }
}

void report_put_json(FILE *out, const char *json)
{
    const unsigned char *at = (const unsigned char *)json;

    while (*at != '\0') {
        size_t len = sequence(at);
        /* These stand only inside of JSON's strings, where \u means the same. */
        if (*at == '<' || *at == '>' || *at == '&')
            fprintf(out, "\\u%04x", (unsigned)*at);
        else if (len == 0 || (is_control(at, len) && *at != '\r'))
            fputs(REPLACEMENT, out);
        else
            fwrite(at, 1, len, out);
        at += len == 0 ? 1 : len;
    }
}

void report_put_markdown(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f)
            fputc(' ', out);
        else if (byte == '<' || byte == '&' || byte == '>')
            fputs(byte == '<' ? "&lt;" : byte == '&' ? "&amp;" : "&gt;", out);
        else if (strchr("|\\`*_[]#!~", byte) != NULL)
            fprintf(out, "\\%c", byte);
        else
            fputc(byte, out);
    }
}
