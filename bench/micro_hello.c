/*
 * What one hello_parse() costs, in nanoseconds: one line per case, `hello_parse <case> <ns>`, the
 * median over many rounds. Takes no arguments.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sni/build.h"
#include "sni/hello.h"

#define ROUNDS          201
#define ROUND_BYTES     (256u * 1024u) /* parsed per round, so that the clock's grain vanishes */
#define MESSAGE_CAP     70000u
#define EXTENSION_COUNT 15000u

/* Keeps the compiler from optimising the work away. */
static volatile uint32_t sink;

static uint8_t message[MESSAGE_CAP];
static uint8_t wire[6 * MESSAGE_CAP];

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double parse_round(size_t len, unsigned times)
{
    struct client_hello hello;
    double begin = now_ns();

    for (unsigned i = 0; i < times; i++) {
        enum hello_result result = hello_parse(wire, len, HELLO_LIMIT_DEFAULT, &hello);
        assert(result == HELLO_OK);
        sink = hello.host_len + hello.alpn_bytes + (uint32_t)result;
    }
    return (now_ns() - begin) / times;
}

static void measure(const char *what, const struct hello_spec *spec, size_t cut)
{
    static double rounds[ROUNDS];
    size_t message_len = hello_build_handshake(spec, message, sizeof message);
    size_t len = hello_wrap_records(message, message_len, spec->record_version,
                                    cut > 0 ? &cut : NULL, 1, wire, sizeof wire);

    assert(len > 0);
    unsigned times = (unsigned)(ROUND_BYTES / len) + 1;
    for (size_t i = 0; i < ROUNDS; i++)
        rounds[i] = parse_round(len, times);
    qsort(rounds, ROUNDS, sizeof rounds[0], compare_doubles);
    printf("hello_parse %s_%zu %.0f\n", what, len, rounds[ROUNDS / 2]);
}

int main(void)
{
    static struct hello_extension many[EXTENSION_COUNT];
    struct hello_spec spec;

    hello_spec_init(&spec, "shop.example.com");
    spec.total_bytes = 1795;
    measure("post_quantum", &spec, 0);
    measure("post_quantum_in_one_byte_records", &spec, 1);

    hello_spec_init(&spec, "shop.example.com");
    spec.key_share_bytes = 0;
    spec.grease = false;
    spec.ech_grease = false;
    measure("small", &spec, 0);

    hello_spec_init(&spec, "shop.example.com");
    spec.total_bytes = 60000;
    measure("large", &spec, 0);
    measure("large_in_one_byte_records", &spec, 1);

    hello_spec_init(&spec, "shop.example.com");
    for (size_t i = 0; i < EXTENSION_COUNT; i++)
        many[i].type = (uint16_t)(1001 + 4 * i);
    spec.extra = many;
    spec.extra_count = EXTENSION_COUNT;
    measure("of_15000_extensions", &spec, 0);
    return EXIT_SUCCESS;
}
