#ifndef SUPPORT_RUN_DOCUMENT_H
#define SUPPORT_RUN_DOCUMENT_H

/* Results of `latency --rate` as comparisons read them, short: what the tests ask for is in them.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>

struct run_document {
    double cpu_us; /* costs per request; negative = null */
    double rate;   /* requests per second */
    double p99_ms; /* p99.9 is twice as much */
    int resets;    /* errors */
    bool limited;  /* by the load tool, and so not valid */
    bool failed;
};

/* The caller owns it. */
cJSON *run_document_make(const struct run_document *run);

#endif
