#ifndef ROUTER_RELOAD_LOG_H
#define ROUTER_RELOAD_LOG_H

/* What the error log says of a reload: one reader of its outcome. Control thread. */

#include "router/control/publisher.h"
#include "router/control/reload.h"

void reload_log(const struct reload_outcome *outcome, const struct publisher *publisher);

#endif
