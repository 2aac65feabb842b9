#include "router/log/json_writer.h"

#include <assert.h>
#include <string.h>

#include "config/text/utf8.h"

static const char hex_digits[] = "0123456789abcdef";

void json_writer_start(struct json_writer *text, char *bytes, size_t capacity)
{
    assert(bytes != NULL && capacity > 0);
    *text = (struct json_writer){.bytes = bytes, .capacity = capacity};
}

static void put_drained(struct json_writer *text, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t room = text->capacity - text->length;
        size_t now = length < room ? length : room;

        memcpy(text->bytes + text->length, bytes, now);
        text->length += now;
        bytes += now;
        length -= now;
        if (text->length == text->capacity) {
            text->drain(text->context, text->bytes, text->length);
            text->length = 0;
        }
    }
}

static void put(struct json_writer *text, const char *bytes, size_t length)
{
    if (length == 0 || text->full)
        return;
    if (length <= text->capacity - text->length) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
    } else if (text->drain != NULL) {
        put_drained(text, bytes, length);
    } else {
        text->full = true;
        return;
    }
    text->last = bytes[length - 1];
}

/* A value or a key follows: after another one it takes a comma. */
static void separate(struct json_writer *text)
{
    switch (text->last) {
    case 0:
    case '{':
    case '[':
    case ':':
    case '\n':
        break;
    default:
        put(text, ",", 1);
    }
}

void json_writer_open(struct json_writer *text, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    separate(text);
    put(text, &bracket, 1);
}

void json_writer_close(struct json_writer *text, char bracket)
{
    assert(bracket == '}' || bracket == ']');
    put(text, &bracket, 1);
}

void json_writer_key(struct json_writer *text, const char *key)
{
    separate(text);
    put(text, "\"", 1);
    put(text, key, strlen(key));
    put(text, "\":", 2);
}

static void put_escaped(struct json_writer *text, uint8_t byte)
{
    static const char short_form[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char escape[6] = {'\\', (char)byte};

    if (byte == '"' || byte == '\\') {
        put(text, escape, 2);
    } else if (byte < 32 && short_form[byte] != 0) {
        escape[1] = short_form[byte];
        put(text, escape, 2);
    } else {
        memcpy(escape, "\\u00", 4);
        escape[4] = hex_digits[byte >> 4];
        escape[5] = hex_digits[byte & 15];
        put(text, escape, 6);
    }
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void json_writer_string(struct json_writer *text, const char *bytes, size_t length)
{
    const uint8_t *at = (const uint8_t *)bytes;
    size_t i = 0;

    separate(text);
    put(text, "\"", 1);
    while (i < length) {
        size_t run = i, sequence;

        while (run < length && is_plain(at[run]))
            run++;
        put(text, bytes + i, run - i);
        if (run == length)
            break;
        i = run;
        sequence = utf8_length(bytes + i, length - i);
        if (sequence == 1)
            put_escaped(text, at[i]);
        else if (sequence > 1)
            put(text, bytes + i, sequence);
        else
            put(text, "\\ufffd", 6);
        i += sequence > 0 ? sequence : 1;
    }
    put(text, "\"", 1);
}

void json_writer_word(struct json_writer *text, const char *word)
{
    if (word == NULL)
        json_writer_null(text);
    else
        json_writer_string(text, word, strlen(word));
}

void json_writer_bytes(struct json_writer *text, const uint8_t *bytes, size_t length)
{
    separate(text);
    put(text, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = bytes[i];
        char escape[5] = {'\\', '\\', 'x', hex_digits[byte >> 4], hex_digits[byte & 15]};

        if (byte == '\\')
            put(text, "\\\\\\\\", 4);
        else if (byte == '"')
            put(text, "\\\"", 2);
        else if (is_plain(byte))
            put(text, (const char *)&bytes[i], 1);
        else
            put(text, escape, sizeof escape);
    }
    put(text, "\"", 1);
}

void json_writer_number(struct json_writer *text, uint64_t number)
{
    char digits[20]; /* UINT64_MAX has 20 */
    size_t at = sizeof digits;

    separate(text);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(text, digits + at, sizeof digits - at);
}

void json_writer_bool(struct json_writer *text, bool value)
{
    separate(text);
    if (value)
        put(text, "true", 4);
    else
        put(text, "false", 5);
}

void json_writer_null(struct json_writer *text)
{
    separate(text);
    put(text, "null", 4);
}

void json_writer_end_line(struct json_writer *text)
{
    put(text, "\n", 1);
}
