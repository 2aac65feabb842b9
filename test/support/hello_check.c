#include "test/support/hello_check.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sni/build.h"
#include "test/support/guard_page.h"

#define MESSAGE_CAP    (HELLO_LIMIT_DEFAULT + 1024)
#define RANDOM_ROUNDS  40
#define RANDOM_CUTS    64
#define EVERY_CUT_MAX  4096u /* longer messages are cut in two only here and there */
#define CUT_STRIDE     997u
#define ONE_BYTE_DRIPS 512u /* one-byte records are also dripped, up to so long a message */

size_t hello_unwrap(const uint8_t *wire, size_t len, uint8_t *message, size_t cap)
{
    size_t got = 0;
    size_t at = 0;

    while (at + 5 < len) {
        size_t payload = (size_t)wire[at + 3] << 8 | wire[at + 4];
        at += 5;
        size_t here = payload < len - at ? payload : len - at;
        assert(here <= cap - got);
        memcpy(message + got, wire + at, here);
        got += here;
        at += here;
    }
    return got;
}

void hello_join_alpn(const struct client_hello *hello, char *out, size_t cap)
{
    struct hello_alpn position = {0};
    uint8_t name[255];
    uint8_t name_len;
    size_t len = 0;

    while (hello_alpn_next(hello, &position, name, &name_len)) {
        assert(len + name_len + 2 <= cap);
        if (len > 0)
            out[len++] = ',';
        memcpy(out + len, name, name_len);
        len += name_len;
    }
    out[len] = '\0';
}

static void check_need(const char *what, size_t prefix, const struct client_hello *hello,
                       enum hello_result expected, size_t wire_bytes)
{
    if (hello->need <= prefix)
        fail_msg("%s: at %zu bytes it needs %zu, which are there", what, prefix, hello->need);
    if (expected == HELLO_OK && hello->need > wire_bytes)
        fail_msg("%s: at %zu bytes it needs %zu, but takes %zu", what, prefix, hello->need,
                 wire_bytes);
}

static void check_prefix(const char *what, struct guard_page *guard, const uint8_t *wire,
                         size_t prefix, enum hello_result expected, size_t wire_bytes)
{
    struct client_hello hello;
    const uint8_t *bytes = guard_page_place(guard, wire, prefix);
    enum hello_result result = hello_parse(bytes, prefix, HELLO_LIMIT_DEFAULT, &hello);

    if (result == HELLO_MORE)
        check_need(what, prefix, &hello, expected, wire_bytes);
    else if (result != expected)
        fail_msg("%s: the first %zu bytes are %s, all are %s", what, prefix,
                 hello_result_word(result), hello_result_word(expected));
    bool whole = prefix >= wire_bytes;
    if (expected == HELLO_OK && whole != (result == HELLO_OK))
        fail_msg("%s: %s at %zu bytes, it takes %zu", what, hello_result_word(result), prefix,
                 wire_bytes);
    if (result == HELLO_OK) {
        char alpn[4096];
        hello_join_alpn(&hello, alpn, sizeof alpn);
    }
}

void hello_check_prefixes(const char *what, const uint8_t *wire, size_t len,
                          enum hello_result expected)
{
    struct client_hello hello;
    struct guard_page guard;

    guard_page_open(&guard, len);
    const uint8_t *bytes = guard_page_place(&guard, wire, len);
    enum hello_result result = hello_parse(bytes, len, HELLO_LIMIT_DEFAULT, &hello);
    if (result != expected)
        fail_msg("%s: %s (%s), expected %s", what, hello_result_word(result),
                 hello.why != NULL ? hello.why : "", hello_result_word(expected));
    bool has_why = hello.why != NULL;
    assert_int_equal(has_why, result != HELLO_OK && result != HELLO_MORE);
    size_t wire_bytes = hello.wire_bytes;
    size_t stride = len > 2 * EVERY_CUT_MAX ? CUT_STRIDE : 1;
    for (size_t prefix = 0; prefix <= len; prefix += stride)
        check_prefix(what, &guard, wire, prefix, expected, wire_bytes);
    guard_page_close(&guard);
}

