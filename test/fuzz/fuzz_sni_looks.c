/* looks_of() with any bytes: of each beginning it says nothing, or what it says of all of them. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sni/looks.h"

/* Longer than all that is told by. */
#define BEGINNINGS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its own allocation of just this size, so that the sanitizer sees the first byte read too far. */
static enum looks judge_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    enum looks looks = looks_of(copy, size);
    free(copy);
    return looks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum looks all = looks_of(data, size), before = LOOKS_UNKNOWN;

    assert(strlen(looks_word(all)) > 0);
    for (size_t len = 0; len <= size && len <= BEGINNINGS_MAX; len++) {
        enum looks looks = judge_copy(data, len);
        assert(looks == LOOKS_UNKNOWN || looks == all);
        assert(before == LOOKS_UNKNOWN || looks == before); /* what was told stays */
        before = looks;
    }
    assert(size < BEGINNINGS_MAX || before == all);
    return 0;
}
