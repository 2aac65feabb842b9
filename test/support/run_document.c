#include "test/support/run_document.h"

#include <assert.h>
#include <stdio.h>

static const char *word_of(bool value)
{
    return value ? "true" : "false";
}

cJSON *run_document_make(const struct run_document *run)
{
    char text[1024];
    char cost[32] = "null";

    if (run->cpu_us >= 0)
        snprintf(cost, sizeof cost, "%.17g", run->cpu_us);
    snprintf(text, sizeof text,
             "{\"tool\":\"sni-bench\",\"mode\":\"latency\",\"measures_latency\":true,"
             "\"valid\":%s,\"limited_by_tool\":%s,\"failed\":%s,\"reasons\":[%s],"
             "\"errors\":{\"reset\":%d,\"timeout\":0},"
             "\"totals\":{\"connections_per_s\":0,\"requests_per_s\":%.17g,"
             "\"in_bytes_per_s\":1048576,\"out_bytes_per_s\":1048576},"
             "\"costs\":{\"cpu_us_per_request\":%s},"
             "\"phases\":{\"latency\":{\"count\":100,\"p99_ns\":%.17g,\"p99_9_ns\":%.17g},"
             "\"slip\":{\"count\":0,\"max_ns\":0}}}",
             word_of(!run->limited), word_of(run->limited), word_of(run->failed),
             run->limited ? "\"a thread was busy 99 %\"" : "", run->resets, run->rate, cost,
             run->p99_ms * 1e6, run->p99_ms * 2e6);
    cJSON *document = cJSON_Parse(text);
    assert(document != NULL);
    return document;
}