static void check_same(const char *what, const struct client_hello *one,
                       const struct client_hello *other)
{
    char one_alpn[4096];
    char other_alpn[4096];

    hello_join_alpn(one, one_alpn, sizeof one_alpn);
    hello_join_alpn(other, other_alpn, sizeof other_alpn);
    bool same = one->name == other->name && one->host_len == other->host_len &&
                strcmp(one->host, other->host) == 0 && one->trailing_dot == other->trailing_dot &&
                one->legacy_version == other->legacy_version &&
                one->highest_version == other->highest_version &&
                one->version_count == other->version_count &&
                memcmp(one->versions, other->versions, sizeof one->versions) == 0 &&
                one->ech == other->ech && one->early_data == other->early_data &&
                one->handshake_bytes == other->handshake_bytes &&
                one->alpn_bytes == other->alpn_bytes && strcmp(one_alpn, other_alpn) == 0;
    if (!same)
        fail_msg("%s: cut into %u records it says something else", what, other->records);
}

/* The message under test, and how it was judged in its first cut. */
struct recut {
    const char *what;
    uint8_t *message;
    size_t len;
    uint8_t *wire; /* the new cut */
    size_t cap;
    enum hello_result result;
    struct client_hello hello;
};

static size_t check_cut(struct recut *recut, const size_t *cuts, size_t cut_count)
{
    struct client_hello hello;
    size_t wire_len = hello_wrap_records(recut->message, recut->len, 0x0301, cuts, cut_count,
                                         recut->wire, recut->cap);

    assert_true(wire_len > 0);
    enum hello_result result = hello_parse(recut->wire, wire_len, HELLO_LIMIT_DEFAULT, &hello);
    if (result != recut->result)
        fail_msg("%s: %s when cut into %u records, else %s", recut->what, hello_result_word(result),
                 hello.records, hello_result_word(recut->result));
    if (result == HELLO_OK) {
        check_same(recut->what, &recut->hello, &hello);
        assert_int_equal(hello.wire_bytes, hello.handshake_bytes + 4 + (size_t)5 * hello.records);
    }
    return wire_len;
}

static void check_random_cuts(struct recut *recut)
{
    size_t cuts[RANDOM_CUTS];
    unsigned seed = 7;

    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        for (size_t i = 0; i < RANDOM_CUTS; i++) {
            cuts[i] = 1 + (size_t)rand_r(&seed) % (recut->len / 4 + 2);
            if (cuts[i] > 16384)
                cuts[i] = 16384;
        }
        (void)check_cut(recut, cuts, RANDOM_CUTS);
    }
}

void hello_check_recuts(const char *what, const uint8_t *wire, size_t len)
{
    struct recut recut = {.what = what, .cap = 6 * MESSAGE_CAP};

    recut.message = malloc(MESSAGE_CAP);
    recut.wire = malloc(recut.cap);
    assert_true(recut.message != NULL && recut.wire != NULL);
    recut.result = hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &recut.hello);
    recut.len = hello_unwrap(wire, len, recut.message, MESSAGE_CAP);

    size_t stride = recut.len > EVERY_CUT_MAX ? CUT_STRIDE : 1;
    for (size_t at = 1; at < recut.len && at <= 16384; at += stride) {
        const size_t cuts[] = {at, 16384};
        (void)check_cut(&recut, cuts, 2);
    }
    check_random_cuts(&recut);
    const size_t one = 1;
    size_t dripped = check_cut(&recut, &one, 1);
    if (recut.len <= ONE_BYTE_DRIPS)
        hello_check_prefixes(what, recut.wire, dripped, recut.result);
    free(recut.message);
    free(recut.wire);
}
