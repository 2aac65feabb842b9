#ifndef ROUTER_RELOAD_LOG_H
#define ROUTER_RELOAD_LOG_H

/* What the error log says of a reload: one reader of its outcome. Control thread. */

#include "router/control/publisher.h"
#include "router/control/reload.h"

/* Each finding in a file as a line: `FILE:LINE:COLUMN: what is wrong`. */
void reload_log_findings(const struct diagnostics *found, const char *file);

void reload_log(const struct reload_outcome *outcome, const struct publisher *publisher);

#endif
