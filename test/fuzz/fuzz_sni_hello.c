/*
 * hello_parse() with any bytes. What must hold, besides that it never reads too far: a beginning of
 * the bytes is judged like all of them or wants more; `need` tells the truth; and a legal hello cut
 * into other records says the same. Where to cut is taken from the input's last bytes.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sni/build.h"
#include "sni/hello.h"

#define CUTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t choices_of(const uint8_t *data, size_t size)
{
    uint64_t choices = 0;

    memcpy(&choices, data + size - (size < sizeof choices ? size : sizeof choices),
           size < sizeof choices ? size : sizeof choices);
    return choices;
}

/* Its own allocation of just this size, so that the sanitizer sees the first byte read too far. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static void check_facts(const struct client_hello *hello)
{
    char again[HOSTNAME_MAX + 1];

    assert(hello->why == NULL);
    assert(strlen(hello->host) == hello->host_len);
    assert((hello->name == HELLO_NAME_NONE) == (hello->host_len == 0));
    if (hello->name == HELLO_NAME_HOST) {
        const uint8_t *host = (const uint8_t *)hello->host;
        assert(hostname_normalise(host, hello->host_len, again, NULL) == hello->host_len);
        assert(strcmp(again, hello->host) == 0);
    }
    assert((hello->name == HELLO_NAME_IP) == hostname_is_ip(hello->host, hello->host_len));
    assert(hello->wire_bytes == hello->handshake_bytes + 4 + 5 * (size_t)hello->records);
}

/* Both ALPN lists, name by name; the same pointer twice walks one list to its end. */
static void check_same_alpn(const struct client_hello *one, const struct client_hello *other)
{
    struct hello_alpn one_at = {0};
    struct hello_alpn other_at = {0};
    uint8_t one_name[255];
    uint8_t other_name[255];
    uint8_t one_len = 0;
    uint8_t other_len = 0;

    while (hello_alpn_next(one, &one_at, one_name, &one_len)) {
        bool more = hello_alpn_next(other, &other_at, other_name, &other_len);
        assert(more && one_len == other_len && memcmp(one_name, other_name, one_len) == 0);
    }
    assert(!hello_alpn_next(other, &other_at, other_name, &other_len));
}

static void check_prefix(const uint8_t *data, size_t prefix, enum hello_result whole,
                         size_t wire_bytes)
{
    struct client_hello hello;
    uint8_t *copy = copy_of(data, prefix);
    enum hello_result result = hello_parse(copy, prefix, HELLO_LIMIT_DEFAULT, &hello);

    assert(result == HELLO_MORE || result == whole);
    if (result == HELLO_MORE) {
        assert(hello.need > prefix);
        assert(whole != HELLO_OK || (prefix < wire_bytes && hello.need <= wire_bytes));
    }
    free(copy);
}

static size_t unwrap(const uint8_t *wire, size_t wire_bytes, uint8_t *message)
{
    size_t got = 0;

    for (size_t at = 0; at < wire_bytes;) {
        size_t payload = (size_t)wire[at + 3] << 8 | wire[at + 4];
        at += 5;
        payload = payload < wire_bytes - at ? payload : wire_bytes - at;
        memcpy(message + got, wire + at, payload);
        got += payload;
        at += payload;
    }
    return got;
}

static void check_recut(const uint8_t *data, const struct client_hello *hello, uint64_t choices)
{
    size_t cuts[CUTS];

    for (size_t i = 0; i < CUTS; i++) {
        choices = choices * 6364136223846793005u + 1442695040888963407u;
        unsigned bits = (unsigned)(choices >> 60);
        cuts[i] = 1 + ((choices >> 32) & ((1u << bits) - 1)) % 16384;
    }
    size_t len = (size_t)hello->handshake_bytes + 4;
    uint8_t *message = malloc(len);
    uint8_t *wire = malloc(6 * len);
    assert(message != NULL && wire != NULL);
    size_t got = unwrap(data, hello->wire_bytes, message);
    assert(got == len);
    size_t wire_len = hello_wrap_records(message, len, 0x0303, cuts, CUTS, wire, 6 * len);
    assert(wire_len > 0);
    uint8_t *exact = copy_of(wire, wire_len);
    struct client_hello other;
    enum hello_result result = hello_parse(exact, wire_len, HELLO_LIMIT_DEFAULT, &other);
    assert(result == HELLO_OK);
    assert(other.name == hello->name && strcmp(other.host, hello->host) == 0);
    assert(other.highest_version == hello->highest_version && other.ech == hello->ech);
    assert(other.alpn_bytes == hello->alpn_bytes && other.wire_bytes == wire_len);
    check_facts(&other);
    check_same_alpn(hello, &other);
    free(exact);
    free(wire);
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_hello hello;
    uint64_t choices = choices_of(data, size);
    enum hello_result result = hello_parse(data, size, HELLO_LIMIT_DEFAULT, &hello);

    check_prefix(data, size, result, hello.wire_bytes);
    check_prefix(data, (size_t)(choices % (size + 1)), result, hello.wire_bytes);
    if (result == HELLO_OK) {
        check_facts(&hello);
        check_recut(data, &hello, choices);
    }
    return 0;
}
