#include "router/log/reason.h"

#include <assert.h>

static const struct reason_info reasons[REASON_COUNT] = {
#define REASON_ROW(name, word, letters, alert, sentence)                                           \
    [REASON_##name] = {word, letters, TLS_ALERT_##alert, sentence},
    REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

const struct reason_info *reason_info(enum reason reason)
{
    assert((unsigned)reason < REASON_COUNT);
    return &reasons[reason];
}
