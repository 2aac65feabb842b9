#ifndef CONFIG_DIFFERENCE_H
#define CONFIG_DIFFERENCE_H

/* What has changed from one configuration to another, as numbers. Pure; any thread. */

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct change_count {
    size_t added, removed, changed;
};

struct config_difference {
    struct change_count listeners; /* by name */
    struct change_count backends;  /* by name */
    struct change_count hosts;     /* host patterns; changed: not routed as before */
    bool settings;                 /* anything else: policies, timeouts, limits, workers, log */
};

/*
 * `before` may be NULL: then everything was added. Looks up every host of `before`, so a million of
 * them take a second or two. False: no memory.
 */
bool config_difference(const struct config *before, const struct config *after,
                       struct config_difference *difference);

#endif
