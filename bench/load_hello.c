/*
 * The hellos of a run: like a browser's, with a post-quantum key share, or padded to --hello-size
 * (without the share when it does not fit), and cut into records as --split says.
 *
 * Hellos of different names differ in length, so --hello-size must be enough for the longest name;
 * all hellos then have the same length.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"
#include "sni/build.h"

#define MLKEM_SHARE_BYTES 1216u
#define RECORD_HEAD       5u
#define RECORD_PAYLOAD    16384u
#define HELLO_ROOM        (96u * 1024)

static size_t name_length(const struct load *load, uint32_t index)
{
    char buffer[NAMES_MAX_LENGTH + 1];

    return strlen(names_text(&load->names, index, buffer));
}

/* Finds the longest and the shortest name. Generated names grow with their number. */
static void find_extremes(const struct load *load, uint32_t *longest, uint32_t *shortest)
{
    *shortest = 0;
    *longest = load->names.count - 1;
    for (uint32_t i = 0; load->names.list != NULL && i < load->names.count; i++) {
        if (name_length(load, i) > name_length(load, *longest))
            *longest = i;
        if (name_length(load, i) < name_length(load, *shortest))
            *shortest = i;
    }
}

/* Length of a message of `len` bytes in as few records as possible. */
static size_t wire_length(size_t len)
{
    return len + (len + RECORD_PAYLOAD - 1) / RECORD_PAYLOAD * RECORD_HEAD;
}

/* The longest message that takes at most `wire` bytes in records. */
static size_t message_length(size_t wire)
{
    size_t len = wire - RECORD_HEAD;

    while (wire_length(len) > wire)
        len--;
    return len;
}

size_t load_build_hello(const struct load *load, uint32_t name, uint64_t seed, uint8_t *out)
{
    char buffer[NAMES_MAX_LENGTH + 1];
    uint8_t message[HELLO_ROOM];
    struct hello_spec spec;

    hello_spec_init(&spec, names_text(&load->names, name, buffer));
    spec.alpn = load->alpn;
    spec.alpn_count = load->alpn_count;
    spec.seed = seed;
    spec.key_share_bytes = load->hello.key_share_bytes;
    spec.total_bytes = load->hello.message_bytes;
    const struct split *records = &load->options->ask.records;
    if (records->count == 0 && !records->all)
        return hello_build(&spec, out, HELLO_ROOM);
    static const size_t single_bytes[] = {1};
    size_t len = hello_build_handshake(&spec, message, sizeof message);
    return hello_wrap_records(message, len, spec.record_version,
                              records->all ? single_bytes : records->at,
                              records->all ? 1 : records->count, out, LOAD_SCRATCH_BYTES);
}

/* Length of the unpadded message for a name. */
static size_t natural_length(const struct load *load, uint32_t name, size_t key_share_bytes)
{
    char buffer[NAMES_MAX_LENGTH + 1];
    uint8_t message[HELLO_ROOM];
    struct hello_spec spec;

    hello_spec_init(&spec, names_text(&load->names, name, buffer));
    spec.alpn = load->alpn;
    spec.alpn_count = load->alpn_count;
    spec.key_share_bytes = key_share_bytes;
    return hello_build_handshake(&spec, message, sizeof message);
}

enum bench_exit load_choose_hello(struct load *load)
{
    size_t wanted = load->options->ask.hello_bytes;
    uint32_t longest;
    uint32_t shortest;

    if (load->options->ask.tls)
        return BENCH_OK;
    find_extremes(load, &longest, &shortest);
    size_t smallest = wire_length(natural_length(load, longest, 0));
    if (wanted > 0 && wanted < smallest) {
        char buffer[NAMES_MAX_LENGTH + 1];
        fprintf(stderr,
                "sni-bench: --hello-size %zu: a hello for %s has %zu bytes at least; ask for that "
                "or more, or leave --hello-size out\n",
                wanted, names_text(&load->names, longest, buffer), smallest);
        return BENCH_USAGE;
    }
    size_t with_share = wire_length(natural_length(load, longest, MLKEM_SHARE_BYTES));
    if (wanted == 0 || wanted >= with_share)
        load->hello.key_share_bytes = MLKEM_SHARE_BYTES;
    if (wanted > 0)
        load->hello.message_bytes = message_length(wanted);
    uint8_t *room = malloc(LOAD_SCRATCH_BYTES);
    if (room == NULL)
        return BENCH_FAILED;
    load->hello_most = load_build_hello(load, longest, 0, room);
    load->hello_least = load_build_hello(load, shortest, 0, room);
    free(room);
    if (load->hello_most > 0 &&
        load->hello_most + WIRE_REQUEST_BYTES + load->flight_body <= LOAD_SCRATCH_BYTES)
        return BENCH_OK;
    fprintf(stderr,
            "sni-bench: --split: the hello in so many records, with what is sent behind it, is "
            "longer than %uk; ask for longer records, or a smaller --hello-size or --req\n",
            LOAD_SCRATCH_BYTES / 1024);
    return BENCH_USAGE;
}
