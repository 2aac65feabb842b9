#ifndef CONFIG_LINT_H
#define CONFIG_LINT_H

/*
 * What is legal but suspicious: warnings about a configuration without errors. Called by load.c at
 * its end; a lint may assume that everything it looks at was accepted.
 */

#include "config/config.h"
#include "config/finding.h"

struct loader;

/* lint.c: what the configuration alone tells: listeners, backends, routes one by one. */
void lint_config(const struct config *config, struct finding_log *findings);

/* lint_document.c: what only the file tells: how policies and timeouts are given. */
void lint_document(struct loader *loader);

/* lint_shadowed.c: routes that another route keeps from ever matching. */
void lint_shadowed(struct loader *loader);

/*
 * Whether every connection fulfils the conditions of a route, and whether none can. Both false for
 * a route without conditions.
 */
bool lint_always_holds(const struct config *config, const struct route *route);
bool lint_never_holds(const struct config *config, const struct route *route);

#endif
