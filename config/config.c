#include "config/config.h"

#include <assert.h>

static const char *const case_words[POLICY_CASES] = {
    [POLICY_NO_SNI] = "no_sni",       [POLICY_UNKNOWN_SNI] = "unknown_sni",
    [POLICY_NOT_TLS] = "not_tls",     [POLICY_MALFORMED] = "malformed",
    [POLICY_TOO_LARGE] = "too_large", [POLICY_HELLO_TIMEOUT] = "hello_timeout",
    [POLICY_NO_SERVER] = "no_server", [POLICY_LIMIT] = "limit",
};

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    route_table_free(config->table);
    arena_free(config->arena); /* `config` itself lies there */
}

const char *policy_case_word(enum policy_case which)
{
    assert(which < POLICY_CASES && case_words[which] != NULL);
    return case_words[which];
}
