#include "sni/looks.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* How something begins. */
struct beginning {
    enum looks looks;
    uint8_t len;
    bool any_case; /* of letters */
    const char *bytes;
};

#define BEGINS(looks, any_case, text)                                                              \
    {                                                                                              \
        LOOKS_##looks, sizeof(text) - 1, any_case, text                                            \
    }

/* None is the beginning of another one: more bytes change no answer. */
static const struct beginning beginnings[] = {
    BEGINS(HTTP, false, "GET "),
    BEGINS(HTTP, false, "POST "),
    BEGINS(HTTP, false, "HEAD "),
    BEGINS(HTTP, false, "PUT "),
    BEGINS(HTTP, false, "DELETE "),
    BEGINS(HTTP, false, "CONNECT "),
    BEGINS(HTTP, false, "OPTIONS "),
    BEGINS(HTTP, false, "TRACE "),
    BEGINS(HTTP, false, "PATCH "),
    BEGINS(HTTP, false, "PROPFIND "), /* WebDAV */
    BEGINS(HTTP, false, "REPORT "),   /* WebDAV: calendars */
    BEGINS(HTTP, false, "PRI "),      /* RFC 9113, section 3.4 */
    BEGINS(PROXY_V1, false, "PROXY "),
    BEGINS(PROXY_V2, false, "\r\n\r\n\0\r\nQUIT\n"),
    BEGINS(SSH, false, "SSH-"),                         /* RFC 4253, section 4.2 */
    BEGINS(POSTGRES, false, "\0\0\0\x08\x04\xd2\x16/"), /* SSLRequest */
    BEGINS(POSTGRES, false,
           "\0\0\0\x08\x04\xd2\x16"
           "0"),                 /* GSSENCRequest */
    BEGINS(SMTP, true, "EHLO "), /* RFC 5321, section 4.1.1.1 */
    BEGINS(SMTP, true, "HELO "),
};

static uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 'a' + 'A') : byte;
}

static bool begins_with(const struct beginning *beginning, const uint8_t *bytes, size_t len)
{
    if (len < beginning->len)
        return false;
    if (!beginning->any_case)
        return memcmp(bytes, beginning->bytes, beginning->len) == 0;
    for (size_t i = 0; i < beginning->len; i++) {
        if (upper(bytes[i]) != (uint8_t)beginning->bytes[i])
            return false;
    }
    return true;
}

enum looks looks_of(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        if (begins_with(&beginnings[i], bytes, len))
            return beginnings[i].looks;
    }
    return LOOKS_UNKNOWN;
}

const char *looks_word(enum looks looks)
{
#define LOOKS_WORD(kind, text, told_by) text,
    static const char *const words[] = {LOOKS_TABLE(LOOKS_WORD)};
#undef LOOKS_WORD

    assert(looks < LOOKS_KINDS);
    return words[looks];
}
