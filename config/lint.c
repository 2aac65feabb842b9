/* What is legal but suspicious: warnings over a whole configuration. */
#include "config/loader.h"

void lint_config(const struct config *config, struct report *report)
{
    (void)config;
    (void)report;
}
