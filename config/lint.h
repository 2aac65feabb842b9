#ifndef CONFIG_LINT_H
#define CONFIG_LINT_H

/* What is legal but suspicious: warnings over a configuration without errors. */

#include "config/config.h"
#include "config/finding.h"

void lint_config(const struct config *config, struct finding_log *findings);

/*
 * Whether every connection fulfils the conditions of a route, and whether none can. Both false for
 * a route without conditions.
 */
bool lint_always_holds(const struct config *config, const struct route *route);
bool lint_never_holds(const struct config *config, const struct route *route);

#endif
