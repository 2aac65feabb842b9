#include "config/config.h"

#include "config/fields.h"

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    route_table_free(config->table);
    arena_free(config->arena); /* `config` itself lies there */
}

const char *policy_case_word(enum policy_case which)
{
    return fields_policies[which].key;
}
