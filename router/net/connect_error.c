#include "router/net/connect_error.h"

#include <stddef.h>

#define ROW(number, word, whose, sentence) {number, REASON_##word, BLAME_##whose, sentence},

static const struct connect_error table[] = {CONNECT_ERROR_TABLE(ROW)};

const struct connect_error *connect_error_find(int error)
{
    static const struct connect_error unknown = {0, REASON_UNREACHABLE, BLAME_HOST,
                                                 "another error"};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].error == error)
            return &table[i];
    }
    return &unknown;
}
