#include "config/json_token.h"

#include <assert.h>
#include <string.h>

#include "config/text/utf8.h"

size_t json_token_space(const char *text, size_t len, size_t at)
{
    while (at < len &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
        at++;
    return at;
}

/* --- characters beyond ASCII --- */

/* The character's number; 0: it is ASCII, or no character. */
static uint32_t code_point(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] < 0x80 ? 0 : utf8_length(text, len);
    uint32_t point = length == 0 ? 0 : bytes[0] & (0x7fu >> length);

    for (size_t i = 1; i < length; i++)
        point = point << 6 | (bytes[i] & 0x3f);
    return point;
}

static bool point_in(const uint32_t *points, size_t count, uint32_t point)
{
    for (size_t i = 0; i < count; i++) {
        if (points[i] == point)
            return true;
    }
    return false;
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Quotation marks that word processors put in the place of " and '. */
static bool is_quote(uint32_t point)
{
    static const uint32_t quotes[] = {0xab,   0xbb,   0x2018, 0x2019, 0x201a, 0x201b,
                                      0x201c, 0x201d, 0x201e, 0x201f, 0x2032, 0x2033,
                                      0x2039, 0x203a, 0x300c, 0x300d, 0xff02, 0xff07};

    return point_in(quotes, COUNT_OF(quotes), point);
}

static bool is_other_space(uint32_t point)
{
    static const uint32_t spaces[] = {0x85, 0xa0, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff};

    return point_in(spaces, COUNT_OF(spaces), point) || (point >= 0x2000 && point <= 0x200d);
}

#define QUOTE_NOT_TYPOGRAPHIC "these are typographic quotes: use the plain \""

/* --- strings (RFC 8259 section 7) --- */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The four digits of \uXXXX at `at`; -1 when they are not four hexadecimal digits. */
static long hex_unit(const char *text, size_t len, size_t at)
{
    long unit = 0;

    for (size_t i = at; i < at + 4; i++) {
        int digit = i < len ? hex_value(text[i]) : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(long unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(long unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* `at` is at the backslash of "\u". */
static size_t unicode_escape(struct finding_log *findings, size_t at)
{
    const char *text = findings->text;
    long unit = hex_unit(text, findings->len, at + 2);

    if (unit < 0) {
        finding_error(findings, at, "\\u takes four hexadecimal digits");
        return 0;
    }
    if (unit == 0) {
        finding_error(findings, at, "\\u0000 is not allowed: no text here may hold a NUL");
        return 0;
    }
    if (!is_high_surrogate(unit) && !is_low_surrogate(unit))
        return at + 6;
    bool pair = is_high_surrogate(unit) && findings->len - at >= 12 && text[at + 6] == '\\' &&
                text[at + 7] == 'u' && is_low_surrogate(hex_unit(text, findings->len, at + 8));
    if (!pair) {
        finding_error(findings, at, "half of a surrogate pair: it stands for no character");
        return 0;
    }
    return at + 12;
}

static size_t escape(struct finding_log *findings, size_t at)
{
    char letter = '\0';

    if (at + 1 < findings->len)
        letter = findings->text[at + 1];
    if (letter == 'u')
        return unicode_escape(findings, at);
    if (letter != '\0' && strchr("\"\\/bfnrt", letter) != NULL)
        return at + 2;
    finding_error(findings, at,
                  "unknown escape: a backslash is written \\\\ (JSON has \\\" \\\\ \\/ \\b \\f "
                  "\\n \\r \\t \\uXXXX)");
    return 0;
}

/* Whether a quotation mark of typography stands in the rest of the line. */
static bool line_has_quote(const struct finding_log *findings, size_t at)
{
    for (; at < findings->len && findings->text[at] != '\n'; at++) {
        if (is_quote(code_point(findings->text + at, findings->len - at)))
            return true;
    }
    return false;
}

static size_t control_in_string(struct finding_log *findings, size_t start, size_t at)
{
    unsigned char byte = (unsigned char)findings->text[at];

    if ((byte == '\n' || byte == '\r') && line_has_quote(findings, start))
        finding_error(findings, start,
                      "this string is not closed on its line: " QUOTE_NOT_TYPOGRAPHIC);
    else if (byte == '\n' || byte == '\r')
        finding_error(findings, start, "this string is not closed on its line");
    else if (byte == '\t')
        finding_error(findings, at, "a tab inside a string is written \\t");
    else if (byte == '\0')
        finding_error(findings, at, "a NUL byte inside a string");
    else
        finding_error(findings, at, "control character 0x%02x inside a string (write \\u%04x)",
                      byte, byte);
    return 0;
}

size_t json_token_string(struct finding_log *findings, size_t at, bool *escaped)
{
    const char *text = findings->text;
    size_t start = at;

    assert(text[start] == '"');
    *escaped = false;
    for (at++; at < findings->len;) {
        unsigned char byte = (unsigned char)text[at];
        if (byte == '"')
            return at + 1;
        if (byte < 0x20)
            return control_in_string(findings, start, at);
        if (byte == '\\') {
            *escaped = true;
            at = escape(findings, at);
            if (at == 0)
                return 0;
        } else if (byte < 0x80) {
            at++;
        } else {
            size_t length = utf8_length(text + at, findings->len - at);
            if (length == 0) {
                finding_error(findings, at, "byte 0x%02x is not UTF-8 text", byte);
                return 0;
            }
            at += length;
        }
    }
    finding_error(findings, start, "this string is never closed");
    return 0;
}

/* --- the meaning of strings, for duplicate keys --- */

/* Reads one character of a checked string as its code point; 0 at the closing quote. */
static long string_next(const char *text, size_t *at)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const unsigned char *bytes = (const unsigned char *)text + *at;

    if (bytes[0] == '"')
        return 0;
    if (bytes[0] == '\\' && bytes[1] == 'u') {
        long unit = hex_unit(text, SIZE_MAX, *at + 2);
        *at += 6;
        if (is_high_surrogate(unit)) {
            unit = 0x10000 + (unit - 0xd800) * 0x400 + hex_unit(text, SIZE_MAX, *at + 2) - 0xdc00;
            *at += 6;
        }
        return unit;
    }
    if (bytes[0] == '\\') {
        const char *letter = strchr(letters, bytes[1]);
        *at += 2;
        return letter != NULL ? meanings[letter - letters] : bytes[1];
    }
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    long point = length == 1 ? bytes[0] : bytes[0] & (0x7f >> length);
    for (size_t i = 1; i < length; i++)
        point = point * 64 + (bytes[i] & 0x3f);
    *at += length;
    return point;
}

int json_token_compare(const char *text, size_t left, size_t right)
{
    assert(text[left] == '"' && text[right] == '"');
    for (left++, right++;;) {
        long a = string_next(text, &left), b = string_next(text, &right);
        if (a != b)
            return a < b ? -1 : 1;
        if (a == 0)
            return 0;
    }
}

/* --- numbers (RFC 8259 section 6) --- */

static size_t skip_digits(const struct finding_log *findings, size_t at)
{
    while (at < findings->len && findings->text[at] >= '0' && findings->text[at] <= '9')
        at++;
    return at;
}

/* At least one digit; 0 = there is none, which is reported. */
static size_t some_digits(struct finding_log *findings, size_t at, const char *where)
{
    size_t end = skip_digits(findings, at);

    if (end > at)
        return end;
    finding_error(findings, at, "a digit must follow %s", where);
    return 0;
}

static char byte_at(const struct finding_log *findings, size_t at)
{
    return at < findings->len ? findings->text[at] : '\0';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

#define BARE_SHOWN ((size_t)80)

/* The length of what would be one word if it had quotes, as far as it is shown. */
static size_t bare_length(const struct finding_log *findings, size_t at)
{
    size_t end = at;

    while (
        end < findings->len && end - at < BARE_SHOWN &&
        (is_letter(findings->text[end]) ||
         (findings->text[end] != '\0' && strchr("0123456789.-:/*[", findings->text[end]) != NULL)))
        end++;
    while (end > at + 1 && (findings->text[end - 1] == ':' || findings->text[end - 1] == '['))
        end--;
    return end - at;
}

/* The same of a key: a ":" ends it. */
static size_t key_length(const struct finding_log *findings, size_t at)
{
    const char *colon = memchr(findings->text + at, ':', bare_length(findings, at));

    return colon != NULL ? (size_t)(colon - findings->text) - at : bare_length(findings, at);
}

size_t json_token_number(struct finding_log *findings, size_t at)
{
    size_t start = at;

    if (byte_at(findings, at) == '-')
        at++;
    size_t integer = at;
    at = some_digits(findings, at, "the minus sign");
    if (at == 0)
        return 0;
    if (findings->text[integer] == '0' && at > integer + 1) {
        finding_error(findings, start, "a number may not begin with 0 (text takes double quotes)");
        return 0;
    }
    if (byte_at(findings, at) == '.') {
        at = some_digits(findings, at + 1, "the decimal point");
        if (at == 0)
            return 0;
    }
    if (byte_at(findings, at) == 'e' || byte_at(findings, at) == 'E') {
        at++;
        if (byte_at(findings, at) == '+' || byte_at(findings, at) == '-')
            at++;
        at = some_digits(findings, at, "the exponent's sign or letter");
        if (at == 0)
            return 0;
    }
    if (is_letter(byte_at(findings, at)) || byte_at(findings, at) == '.') {
        finding_error(findings, at,
                      "\"%c\" may not follow a number: write \"%.*s\" (text takes double quotes)",
                      findings->text[at], (int)bare_length(findings, start),
                      findings->text + start);
        return 0;
    }
    if (at - start > JSON_NUMBER_MAX) {
        finding_error(findings, start, "a number of more than %d characters", JSON_NUMBER_MAX);
        return 0;
    }
    return at;
}

/* --- literals, and what is none --- */

size_t json_token_literal(struct finding_log *findings, size_t at)
{
    static const char *const literals[] = {"true", "false", "null"};
    size_t end = at;

    while (end < findings->len && is_letter(findings->text[end]))
        end++;
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        size_t len = strlen(literals[i]);
        if (end - at != len)
            continue;
        if (memcmp(findings->text + at, literals[i], len) == 0)
            return end;
        if (strncasecmp(findings->text + at, literals[i], len) == 0) {
            finding_error(findings, at, "this word is written \"%s\" in lower case, without quotes",
                          literals[i]);
            return 0;
        }
    }
    finding_error(findings, at, "text takes double quotes: write \"%.*s\"",
                  (int)bare_length(findings, at), findings->text + at);
    return 0;
}

static bool is_template(const struct finding_log *findings, size_t at)
{
    char byte = findings->text[at], next = byte_at(findings, at + 1);

    return (byte == '{' && (next == '{' || next == '%')) || (byte == '$' && next == '{') ||
           (byte == '<' && next == '%');
}

bool json_token_known(struct finding_log *findings, size_t at)
{
    char byte = findings->text[at];
    uint32_t point = code_point(findings->text + at, findings->len - at);

    if (byte == '\'')
        finding_error(findings, at, "text takes double quotes, not single ones");
    else if (byte == '/' || byte == '#')
        finding_error(findings, at, "JSON has no comments (a \"$comment\" key may hold a note)");
    else if (is_template(findings, at))
        finding_error(
            findings, at,
            "this is a template that was not filled in: give the file that is made of it");
    else if ((byte == '<' || byte == '>' || byte == '=') && byte_at(findings, at + 1) == byte)
        finding_error(findings, at, "a merge conflict is not resolved here");
    else if (is_quote(point))
        finding_error(findings, at, QUOTE_NOT_TYPOGRAPHIC);
    else if (is_other_space(point))
        finding_error(findings, at, "U+%04X is no white space of JSON: write a plain space", point);
    else if (byte == '=')
        finding_error(findings, at, "JSON has no \"=\": a \":\" follows a key");
    else if (byte == '`')
        finding_error(findings, at,
                      "a \"`\" is of Markdown or a shell: remove the lines around the JSON");
    else if (byte == ';')
        finding_error(findings, at, "JSON has no \";\": a comma separates values");
    else if (byte == '.' && byte_at(findings, at + 1) == '.')
        finding_error(findings, at,
                      "something was left out here: write it out, or remove the dots");
    else
        return false;
    return true;
}

void json_token_stray(struct finding_log *findings, size_t at)
{
    unsigned char byte = (unsigned char)findings->text[at];
    uint32_t point = code_point(findings->text + at, findings->len - at);

    if (json_token_known(findings, at))
        return;
    if (byte == '+' || byte == '.')
        finding_error(findings, at, "a number begins with a digit or a minus sign");
    else if (byte > 0x20 && byte < 0x7f)
        finding_error(findings, at, "expected a value, found %c", byte);
    else if (point > 0)
        finding_error(findings, at, "expected a value, found U+%04X", point);
    else
        finding_error(findings, at, "expected a value, found the byte 0x%02x", byte);
}

void json_token_no_key(struct finding_log *findings, size_t at)
{
    if (json_token_known(findings, at))
        return;
    if (findings->text[at] == '{' && at > 0 && findings->text[at - 1] == '{')
        finding_error(
            findings, at - 1,
            "this is a template that was not filled in: give the file that is made of it");
    else if (is_letter(findings->text[at]))
        finding_error(findings, at, "a key takes double quotes: write \"%.*s\"",
                      (int)key_length(findings, at), findings->text + at);
    else
        finding_error(findings, at, "expected a key in double quotes");
}
