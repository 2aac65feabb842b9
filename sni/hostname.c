/* Host names: one table says which bytes are legal and what their lower case is. */

#include "sni/hostname.h"

/* For inet_pton() alone, a pure function from text to bytes. */
#include <arpa/inet.h>
#include <string.h>

/* clang-format off */
static const char LOWER[256] = {
    ['-'] = '-', ['_'] = '_',
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',
    ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
    ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',
    ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
    ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g',
    ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n',
    ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',
    ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};
/* clang-format on */

size_t hostname_normalise(const uint8_t *name, size_t len, char out[HOSTNAME_MAX + 1], bool *dot)
{
    out[0] = '\0';
    bool dotted = len > 0 && name[len - 1] == '.';
    if (dot != NULL)
        *dot = dotted;
    len -= dotted;
    if (len == 0 || len > HOSTNAME_MAX)
        return 0;
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.') {
            if (label == 0) {
                out[0] = '\0';
                return 0;
            }
            out[i] = '.';
            label = 0;
            continue;
        }
        out[i] = LOWER[name[i]];
        if (out[i] == '\0' || ++label > HOSTNAME_LABEL_MAX) {
            out[0] = '\0';
            return 0;
        }
    }
    if (label == 0) {
        out[0] = '\0';
        return 0;
    }
    out[len] = '\0';
    return len;
}

/* The length without a zone ("%eth0"), which IPv6 literals of local links carry (RFC 4007, 11). */
static size_t without_zone(const char *text, size_t len)
{
    const char *percent = memchr(text, '%', len);

    if (percent == NULL || percent + 1 == text + len)
        return len;
    for (const char *at = percent + 1; at < text + len; at++) {
        if (LOWER[(unsigned char)*at] == '\0' && *at != '.')
            return len;
    }
    return (size_t)(percent - text);
}

bool hostname_is_ip(const char *text, size_t len)
{
    char literal[INET6_ADDRSTRLEN];
    struct in6_addr address;
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';

    if (bracketed) {
        text++;
        len -= 2;
    }
    if (memchr(text, ':', len) != NULL)
        len = without_zone(text, len);
    if (len == 0 || len >= sizeof literal || memchr(text, '\0', len) != NULL)
        return false;
    bool v6 = memchr(text, ':', len) != NULL;
    bool last_is_digit = text[len - 1] >= '0' && text[len - 1] <= '9';
    if (!v6 && (bracketed || !last_is_digit))
        return false;
    memcpy(literal, text, len);
    literal[len] = '\0';
    return inet_pton(v6 ? AF_INET6 : AF_INET, literal, &address) == 1;
}
