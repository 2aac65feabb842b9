#ifndef CONFIG_DIFFERENCE_H
#define CONFIG_DIFFERENCE_H

/*
 * What has changed from one configuration to another, as numbers. Pure; any thread.
 *
 * Listeners, servers and timeouts are compared by the table of keys (fields.h). What is stored in
 * another form is compared by hand; the test of this file fails for a key that is not compared.
 */

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

/* Whether two backends send connections in the same way, whatever their names. Pure. */
bool config_same_backend(const struct backend_config *a, const struct backend_config *b);

/*
 * `before` may be NULL: then everything was added. Looks up every host of `before`: 20 ms for
 * 100,000 of them, which take 130 to load. False: no memory.
 */
bool config_difference(const struct config *before, const struct config *after,
                       struct config_difference *difference);

#endif
