#ifndef CONFIG_TEXT_HASH_H
#define CONFIG_TEXT_HASH_H

/* A fast hash of bytes, for tables in memory: XXH3. The same on every machine. Pure. */

#include <stddef.h>
#include <stdint.h>

/* `seed` keeps those who choose the bytes from choosing the hash; 0 where that does not matter. */
uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

#endif
