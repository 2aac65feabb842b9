/* Text from outside on its way into the page. Names, labels and results may come from strangers. */

#include "bench/report.h"

#include <string.h>

#include "config/text/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* HTML allows no control characters but white space, written as entities or not. */
static bool is_forbidden(const char *text, size_t length)
{
    return utf8_is_control(text, length) && text[0] != '\n' && text[0] != '\t';
}

static const char *entity(char byte)
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
    const char *end = text + strlen(text);

    while (text < end) {
        size_t length = utf8_length(text, (size_t)(end - text));
        const char *written = entity(*text);

        if (length == 0 || is_forbidden(text, length))
            fputs(REPLACEMENT, out);
        else if (written != NULL)
            fputs(written, out);
        else
            fwrite(text, 1, length, out);
        text += length == 0 ? 1 : length;
    }
}

void report_put_json(FILE *out, const char *json)
{
    const char *end = json + strlen(json);

    while (json < end) {
        size_t length = utf8_length(json, (size_t)(end - json));

        /* These characters occur in JSON only inside strings, where \u means the same. */
        if (*json == '<' || *json == '>' || *json == '&')
            fprintf(out, "\\u%04x", (unsigned)*json);
        else if (length == 0 || (is_forbidden(json, length) && *json != '\r'))
            fputs(REPLACEMENT, out);
        else
            fwrite(json, 1, length, out);
        json += length == 0 ? 1 : length;
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
