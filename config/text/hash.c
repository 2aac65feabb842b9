#include "config/text/hash.h"

/* Compiled here: of the whole library one function is used, and nothing is loaded at start. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}
